"""Jigsaw: tell in which order the nine tiles of an image were laid out."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.predictive.pretext import classification
from ssljax.objectives.predictive.tiles import TILES, TileCutter, TileNetwork
from ssljax.objectives.views import Views, embed
from ssljax.ops.keys import per_example
from ssljax.ops.permutations import distant_permutations
from ssljax.ops.tiles import distinct, standardize_colors


@dataclasses.dataclass(frozen=True)
class Jigsaw:
    """Unsupervised learning of visual representations by solving jigsaw puzzles (Noroozi and
    Favaro, 2016).

    An image is divided into 3x3 cells, and a tile is cut at random out of each. The classifier is
    given their features in the order of one of P permutations sigma_1 ... sigma_P, which differ as
    much as possible, and tells which:

        z_t = projector(encoder(standardised tile_t)),  j drawn from 1 ... P
        loss = mean of -log softmax(classifier([z_sigma_j(1), ..., z_sigma_j(9)]))[j]

    An encoder that tells nothing has the loss log P. Every tile has its own mean and deviation
    removed, so that neither shows its place.

    Paper: https://arxiv.org/abs/1603.09246. Official code: MehdiNoroozi/JigsawPuzzleSolver. In
    proportion as there, 225 of 256 pixels are cut into cells of 75 with tiles of 64, of images of
    which 3 of 10 are grey, and P = 1000. The permutations are those of the paper's algorithm, from
    the identity on, while both the paper and the code begin at random. `orders` puts several
    permutations of an image into a batch, as google/revisiting-self-supervised does with 8, whose
    layers after the encoder these are, without dropout. The paper also moves the colour channels of
    a tile against each other by up to 2 pixels; here grey images alone stand against the fringes of
    lenses.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.7725, 0.7725), crop_ratio=(1.0, 1.0), grey_prob=0.3)
    tile: float = 0.853
    jitter: float = 1.0
    tile_size: int = 0
    permutations: int = 1000
    orders: int = 1
    projector_dim: int = 1000
    classifier_hidden: tuple = (4096,)

    family: ClassVar[str] = "predictive"
    paper: ClassVar[str] = "arXiv:1603.09246"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self._cutter.check()
        if not 2 <= self.permutations <= math.factorial(TILES):
            raise UserError(
                f"objective.permutations={self.permutations}; it must be from 2 to "
                f"{math.factorial(TILES)}, the number there is of {TILES} tiles"
            )
        if not 1 <= self.orders <= self.permutations:
            raise UserError(
                f"objective.orders={self.orders}; it must be from 1 to "
                f"objective.permutations={self.permutations}"
            )

    @property
    def _cutter(self) -> TileCutter:
        return TileCutter(self.views, self.run.inputs, self.tile, self.jitter, self.tile_size)

    @property
    def network(self) -> TileNetwork:
        return TileNetwork(
            encoder=self.run.encoder,
            together=TILES,
            classes=self.permutations,
            projector_dim=self.projector_dim,
            classifier_hidden=self.classifier_hidden,
            dtype=self.run.dtype,
        )

    def init_params(self, key, batch):
        return self.network.init(key, self._cutter.example)[0]

    def init_memory(self, key, params, batch):
        return {"stats": self.network.init(key, self._cutter.example)[1]}

    def loss(self, params, memory, batch, *, key, step):
        tiles_key, order_key, model_key = jax.random.split(key, 3)
        tiles = standardize_colors(self._cutter(tiles_key, batch))
        z, stats = self.network.encode(params, memory["stats"], tiles, key=model_key)
        keys = per_example(order_key, batch["row"])
        labels = distinct(keys, count=self.orders, of=self.permutations)
        orders = jnp.asarray(distant_permutations(TILES, self.permutations))[labels]
        puzzles = jnp.take_along_axis(z[:, None], orders[..., None], axis=2)
        logits, stats = self.network.classify(params, stats, puzzles)
        loss, metrics = classification(logits, labels.ravel())
        return loss, Aux(metrics=metrics, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
