"""Jigsaw: tell in which order the nine tiles of an image were laid out."""

import dataclasses
import math
from typing import Annotated

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.objectives.predictive.tiles import TILES, TilePuzzle
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.permutations import distant_permutations
from ssljax.ops.tiles import distinct, standardize_colors
from ssljax.schema import Between, Count, Part, Share


@dataclasses.dataclass(frozen=True)
class Jigsaw(TilePuzzle):
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

    views: Views = Views.crops(crop_scale=(0.7725, 0.7725), crop_ratio=(1.0, 1.0), grey_prob=0.3)
    tile: Part = 0.853
    jitter: Share = 1.0
    permutations: Annotated[int, Between(2, math.factorial(TILES))] = 1000
    orders: Count = 1

    paper = "arXiv:1603.09246"
    together = TILES

    def check(self):
        super().check()
        if self.orders > self.permutations:
            raise UserError(
                f"objective.orders={self.orders}; it must be at most "
                f"objective.permutations={self.permutations}"
            )

    @property
    def classes(self):
        return self.permutations

    def loss(self, net, teacher, batch, *, key, step):
        tiles_key, order_key = jax.random.split(key)
        z = self.features(net, standardize_colors(self.cut(tiles_key, batch)))
        keys = per_example(order_key, batch["row"])
        labels = distinct(keys, count=self.orders, of=self.permutations)
        orders = jnp.asarray(distant_permutations(TILES, self.permutations))[labels]
        puzzles = jnp.take_along_axis(z[:, None], orders[..., None], axis=2)
        return self.answer(net, puzzles, labels)
