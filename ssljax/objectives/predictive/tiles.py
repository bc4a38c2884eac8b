"""What puzzles of tiles share: where tiles are cut, and a network that reads several at once."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.models import MLP
from ssljax.objectives.base import Array, Loss, Net, Objective
from ssljax.objectives.predictive.pretext import classification
from ssljax.objectives.views import Views, blank
from ssljax.ops.keys import per_example
from ssljax.ops.tiles import random_tiles
from ssljax.schema import Part, PixelsOrNone, Share, Width, Widths
from ssljax.spec import Batch

GRID = 3
TILES = GRID**2


@dataclasses.dataclass(frozen=True)
class TilePuzzle(Objective):
    """A question about nine tiles of an image, one from each cell of a 3x3 grid of a view.

    Encoder and projector see one tile at a time; the classifier reads several.

    Class attributes:
      together: tiles that the classifier reads as one.

    Attributes:
      views: the single view that is cut.
      tile: side of a tile as a part of its cell's, rounded to pixels.
      jitter: how freely a tile lies in its cell, see `ssljax.ops.tiles.random_tiles`.
      tile_size: side in pixels to which tiles are resized; 0 leaves them as they are cut.
      projector_dim: features of a tile that the classifier gets.
      classifier_hidden: its hidden layers.
    """

    views: Views = Views.crops(crop_scale=(0.5, 1.0))
    tile: Part = 0.667
    jitter: Share = 0.292
    tile_size: PixelsOrNone = 0
    projector_dim: Width = 1000
    classifier_hidden: Widths = (4096,)

    together: ClassVar[int]
    reads = ("image",)
    batch_coupled = True

    @property
    def classes(self) -> int:
        """The number of possible answers."""
        raise NotImplementedError

    def check(self):
        self.views.require(count=1)
        if self.views.size < GRID:
            raise UserError(f"views of {self.views.size} pixels cannot be cut into {GRID}x{GRID}")

    def modules(self):
        return {
            "encoder": self.run.encoder,
            "projector": MLP((), self.projector_dim, dtype=self.run.dtype),
            "classifier": MLP(self.classifier_hidden, self.classes, dtype=self.run.dtype),
        }

    def run_once(self, net):
        tiles = blank(self.run.field, self.tile_size or self._pixels)
        features = net.projector(net.encoder(tiles).pooled)
        net.classifier(jnp.tile(features, (1, self.together)))

    @property
    def _pixels(self) -> int:
        return max(1, round(self.tile * (self.views.size // GRID)))

    def cut(self, key: Array, batch: Batch) -> Array:
        """Return nine tiles float32[B, 9, size, size, C], normalised as images are, row-major."""
        return random_tiles(
            per_example(jax.random.split(key)[1], batch["row"]),
            self.views.stacked(key, batch)[:, 0],
            grid=GRID,
            tile=self._pixels,
            jitter=self.jitter,
            size=self.tile_size or None,
        )

    def features(self, net: Net, tiles: Array) -> Array:
        """Return the features [B, T, projector_dim] of tiles [B, T, size, size, C]."""
        flat = rearrange(tiles, "b t h w c -> (b t) h w c")
        z = net.projector(net.encoder(flat).pooled)
        return rearrange(z, "(b t) d -> b t d", b=len(tiles))

    def answer(self, net: Net, puzzles: Array, labels: Array) -> Loss:
        """Return the loss of puzzles [B, n, together, projector_dim] with answers [B, n]."""
        logits = net.classifier(rearrange(puzzles, "b n t d -> (b n) (t d)"))
        return classification(logits, labels.ravel())
