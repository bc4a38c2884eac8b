"""NNCLR: a view agrees with the nearest neighbour, among earlier examples, of the other view."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.losses import batch_info_nce
from ssljax.losses.blockwise import over_pairs, product
from ssljax.models import MLP, named
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.contrastive.momentum_contrast import require_queue
from ssljax.objectives.views import Views
from ssljax.ops.normalize import l2_normalize
from ssljax.ops.queue import enqueue, init_queue
from ssljax.schema import Count, Size, Temperature, Width, Widths


@dataclasses.dataclass(frozen=True)
class NNCLR(Objective):
    """With a little help from my friends: nearest-neighbor contrastive learning of visual
    representations (Dwibedi et al., 2021).

    z = projector(encoder(view)), p = predictor(z), and NN(z) = the vector of the queue Q that is
    nearest to z; with L(NN, p) = CE(NN . p_all / t, its own p), the loss is
    (L(NN(z1), p2) + L(NN(z2), p1)) / 2. No gradient goes through the neighbours. The z1 of each
    batch enter the queue after it was used. With `logits_block` above 0 the loss holds so many rows
    and columns of logits at a time.

    Paper: https://arxiv.org/abs/2104.14548, algorithm 1. Official code: none is known.
    """

    views: Views = Views("byol")
    temperature: Temperature = 0.1
    queue_size: Count = 98304
    projector_hidden: Widths = (2048, 2048)
    projector_dim: Width = 256
    predictor_hidden: Widths = (4096,)
    logits_block: Size = 0

    takes_ragged = True
    paper = "arXiv:2104.14548"
    batch_coupled = True
    smallest_batch = 3

    def check(self):
        self.views.require(count=2)
        require_queue(self.run, self.queue_size)

    def modules(self):
        head = {"output_norm": "affine", "output_bias": False, "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        predictor = MLP(self.predictor_hidden, self.projector_dim, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "projector": projector, "predictor": predictor}

    def memory(self, key):
        queue = init_queue(key, rows=self.queue_size, dim=self.projector_dim)
        return {"queue": named(queue, "queue")}

    def loss(self, net, teacher, batch, *, key, step):
        views, queue = self.views.stacked(key, batch), net.state["queue"]
        z1, z2 = (net.projector(net.encoder(views[:, v]).pooled) for v in (0, 1))
        p1, p2 = net.predictor(z1), net.predictor(z2)
        nn1, nn2 = (nearest(z, queue["rows"], block=self.logits_block) for z in (z1, z2))
        losses = self._contrast(nn1, p2) + self._contrast(nn2, p1)
        entering = jax.lax.stop_gradient(l2_normalize(z1))
        return Loss(jnp.mean(losses) / 2, carry={"queue": enqueue(queue, entering)})

    def _contrast(self, nn, p):
        return batch_info_nce(nn, p, temperature=self.temperature, block=self.logits_block)


def nearest(z: jax.Array, rows: jax.Array, *, block: int = 0) -> jax.Array:
    """Return the row of rows[K, D], unit vectors, of greatest cosine with each of z[B, D].

    With `block` it holds at most so many rows and columns of the cosines, see `over_pairs`.
    """
    z, rows = jax.lax.stop_gradient((l2_normalize(z), rows))

    def better(z, candidates, best, _):
        cosines = product(z, candidates["row"])
        found = jnp.argmax(cosines, axis=1)
        cosine = jnp.max(cosines, axis=1)
        nearer = best["cosine"] < cosine
        index = jnp.where(nearer, candidates["index"][found], best["index"])
        return {"cosine": jnp.maximum(best["cosine"], cosine), "index": index}, ()

    none = {"cosine": jnp.full((1, len(z)), -jnp.inf), "index": jnp.zeros((1, len(z)), jnp.int32)}
    candidates = {"row": rows[None], "index": jnp.arange(len(rows), dtype=jnp.int32)[None]}
    best, _ = over_pairs(better, z[None], candidates, none, (), block=block)
    return rows[best["index"][0]]
