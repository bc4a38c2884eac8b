"""Relative location: tell on which side of a tile another one lay in the image."""

import dataclasses
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError
from ssljax.objectives.predictive.tiles import TILES, TilePuzzle
from ssljax.ops.keys import per_example
from ssljax.ops.tiles import distinct, drop_colors, project_colors
from ssljax.schema import Between

CENTRE = TILES // 2
AROUND = np.delete(np.arange(TILES), CENTRE)  # class k is the k-th tile around the centre


@dataclasses.dataclass(frozen=True)
class RelativeLocation(TilePuzzle):
    """Unsupervised visual representation learning by context prediction (Doersch et al., 2015).

    An image is divided into 3x3 cells, and a tile is cut at random out of each. The classifier is
    given the features of the middle tile and of one of the eight around it and tells which:

        z_t = projector(encoder(tile_t)),  k drawn from the 8 places
        loss = mean of -log softmax(classifier([z_middle, z_k]))[k]

    An encoder that tells nothing has the loss log 8. Gaps and jitter keep lines from showing the
    place, `color` keeps the colour fringes of lenses from it.

    Paper: https://arxiv.org/abs/1505.05192. Official code: cdoersch/deepcontext, train.py. In
    proportion, its tiles of 96 pixels in cells of 144, moved by up to 7, dropped colours and one
    pair of each image are the defaults. `neighbours` = 8 gives all eight pairs of every image, as
    in google/revisiting-self-supervised, whose layers after the encoder (a linear one for each
    tile, then BatchNorm and a hidden layer of 4096) these are, without dropout. The paper resamples
    some tiles to as few as 100 pixels and back; here they keep their resolution. Colours are
    projected after normalisation.
    """

    color: Literal["drop", "project", "keep"] = "drop"
    neighbours: Annotated[int, Between(1, len(AROUND))] = 1

    paper = "arXiv:1505.05192"
    together = 2
    classes = len(AROUND)

    def check(self):
        super().check()
        channels = self.run.field.shape[2]
        if self.color != "keep" and channels != 3:
            raise UserError(
                f"objective.color={self.color!r} needs images with 3 channels, these have "
                f"{channels}; set objective.color='keep'"
            )

    def loss(self, net, teacher, batch, *, key, step):
        tiles_key, place_key, color_key = jax.random.split(key, 3)
        keys = per_example(place_key, batch["row"])
        labels = distinct(keys, count=self.neighbours, of=len(AROUND))
        middle = jnp.full((len(labels), 1), CENTRE)
        chosen = jnp.concatenate([middle, jnp.asarray(AROUND)[labels]], axis=1)
        tiles = self.cut(tiles_key, batch)
        tiles = jnp.take_along_axis(tiles, chosen[:, :, None, None, None], axis=1)
        if self.color == "drop":
            tiles = drop_colors(per_example(color_key, batch["row"]), tiles)
        elif self.color == "project":
            tiles = project_colors(tiles)
        z = self.features(net, tiles)
        pairs = jnp.stack([jnp.broadcast_to(z[:, :1], z[:, 1:].shape), z[:, 1:]], axis=2)
        return self.answer(net, pairs, labels)
