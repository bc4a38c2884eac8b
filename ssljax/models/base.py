"""What every model shares: the `Encoded` result, `init` and `apply`."""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import unknown

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


class Frames(NamedTuple):
    """What the convolutions of a waveform give, before it is mapped to tokens.

    Attributes:
      convolved: [B, N, C], as the last convolution gives it.
      normalised: [B, N, C], after the norm.
    """

    convolved: jax.Array
    normalised: jax.Array


class Encoded(NamedTuple):
    """What an encoder returns.

    Attributes:
      pooled: float32[B, D], the feature vector of each image, whatever the compute dtype.
      tokens: [B, N, d] in the compute dtype: patch tokens of a ViT (no class token, no registers),
        the last feature map of a ResNet in row-major order.
      mlp_outputs: [depth, B, N, d], what the MLP of every block of a ViT adds to the patch tokens;
        None unless asked for.
      layers: [B, L, 2, D], what every block of a transformer or every stage of a ResNet gives: the
        class token (the mean where there is none), then the mean of the other tokens; after the
        last norm of a transformer. Stages with fewer channels than the last end in zeros. None
        unless asked for.
      local: [B, N, d'], what the tokens are made of, each of its own stretch of the input alone:
        CPC's z. None unless asked for.
      frames: of a waveform, all frames before any is masked; None for other data.
    """

    pooled: jax.Array
    tokens: jax.Array
    mlp_outputs: jax.Array | None = None
    layers: jax.Array | None = None
    local: jax.Array | None = None
    frames: Frames | None = None


def compute_dtype(name: str) -> jnp.dtype:
    """Return the dtype that a config calls `name`; parameters are float32 in every case."""
    if name not in DTYPES:
        raise unknown("dtype", name, DTYPES)
    return DTYPES[name]


def without_drop_path(module: nn.Module) -> nn.Module:
    """Return the module as a teacher runs it: without drop-path, and without dropout."""
    drops = ("drop_path", "dropout", "attention_dropout", "feature_dropout")
    changes = {name: 0.0 for name in drops if getattr(module, name, 0.0)}
    return module.clone(**changes) if changes else module


def init(module: nn.Module, key: jax.Array, *args: Any, **kwargs: Any) -> tuple[dict, dict]:
    """Return fresh (params, stats) for inputs like `args`; stats is {} without BatchNorm."""
    _, params, stats = init_with_output(module, key, *args, **kwargs)
    return params, stats


def apply(
    module: nn.Module,
    params: Mapping,
    stats: Mapping,
    *args: Any,
    train: bool,
    key: jax.Array | None = None,
    **kwargs: Any,
) -> tuple[Any, Mapping]:
    """Run a module: (output, stats), a pure function of its arguments.

    Args:
      module: any Linen module; `train` is passed on if its `__call__` takes it.
      params: its parameters.
      stats: its batch statistics, {} if it has none.
      *args: its inputs.
      train: True uses the statistics of this batch and returns the running ones updated; False uses
        the running ones and returns them as they are.
      key: for drop-path; needed only where the module has it switched on and `train` is True.
      **kwargs: further inputs by name, such as `keep` of a ViT.

    Returns:
      The module's output and the statistics to keep.
    """
    variables = {"params": params, "batch_stats": stats} if stats else {"params": params}
    rngs = None if key is None else {"dropout": key}
    kwargs = _with_train(module, kwargs, train)
    if not (train and stats):
        return module.apply(variables, *args, rngs=rngs, **kwargs), stats
    output, updated = module.apply(variables, *args, rngs=rngs, mutable=["batch_stats"], **kwargs)
    return output, updated["batch_stats"]


def _with_train(module: nn.Module, kwargs: Mapping[str, Any], train: bool) -> dict[str, Any]:
    takes_train = "train" in inspect.signature(module.__call__).parameters
    return {**kwargs, "train": train} if takes_train else dict(kwargs)


def init_with_output(
    module: nn.Module, key: jax.Array, *args: Any, **kwargs: Any
) -> tuple[Any, dict, dict]:
    """Return (output, params, stats) of a fresh module."""
    output, variables = module.init_with_output(key, *args, **_with_train(module, kwargs, False))
    return output, variables.get("params", {}), variables.get("batch_stats", {})
