"""What puzzles of tiles share: where tiles are cut, and a network that reads several at once."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.models import MLP, Chain, apply, init
from ssljax.objectives.base import Array, Batch, Inputs, PyTree
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.tiles import random_tiles

GRID = 3
TILES = GRID**2


@dataclasses.dataclass(frozen=True)
class TileCutter:
    """Nine tiles of a view, one from each cell of a 3x3 grid.

    Attributes:
      views: the single view that is cut.
      inputs: what the data are like.
      tile: side of a tile as a part of its cell's, rounded to pixels.
      jitter: how freely a tile lies in its cell, see `ssljax.ops.tiles.random_tiles`.
      size: side in pixels to which tiles are resized; 0 leaves them as they are cut.
    """

    views: Views
    inputs: Inputs
    tile: float
    jitter: float
    size: int

    def check(self) -> None:
        """Raise a UserError for values out of range."""
        self.views.require(self.inputs, count=1)
        if not 0 < self.tile <= 1:
            raise UserError(f"objective.tile={self.tile}; it must be above 0 and at most 1")
        if not 0 <= self.jitter <= 1:
            raise UserError(f"objective.jitter={self.jitter}; it must be from 0 to 1")
        if self.size < 0:
            raise UserError(f"objective.tile_size={self.size}; it must be at least 0 (0: as cut)")
        if self._view_size < GRID:
            raise UserError(f"views of {self._view_size} pixels cannot be cut into {GRID}x{GRID}")

    @property
    def _view_size(self) -> int:
        (view,) = self.views.augmentations(self.inputs).values()
        return view.size

    @property
    def _pixels(self) -> int:
        return max(1, round(self.tile * (self._view_size // GRID)))

    @property
    def example(self) -> Array:
        """Two blank tiles."""
        side = self.size or self._pixels
        return jnp.zeros((2, side, side, self.inputs.shape[2]), jnp.float32)

    def __call__(self, key: Array, batch: Batch) -> Array:
        """Return float32[B, 9, size, size, C], normalised as images are, row-major."""
        views_key, tiles_key = jax.random.split(key)
        return random_tiles(
            per_example(tiles_key, batch["row"]),
            self.views.stacked(self.inputs, views_key, batch)[:, 0],
            grid=GRID,
            tile=self._pixels,
            jitter=self.jitter,
            size=self.size or None,
        )


@dataclasses.dataclass(frozen=True)
class TileNetwork:
    """Encoder and projector see one tile at a time; the classifier reads `together` of them.

    Attributes:
      encoder: the module that is pretrained.
      together: tiles that are classified as one.
      classes: of the classifier.
      projector_dim: features of a tile that the classifier gets.
      classifier_hidden: its hidden layers.
      dtype: of the projector's and the classifier's products.
    """

    encoder: Any
    together: int
    classes: int
    projector_dim: int
    classifier_hidden: tuple
    dtype: str

    @property
    def _single(self) -> Chain:
        projector = MLP((), self.projector_dim, dtype=self.dtype)
        return Chain({"encoder": self.encoder, "projector": projector})

    @property
    def _classifier(self) -> MLP:
        return MLP(self.classifier_hidden, self.classes, dtype=self.dtype)

    def init(self, key: Array, tiles: Array) -> tuple[PyTree, PyTree]:
        """Return fresh (params, stats) by component, for tiles [N, size, size, C]."""
        single_key, classifier_key = jax.random.split(key)
        params, stats = self._single.init(single_key, tiles)
        features = jnp.zeros((2, self.together * self.projector_dim))
        classifier, classifier_stats = init(self._classifier, classifier_key, features)
        return {**params, "classifier": classifier}, {**stats, "classifier": classifier_stats}

    def encode(
        self, params: PyTree, stats: PyTree, tiles: Array, *, key: Array
    ) -> tuple[Array, PyTree]:
        """Return the features [B, T, projector_dim] of tiles [B, T, size, size, C], and stats."""
        flat = rearrange(tiles, "b t h w c -> (b t) h w c")
        features, stats = self._single.apply(params, stats, flat, train=True, key=key)
        return rearrange(features, "(b t) d -> b t d", b=len(tiles)), stats

    def classify(self, params: PyTree, stats: PyTree, features: Array) -> tuple[Array, PyTree]:
        """Return logits [B n, classes] of features [B, n, together, projector_dim], and stats."""
        rows = rearrange(features, "b n t d -> (b n) (t d)")
        logits, own = apply(
            self._classifier, params["classifier"], stats["classifier"], rows, train=True
        )
        return logits, {**stats, "classifier": own}
