"""Relative location: tell on which side of a tile another one lay in the image."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError, unknown
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.predictive.pretext import classification
from ssljax.objectives.predictive.tiles import TILES, TileCutter, TileNetwork
from ssljax.objectives.views import Views, embed
from ssljax.ops.keys import per_example
from ssljax.ops.tiles import distinct, drop_colors, project_colors

CENTRE = TILES // 2
AROUND = np.delete(np.arange(TILES), CENTRE)  # class k is the k-th tile around the centre
COLORS = ("drop", "project", "keep")


@dataclasses.dataclass(frozen=True)
class RelativeLocation:
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

    run: Run
    views: Views = Views.crops(crop_scale=(0.5, 1.0))
    tile: float = 0.667
    jitter: float = 0.292
    tile_size: int = 0
    color: str = "drop"
    neighbours: int = 1
    projector_dim: int = 1000
    classifier_hidden: tuple = (4096,)

    family: ClassVar[str] = "predictive"
    paper: ClassVar[str] = "arXiv:1505.05192"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self._cutter.check()
        if self.color not in COLORS:
            raise unknown("objective.color", self.color, COLORS)
        if self.color != "keep" and self.run.inputs.shape[2] != 3:
            raise UserError(
                f"objective.color={self.color!r} needs images with 3 channels, these have "
                f"{self.run.inputs.shape[2]}; set objective.color='keep'"
            )
        if not 1 <= self.neighbours <= len(AROUND):
            raise UserError(f"objective.neighbours={self.neighbours}; it must be from 1 to 8")

    @property
    def _cutter(self) -> TileCutter:
        return TileCutter(self.views, self.run.inputs, self.tile, self.jitter, self.tile_size)

    @property
    def network(self) -> TileNetwork:
        return TileNetwork(
            encoder=self.run.encoder,
            together=2,
            classes=len(AROUND),
            projector_dim=self.projector_dim,
            classifier_hidden=self.classifier_hidden,
            dtype=self.run.dtype,
        )

    def init_params(self, key, batch):
        return self.network.init(key, self._cutter.example)[0]

    def init_memory(self, key, params, batch):
        return {"stats": self.network.init(key, self._cutter.example)[1]}

    def loss(self, params, memory, batch, *, key, step):
        tiles_key, place_key, color_key, model_key = jax.random.split(key, 4)
        keys = per_example(place_key, batch["row"])
        labels = distinct(keys, count=self.neighbours, of=len(AROUND))
        middle = jnp.full((len(labels), 1), CENTRE)
        chosen = jnp.concatenate([middle, jnp.asarray(AROUND)[labels]], axis=1)
        tiles = self._cutter(tiles_key, batch)
        tiles = jnp.take_along_axis(tiles, chosen[:, :, None, None, None], axis=1)
        if self.color == "drop":
            tiles = drop_colors(per_example(color_key, batch["row"]), tiles)
        elif self.color == "project":
            tiles = project_colors(tiles)
        z, stats = self.network.encode(params, memory["stats"], tiles, key=model_key)
        pairs = jnp.stack([jnp.broadcast_to(z[:, :1], z[:, 1:].shape), z[:, 1:]], axis=2)
        logits, stats = self.network.classify(params, stats, pairs)
        loss, metrics = classification(logits, labels.ravel())
        return loss, Aux(metrics=metrics, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
