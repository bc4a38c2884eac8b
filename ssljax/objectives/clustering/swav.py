"""SwAV: every view predicts the prototypes that another view of the image was assigned to."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import swapped_prediction
from ssljax.models import MLP, Prototypes, named
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.clustering.features import require_views, unit_features
from ssljax.objectives.presets import STRONG
from ssljax.objectives.views import Views
from ssljax.ops import sinkhorn
from ssljax.ops.normalize import l2_normalize
from ssljax.ops.queue import enqueue, init_queue
from ssljax.schema import Count, Positive, Size, Temperature, Width, Widths
from ssljax.schema import Prototypes as NumPrototypes

ASSIGNED = 2  # the first views: assignments are made from them


@dataclasses.dataclass(frozen=True)
class SwAV(Objective):
    """Unsupervised learning of visual features by contrasting cluster assignments (Caron et al.,
    2020).

    z = projector(encoder(view)) and the K prototypes C are unit vectors. For the first two views i,
    q_i = sinkhorn(z_i C' / epsilon), without gradient; the loss is the mean over i and over all
    views v other than i of -sum_k q_i log softmax(z_v C' / temperature).

    With a queue, the z_i of earlier batches take part in the assignment from the step `queue_start`
    on, so that a small batch can be spread over many prototypes; they are not in the loss. The
    paper holds the prototypes at first: that is the parameter group {"match": "^prototypes/",
    "frozen_steps": 313}.

    Paper: https://arxiv.org/abs/2006.09882. Official code: facebookresearch/swav, main_swav.py,
    which starts to fill its queue only when it is about to use it.
    """

    views: Views = Views(
        {
            "crop": {
                "count": 2,
                "size": 224,
                "crop_scale": (0.14, 1.0),
                "blur_prob": 0.5,
                **STRONG,
            },
            "small_crop": {
                "count": 6,
                "size": 96,
                "crop_scale": (0.05, 0.14),
                "blur_prob": 0.5,
                **STRONG,
            },
        }
    )
    prototypes: NumPrototypes = 3000
    temperature: Temperature = 0.1
    epsilon: Positive = 0.05
    sinkhorn_iterations: Count = 3
    queue_size: Size = 0
    queue_start: Size = 0
    projector_hidden: Widths = (2048,)
    projector_dim: Width = 128

    paper = "arXiv:2006.09882"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        require_views(self.views, ASSIGNED, "swav")
        if self.queue_size % self.run.batch_size:
            raise UserError(
                f"objective.queue_size={self.queue_size} is not a multiple of "
                f"batch_size={self.run.batch_size}"
            )

    def modules(self):
        groups = getattr(self.run.encoder, "bn_groups", 1)  # one process group for all
        head = {"bn_groups": groups, "linear_init": "torch", "dtype": self.run.dtype}
        return {
            "encoder": self.run.encoder,
            "projector": MLP(self.projector_hidden, self.projector_dim, **head),
            "prototypes": Prototypes(self.prototypes, self.projector_dim),
        }

    def run_once(self, net):
        net.projector(net.encoder(self.blank()).pooled)
        net.prototypes()

    def memory(self, key):
        if not self.queue_size:
            return {}
        sizes = {"rows": self.queue_size, "dim": self.projector_dim}
        queues = [init_queue(one, **sizes) for one in jax.random.split(key, ASSIGNED)]
        return {"queue": named(queues, "queue")}

    def loss(self, net, teacher, batch, *, key, step):
        z, prototypes = unit_features(net, self.views(key, batch)), net.prototypes()
        scores = [_scores(prototypes, view) for view in z]
        losses, carry = [], {}
        for i in range(ASSIGNED):
            assignments = self._assign(net, prototypes, scores[i], i, step)
            losses += [
                jnp.mean(swapped_prediction(scores[v], assignments, temperature=self.temperature))
                for v in range(len(scores))
                if v != i
            ]
        if self.queue_size:
            entering = zip(net.state["queue"], jax.lax.stop_gradient(z[:ASSIGNED]), strict=True)
            carry["queue"] = [enqueue(queue, rows) for queue, rows in entering]
        return Loss(jnp.mean(jnp.stack(losses)), carry=carry)

    def outputs(self, params, state, batch):
        """Return also the logits [B, K] of the predicted assignments, "assignments/NAME"."""
        found, name = super().outputs(params, state, batch), self.run.name
        net = self.evaluated(params, state)
        z = l2_normalize(net.projector(found[name]))
        logits = _scores(net.prototypes(), z) / self.temperature
        return {**found, f"assignments/{name}": logits}

    def _assign(self, net, prototypes, scores, view, step):
        """Return the assignments [B, K] of one view, spread evenly over batch and queue."""
        batch, where = len(scores), None
        if self.queue_size:
            earlier = _scores(prototypes, net.state["queue"][view]["rows"])
            full = self.queue_size // self.run.batch_size
            used = step >= max(full, self.queue_start)
            scores = jnp.concatenate([scores, earlier])
            where = (jnp.arange(len(scores)) < batch) | used
        return sinkhorn(
            scores, epsilon=self.epsilon, iterations=self.sinkhorn_iterations, where=where
        )[:batch]

    def advance(self, params, state, carry, *, step):
        rows = l2_normalize(params["prototypes"]["rows"])
        params = {**params, "prototypes": {"rows": rows}}
        return super().advance(params, state, carry, step=step)


def _scores(prototypes, z):
    # Epsilon and temperature divide the error of a reduced-precision product.
    return jnp.einsum("bd,kd->bk", z, prototypes, precision=jax.lax.Precision.HIGHEST)
