"""Statistics of each channel of a time series: the features that need no network."""

import jax
import jax.numpy as jnp

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NAMES = ("mean", "std", "min", "max", *(f"q{q:g}" for q in QUANTILES), "mean_abs_difference")


def window_statistics(series: jax.Array) -> jax.Array:
    """Return float32[B, len(NAMES) * C], the statistics of each channel, in the order of `NAMES`.

    With the values x_1 .. x_T of a channel: their mean, standard deviation (over T), least and
    largest, the quantiles (linear between order statistics), and

        mean_t |x_{t+1} - x_t|,   0 for T = 1

    The channels of one statistic stand together. NaN are left out, and so are the differences that
    they take part in; a channel without a value gets 0.

    Args:
      series: float[B, T, C].

    Raises:
      ValueError: the array has another rank, or no step.
    """
    if series.ndim != 3 or not series.shape[1]:
        raise ValueError(f"series must be [B, T, C] with T >= 1; got {series.shape}")
    series = jnp.asarray(series, jnp.float32)
    steps = jnp.abs(series[:, 1:] - series[:, :-1])
    rows = [
        jnp.nanmean(series, axis=1),
        jnp.nanstd(series, axis=1),
        jnp.nanmin(series, axis=1),
        jnp.nanmax(series, axis=1),
        *jnp.nanquantile(series, jnp.array(QUANTILES), axis=1),
        jnp.nansum(steps, axis=1) / jnp.maximum(1, jnp.sum(~jnp.isnan(steps), axis=1)),
    ]
    return jnp.nan_to_num(jnp.concatenate(rows, axis=1))
