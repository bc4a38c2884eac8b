"""Encoders of the rows of a table."""

from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.encoder import POSITIONS, Encoder, Grid
from ssljax.models.stems import ColumnEmbed
from ssljax.schema import Count, Depth, Dtype, Width, Widths


class TableTransformer(Encoder):
    """One token for each column (FT-Transformer).

    Rows are float[M], numbers standardised and categories as their ids.

    Args (fields):
      cardinalities: number of categories of each column, 0 for a numeric one; from the data.
      The others are those of `Encoder`. Columns are told apart by their embeddings, so that there
      are no positions by default.

    Gorishniy et al. 2021, arXiv:2106.11959, with GELU for their ReGLU.
    """

    cardinalities: tuple[int, ...] = ()
    width: Width = 64
    depth: Depth = 3
    heads: Count = 8
    positions: Literal[POSITIONS] = "none"

    modality: ClassVar[str] = "table"
    stretched: ClassVar[tuple[bool, ...]] = (False,)
    given: ClassVar[tuple[str, ...]] = ("cardinalities",)

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the number of columns."""
        return _columns(shape, self.cardinalities)

    def trained_grid(self, grid: Grid) -> Grid:
        """Return the number of columns."""
        return grid

    def stem(self, x, dtype, init):
        """Return the tokens of columns in their order."""
        return ColumnEmbed(self.cardinalities, self.width, dtype, name="column_embed")(x)


class TableMLP(nn.Module):
    """Numbers and one-hot categories through linear layers with ReLU (SCARF's encoder).

    Args (fields):
      hidden: width of each layer; the last is that of the features.
      cardinalities: number of categories of each column, 0 for a numeric one; from the data.
      dtype: "float32" or "bfloat16" for the products; pooled features are float32.

    Bahri et al. 2021, arXiv:2106.15147 (section 4: four layers of 256 units; no official code).
    """

    hidden: Widths = (256, 256, 256, 256)
    cardinalities: tuple[int, ...] = ()
    dtype: Dtype = "float32"

    modality: ClassVar[str] = "table"
    patch: ClassVar[Grid] = ()
    given: ClassVar[tuple[str, ...]] = ("cardinalities",)

    @nn.compact
    def __call__(self, x: jax.Array) -> Encoded:
        """Encode x[B, M], standardised, categories as their ids; the features are the one token."""
        _columns(x.shape[1:], self.cardinalities)
        dtype = compute_dtype(self.dtype)
        parts = [
            jax.nn.one_hot(x[:, i], count) if count else x[:, i, None]
            for i, count in enumerate(self.cardinalities)
        ]
        x = jnp.concatenate(parts, axis=1).astype(dtype)
        for i, width in enumerate(self.hidden):
            x = nn.relu(nn.Dense(width, dtype=dtype, name=f"linear_{i}")(x))
        return Encoded(x.astype(jnp.float32), x[:, None])


def _columns(shape: tuple[int, ...], cardinalities: tuple[int, ...]) -> Grid:
    if len(shape) != 1 or shape[0] != len(cardinalities):
        raise UserError(
            f"a row has the shape {list(shape)}, and the data's field names the kinds of "
            f"{len(cardinalities)} columns"
        )
    return shape
