"""DeepCluster-v2: every view predicts the cluster of its image; clusters are found each epoch."""

import dataclasses
import functools
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import prototype_cross_entropy
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_positive
from ssljax.objectives.siamese import all_views
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.kmeans import spherical_kmeans
from ssljax.ops.memory_bank import write_rows
from ssljax.ops.normalize import l2_normalize

BANKS = 2  # of the features of the first views


@dataclasses.dataclass(frozen=True)
class DeepCluster:
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

    run: Run
    views: Views = Views.crops(
        count=2,
        crop_scale=(0.14, 1.0),
        flip=0.5,
        brightness=0.8,
        contrast=0.8,
        saturation=0.8,
        hue=0.2,
        jitter_prob=0.8,
        grey_prob=0.2,
        blur_prob=0.5,
    )
    prototypes: tuple = (3000, 3000, 3000)
    temperature: float = 0.1
    kmeans_iterations: int = 10
    projector_hidden: tuple = (2048,)
    projector_dim: int = 128

    family: ClassVar[str] = "clustering"
    paper: ClassVar[str] = "arXiv:2006.09882"
    keeps: ClassVar[tuple[str, ...]] = ("banks", "labels", "prototypes")
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        require_positive(temperature=self.temperature)
        views = sum(view.count for view in self.views.augmentations(self.run.inputs).values())
        if views < BANKS:
            raise UserError(f"objective.views makes {views} view(s); deepcluster_v2 needs {BANKS}")
        if max(self.prototypes) > self.run.inputs.num_examples:
            raise UserError(
                f"objective.prototypes={self.prototypes}: there are only "
                f"{self.run.inputs.num_examples} "
                "images to cluster"
            )

    @property
    def network(self) -> Chain:
        projector = MLP(
            self.projector_hidden,
            self.projector_dim,
            bn_groups=getattr(self.run.encoder, "bn_groups", 1),  # one process group for all
            linear_init="torch",
            dtype=self.run.dtype,
        )
        return Chain({"encoder": self.run.encoder, "projector": projector})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        count = self.run.inputs.num_examples
        return {
            "stats": self.network.init(key, example(self.run.inputs))[1],
            "banks": [jnp.zeros((count, self.projector_dim)) for _ in range(BANKS)],
            "labels": [jnp.full(count, -1, jnp.int32) for _ in self.prototypes],
            "prototypes": [jnp.zeros((size, self.projector_dim)) for size in self.prototypes],
        }

    def loss(self, params, memory, batch, *, key, step):
        features, stats = self._features(params, memory["stats"], batch, key)
        heads = [
            prototype_cross_entropy(
                z @ prototypes.T,
                labels[batch["id"]],
                temperature=self.temperature,
                where=labels[batch["id"]] >= 0,
            )
            for prototypes, labels in zip(memory["prototypes"], memory["labels"], strict=True)
            for z in features
        ]
        carry = {"stats": stats, "ids": batch["id"], "features": features[:BANKS]}
        return jnp.mean(jnp.stack(heads)), Aux(metrics={}, carry=jax.lax.stop_gradient(carry))

    def _features(self, params, stats, batch, key):
        """Return unit vectors [V, B, D] and the new batch statistics."""
        views_key, model_key = jax.random.split(key)
        groups = self.views(self.run.inputs, views_key, batch)
        z, stats = all_views(self.network, params, stats, groups, model_key)
        return l2_normalize(z), stats

    def _first_features(self, params, stats, batch, key):
        """Return unit vectors [B, D] of each banked view, as if there were no other view."""
        views_key, model_key = jax.random.split(key)
        groups = self.views(self.run.inputs, views_key, batch).values()
        views = [crops[:, view] for crops in groups for view in range(crops.shape[1])][:BANKS]
        keys = jax.random.split(model_key, BANKS)
        return [
            l2_normalize(self.network.apply(params, stats, view, train=True, key=one)[0])
            for view, one in zip(views, keys, strict=True)
        ]

    def advance(self, params, memory, carry, *, step):
        banks = self._write(memory["banks"], carry["ids"], carry["features"])
        return params, {**memory, "stats": carry["stats"], "banks": banks}

    def _write(self, banks, ids, features, where=None):
        return [
            write_rows(bank, ids, rows, where=where)
            for bank, rows in zip(banks, features, strict=True)
        ]

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
            features = self._first_features(
                state.params, state.objective_state["stats"], batch, key
            )
            return self._write(banks, batch["id"], features, batch["valid"])

        banks = jax.tree.map(jnp.copy, state.objective_state["banks"])
        for number, batch in enumerate(batches()):
            banks = fill(banks, batch, jax.random.fold_in(key, number))
        return banks

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
