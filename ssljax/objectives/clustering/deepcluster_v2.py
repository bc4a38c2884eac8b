"""DeepCluster-v2: every view predicts the cluster of its image; clusters are found each epoch."""

import dataclasses
import functools
from typing import Annotated

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import prototype_cross_entropy
from ssljax.models import MLP, named
from ssljax.objectives.base import Loss, Refreshing
from ssljax.objectives.clustering.features import require_views, unit_features
from ssljax.objectives.presets import STRONG
from ssljax.objectives.views import Views
from ssljax.ops.kmeans import spherical_kmeans
from ssljax.ops.memory_bank import write_rows
from ssljax.ops.normalize import l2_normalize
from ssljax.schema import Count, NotEmpty, Prototypes, Temperature, Width, Widths

BANKS = 2  # of the features of the first views


@dataclasses.dataclass(frozen=True)
class DeepCluster(Refreshing):
    """DeepCluster-v2 (Caron et al., 2020).

    The features z of the first two views of every image are kept in two banks, by example id.
    Before every epoch, spherical k-means on a bank gives each head h its prototypes C_h and the
    labels of all images; the loss is the mean over heads of the cross-entropy of z . C_h /
    temperature against the label. Prototypes are not trained. The encoder takes the views of one
    size together, the projector those of all sizes. Before the first epoch the banks are filled
    with features of the fresh network, each view by itself.

    Paper: https://arxiv.org/abs/2006.09882. Official code: facebookresearch/swav,
    main_deepclusterv2.py and src/resnet50.py. The code draws an epoch's images without the last
    incomplete batch; here an epoch is `steps_per_epoch` steps and every image takes part, whatever
    the batch size.
    """

    views: Views = Views.crops(count=2, crop_scale=(0.14, 1.0), blur_prob=0.5, **STRONG)
    prototypes: Annotated[tuple[Prototypes, ...], NotEmpty()] = (3000, 3000, 3000)
    temperature: Temperature = 0.1
    kmeans_iterations: Count = 10
    projector_hidden: Widths = (2048,)
    projector_dim: Width = 128

    paper = "arXiv:2006.09882"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        require_views(self.views, BANKS, "deepcluster_v2")
        if max(self.prototypes) > (count := self.run.spec.num_examples):
            raise UserError(
                f"objective.prototypes={self.prototypes}: there are only {count} examples to "
                "cluster"
            )

    def modules(self):
        groups = getattr(self.run.encoder, "bn_groups", 1)  # one process group for all
        head = {"bn_groups": groups, "linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def memory(self, key):
        count, dim = self.run.spec.num_examples, self.projector_dim
        prototypes = [jnp.zeros((size, dim)) for size in self.prototypes]
        return {
            "banks": [jnp.zeros((count, dim)) for _ in range(BANKS)],
            "labels": [jnp.full(count, -1, jnp.int32) for _ in self.prototypes],
            "prototypes": named(prototypes, "prototypes"),
        }

    def loss(self, net, teacher, batch, *, key, step):
        features, ids = unit_features(net, self.views(key, batch)), batch["id"]
        heads = [
            prototype_cross_entropy(
                z @ prototypes.T,
                labels[ids],
                temperature=self.temperature,
                where=labels[ids] >= 0,
            )
            for prototypes, labels in zip(net.state["prototypes"], net.state["labels"], strict=True)
            for z in features
        ]
        rows = jax.lax.stop_gradient(features[:BANKS])
        banks = _write(net.state["banks"], ids, rows)
        return Loss(jnp.mean(jnp.stack(heads)), carry={"banks": banks})

    def outputs(self, params, state, batch):
        """Return also the logits [B, K] of the first head's clusters, "assignments/NAME"."""
        found, name = super().outputs(params, state, batch), self.run.name
        z = l2_normalize(self.evaluated(params, state).projector(found[name]))
        logits = z @ state["prototypes"][0].T / self.temperature
        return {**found, f"assignments/{name}": logits}

    def refresh_due(self, step):
        return step % self.run.steps_per_epoch == 0

    def refresh(self, state, batches, *, key):
        banks = state.objective_state["banks"]
        if int(state.step) == 0:
            banks = self._first_banks(state, batches, key)
        clusters = [
            spherical_kmeans(
                banks[head % len(banks)],  # heads take the banks in turn
                jax.random.fold_in(key, head),
                clusters=size,
                iterations=self.kmeans_iterations,
            )
            for head, size in enumerate(self.prototypes)
        ]
        prototypes, labels = zip(*clusters, strict=True)
        found = {"banks": banks, "prototypes": list(prototypes), "labels": list(labels)}
        return state.replace(objective_state={**state.objective_state, **found})

    def _first_banks(self, state, batches, key):
        @functools.partial(jax.jit, donate_argnums=0)
        def fill(banks, batch, key):
            batch = {**batch, "row": jnp.arange(len(batch["id"]))}
            rows = self._first_features(state.params, state.objective_state, batch, key)
            return _write(banks, batch["id"], rows, batch["valid"])

        banks = jax.tree.map(jnp.copy, state.objective_state["banks"])
        for number, batch in enumerate(batches()):
            banks = fill(banks, batch, jax.random.fold_in(key, number))
        return banks

    def _first_features(self, params, state, batch, key):
        """Return unit vectors [B, D] of each banked view, as if there were no other view."""
        groups = self.views(key, batch).values()
        views = [crops[:, view] for crops in groups for view in range(crops.shape[1])][:BANKS]
        keys = jax.random.split(jax.random.split(key)[1], BANKS)
        rows = []
        for view, one in zip(views, keys, strict=True):
            net, _ = self.nets(params, state, key=one)
            rows.append(l2_normalize(net.projector(net.encoder(view).pooled)))
        return rows


def _write(banks, ids, features, where=None):
    return [
        write_rows(bank, ids, rows, where=where) for bank, rows in zip(banks, features, strict=True)
    ]
