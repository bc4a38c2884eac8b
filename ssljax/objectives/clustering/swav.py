"""SwAV: every view predicts the prototypes that another view of the image was assigned to."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import swapped_prediction
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_positive
from ssljax.objectives.siamese import all_views
from ssljax.objectives.views import Views, embed, example
from ssljax.ops import sinkhorn
from ssljax.ops.normalize import l2_normalize
from ssljax.ops.queue import enqueue, init_queue

ASSIGNED = 2  # the first views: assignments are made from them
_COLOUR = dict(
    flip=0.5,
    brightness=0.8,
    contrast=0.8,
    saturation=0.8,
    hue=0.2,
    jitter_prob=0.8,
    grey_prob=0.2,
    blur_prob=0.5,
)


@dataclasses.dataclass(frozen=True)
class SwAV:
    """Unsupervised learning of visual features by contrasting cluster assignments (Caron et al.,
    2020).

    z = projector(encoder(view)) and the K prototypes C are unit vectors. For the first two views i,
    q_i = sinkhorn(z_i C' / epsilon), without gradient; the loss is the mean over i and over all
    views v other than i of -sum_k q_i log softmax(z_v C' / temperature).

    With a queue, the z_i of earlier batches take part in the assignment from the step `queue_start`
    on, so that a small batch can be spread over many prototypes; they are not in the loss. The
    paper holds the prototypes at first: that is the optimizer rule {"match": "^prototypes/",
    "frozen_steps": 313}.

    Paper: https://arxiv.org/abs/2006.09882. Official code: facebookresearch/swav, main_swav.py,
    which starts to fill its queue only when it is about to use it.
    """

    run: Run
    views: Views = Views(
        {
            "crop": {"count": 2, "size": 224, "crop_scale": (0.14, 1.0), **_COLOUR},
            "small_crop": {"count": 6, "size": 96, "crop_scale": (0.05, 0.14), **_COLOUR},
        }
    )
    prototypes: int = 3000
    temperature: float = 0.1
    epsilon: float = 0.05
    sinkhorn_iterations: int = 3
    queue_size: int = 0
    queue_start: int = 0
    projector_hidden: tuple = (2048,)
    projector_dim: int = 128

    family: ClassVar[str] = "clustering"
    paper: ClassVar[str] = "arXiv:2006.09882"
    keeps: ClassVar[tuple[str, ...]] = ("queue",)
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        require_positive(epsilon=self.epsilon, temperature=self.temperature)
        views = sum(view.count for view in self.views.augmentations(self.run.inputs).values())
        if views < ASSIGNED:
            raise UserError(f"{self.views.where} makes {views} view(s); swav needs {ASSIGNED}")
        if self.queue_size % self.run.batch_size:
            raise UserError(
                f"objective.queue_size={self.queue_size} is not a multiple of "
                f"batch_size={self.run.batch_size}"
            )
        for name, least in (("prototypes", 2), ("sinkhorn_iterations", 1)):
            if getattr(self, name) < least:
                value = getattr(self, name)
                raise UserError(f"objective.{name}={value}; it must be at least {least}")

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
        network_key, prototypes_key = jax.random.split(key)
        params = self.network.init(network_key, example(self.run.inputs))[0]
        rows = jax.random.normal(prototypes_key, (self.prototypes, self.projector_dim))
        return {**params, "prototypes": {"rows": l2_normalize(rows)}}

    def init_memory(self, key, params, batch):
        memory = {"stats": self.network.init(key, example(self.run.inputs))[1]}
        if self.queue_size:
            sizes = {"rows": self.queue_size, "dim": self.projector_dim}
            memory["queue"] = [init_queue(one, **sizes) for one in jax.random.split(key, ASSIGNED)]
        return memory

    def loss(self, params, memory, batch, *, key, step):
        features, stats = self._features(params, memory["stats"], batch, key)
        scores = [self._scores(params, z) for z in features]
        losses = []
        for i in range(ASSIGNED):
            assignments = self._assign(params, memory, scores[i], i, step)
            losses += [
                jnp.mean(swapped_prediction(scores[v], assignments, temperature=self.temperature))
                for v in range(len(scores))
                if v != i
            ]
        carry = {"stats": stats, "features": jax.lax.stop_gradient(features[:ASSIGNED])}
        return jnp.mean(jnp.stack(losses)), Aux(metrics={}, carry=carry)

    def _features(self, params, stats, batch, key):
        """Return unit vectors [V, B, D] and the new batch statistics."""
        views_key, model_key = jax.random.split(key)
        groups = self.views(self.run.inputs, views_key, batch)
        z, stats = all_views(self.network, params, stats, groups, model_key)
        return l2_normalize(z), stats

    def _scores(self, params, z):
        # Epsilon and temperature divide the error of a reduced-precision product.
        rows = params["prototypes"]["rows"]
        return jnp.einsum("bd,kd->bk", z, rows, precision=jax.lax.Precision.HIGHEST)

    def _assign(self, params, memory, scores, view, step):
        """Return the assignments [B, K] of one view, spread evenly over batch and queue."""
        batch, where = len(scores), None
        if self.queue_size:
            earlier = self._scores(params, memory["queue"][view]["rows"])
            full = self.queue_size // self.run.batch_size
            used = step >= max(full, self.queue_start)
            scores = jnp.concatenate([scores, earlier])
            where = (jnp.arange(len(scores)) < batch) | used
        return sinkhorn(
            scores, epsilon=self.epsilon, iterations=self.sinkhorn_iterations, where=where
        )[:batch]

    def advance(self, params, memory, carry, *, step):
        rows = l2_normalize(params["prototypes"]["rows"])
        memory = {**memory, "stats": carry["stats"]}
        if self.queue_size:
            pairs = zip(memory["queue"], carry["features"], strict=True)
            memory["queue"] = [enqueue(queue, z) for queue, z in pairs]
        return {**params, "prototypes": {"rows": rows}}, memory

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
