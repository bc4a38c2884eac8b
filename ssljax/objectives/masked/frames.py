"""What objectives that hide frames of waveforms share: the frames, and which are hidden."""

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.objectives.base import Array, Run
from ssljax.objectives.masked.patches import patch_grid
from ssljax.objectives.views import Views


def require_frames(run: Run, objective: str) -> None:
    """Raise a UserError unless the encoder makes frames of waveforms."""
    if not hasattr(run.encoder, "feature_gradient"):
        raise UserError(
            f"{objective} hides frames of waveforms: config.encoder.name must be "
            "'wave_transformer', and config.data.sound='wave'"
        )


def hidden_count(run: Run, views: Views, ratio: float) -> int:
    """Return how many frames of each sound are hidden."""
    (frames,) = patch_grid(run, views)
    return frames - int(round(frames * (1 - ratio), 6))


def hidden_places(masked: Array, count: int) -> Array:
    """Return int32[B, count], the places of the hidden among N, of which each row has `count`."""
    return jnp.argsort(~masked, axis=1)[:, :count].astype(jnp.int32)


def at_places(x: Array, places: Array) -> Array:
    """Return x[B, N, D] at places[B, K]."""
    return jnp.take_along_axis(x, places[:, :, None], axis=1)


def penalty_of(convolved: Array) -> Array:
    """Return the mean square of what convolutions give, which keeps it small."""
    return jnp.mean(jnp.square(convolved.astype(jnp.float32)))
