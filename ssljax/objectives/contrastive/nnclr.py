"""NNCLR: a view agrees with the nearest neighbour, among earlier images, of the other view."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import batch_info_nce
from ssljax.losses.blockwise import over_pairs, product
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive, require_queue
from ssljax.objectives.siamese import ASYMMETRIC, each_view
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.normalize import l2_normalize
from ssljax.ops.queue import enqueue, init_queue


@dataclasses.dataclass(frozen=True)
class NNCLR:
    """With a little help from my friends: nearest-neighbor contrastive learning of visual
    representations (Dwibedi et al., 2021).

    z = projector(encoder(view)), p = predictor(z), and NN(z) = the vector of the queue Q that is
    nearest to z; with L(NN, p) = CE(NN . p_all / t, its own p), the loss is
    (L(NN(z1), p2) + L(NN(z2), p1)) / 2. No gradient goes through the neighbours. The z1 of each
    batch enter the queue after it was used. With `logits_block` above 0 the loss holds so many rows
    and columns of logits at a time.

    Paper: https://arxiv.org/abs/2104.14548, algorithm 1. Official code: none is known.
    """

    run: Run
    views: Views = ASYMMETRIC
    temperature: float = 0.1
    queue_size: int = 98304
    projector_hidden: tuple = (2048, 2048)
    projector_dim: int = 256
    predictor_hidden: tuple = (4096,)
    logits_block: int = 0

    family: ClassVar[str] = "contrastive"
    paper: ClassVar[str] = "arXiv:2104.14548"
    keeps: ClassVar[tuple[str, ...]] = ("queue",)
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 3

    def __post_init__(self):
        require_positive(temperature=self.temperature)
        require_not_negative(logits_block=self.logits_block)
        self.views.require(self.run.inputs, count=2)
        require_queue(self.run, self.queue_size)

    @property
    def network(self) -> Chain:
        projector = MLP(
            self.projector_hidden,
            self.projector_dim,
            output_norm="affine",
            output_bias=False,
            dtype=self.run.dtype,
        )
        predictor = MLP(self.predictor_hidden, self.projector_dim, dtype=self.run.dtype)
        return Chain({"encoder": self.run.encoder, "projector": projector, "predictor": predictor})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        return {
            "stats": self.network.init(key, example(self.run.inputs))[1],
            "queue": init_queue(key, rows=self.queue_size, dim=self.projector_dim),
        }

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key = jax.random.split(key)
        views = self.views.stacked(self.run.inputs, views_key, batch)
        (z1, z2), stats = each_view(
            self.network, params, memory["stats"], views, model_key, ("encoder", "projector")
        )
        p1, stats = self._predict(params, stats, z1)
        p2, stats = self._predict(params, stats, z2)
        queue = memory["queue"]["rows"]
        nn1, nn2 = (nearest(z, queue, block=self.logits_block) for z in (z1, z2))
        losses = self._contrast(nn1, p2) + self._contrast(nn2, p1)
        carry = {"stats": stats, "z": jax.lax.stop_gradient(l2_normalize(z1))}
        return jnp.mean(losses) / 2, Aux(metrics={}, carry=carry)

    def _predict(self, params, stats, z):
        return self.network.apply(params, stats, z, train=True, through=("predictor",))

    def _contrast(self, nn, p):
        return batch_info_nce(nn, p, temperature=self.temperature, block=self.logits_block)

    def advance(self, params, memory, carry, *, step):
        queue = enqueue(memory["queue"], carry["z"])
        return params, {"stats": carry["stats"], "queue": queue}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)


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
