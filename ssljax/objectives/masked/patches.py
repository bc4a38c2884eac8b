"""What objectives that hide patches share: the grid of the views, and what is predicted."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.modalities import Reconstruction, modality_of
from ssljax.objectives.base import Array, Objective, Run
from ssljax.objectives.views import Views
from ssljax.ops.masking import span_mask
from ssljax.spec import Value


def require_patches(run: Run, objective: str) -> None:
    """Raise a UserError unless the encoder makes tokens that can be hidden."""
    if not hasattr(run.encoder, "trained_grid"):
        raise UserError(
            f"{objective} masks patches: config.encoder must be a vision transformer, for example "
            "{'name': 'vit_s'}, or a transformer of the data's modality"
        )


def require_mask(draw: Callable[[Array], Any], **values: Any) -> None:
    """Raise a UserError that names values of the config with which no mask can be drawn.

    Args:
      draw: makes the masks of examples of their keys [B].
      **values: that it depends on, by key of the objective.
    """
    try:
        jax.eval_shape(lambda: draw(jax.random.split(jax.random.key(0))))
    except UserError:
        raise
    except ValueError as error:
        given = ", ".join(f"objective.{name}={value!r}" for name, value in values.items())
        raise UserError(f"{given}: {error}") from error


def hidden_spans(objective: Objective, keys: Array) -> Array:
    """Return bool[B, N], the tokens that an objective hides in spans: by its fields `mask_ratio`,
    `mask_block` and `mask_adjust`, see `span_mask`."""
    return span_mask(
        keys,
        grid=patch_grid(objective.run, objective.views),
        ratio=objective.mask_ratio,
        side=objective.mask_block,
        adjust=objective.mask_adjust,
    )


def patch_grid(run: Run, views: Views) -> tuple[int, ...]:
    """Return the patches of the largest views along each axis; of images (rows, columns).

    Raises:
      UserError: the patches do not tile all views.
    """
    modality = modality_of(run.field)
    try:
        sizes = [view.size for view in views.augmentations.values()]
        grids = [modality.grid(run.field, run.encoder, size) for size in sizes]
    except UserError as error:
        raise UserError(f"{views.where}: {error}") from error
    return grids[0]


def reconstruction(run: Run, *, normalize: bool = False) -> Reconstruction:
    """Return the target of masked prediction of the data; `normalize`: each patch by itself."""
    return modality_of(run.field).reconstruction(run.field, run.encoder, normalize)


def whole_patches(run: Run, x: Array | Value) -> tuple[Array | Value, Array | None]:
    """Return examples without a last patch that is partly padding, and where their patches are.

    Returns:
      The examples, and int32[B, N], the segment of each patch, 0 where there is padding; None where
      none is padded.
    """
    if not isinstance(x, Value):
        return x, None
    segments = x.segments[:, run.encoder.hop - 1 :: run.encoder.hop]
    return Value(x.data, jnp.repeat(segments, run.encoder.hop, axis=1)), segments


def values_of(x: Array | Value) -> Array:
    """Return the values of examples, padding included."""
    return x.data if isinstance(x, Value) else x


def mean_over(losses: Array, where: Array | None) -> tuple[Array, Array | None]:
    """Return the mean of losses [B] over all patches that count, and the number of these.

    Args:
      losses: means over the patches of each example.
      where: bool[B, N], the patches that count; None for as many in each example.
    """
    if where is None:
        return jnp.mean(losses), None
    counts = jnp.sum(where, axis=1, dtype=jnp.float32)
    total = jnp.sum(counts)
    return jnp.sum(losses * counts) / jnp.maximum(total, 1), total
