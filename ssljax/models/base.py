"""What every model shares: the `Encoded` result, `init` and `apply`, chains of named modules."""

import dataclasses
import inspect
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import flax
import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import unknown

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


class Encoded(NamedTuple):
    """What an encoder returns.

    Attributes:
      pooled: float32[B, D], the feature vector of each image, whatever the compute dtype.
      tokens: [B, N, d] in the compute dtype: patch tokens of a ViT (no class token, no registers),
        the last feature map of a ResNet in row-major order.
      mlp_outputs: [depth, B, N, d], what the MLP of every block of a ViT adds to the patch tokens;
        None unless asked for.
    """

    pooled: jax.Array
    tokens: jax.Array
    mlp_outputs: jax.Array | None = None


def compute_dtype(name: str) -> jnp.dtype:
    """Return the dtype that a config calls `name`; parameters are float32 in every case."""
    if name not in DTYPES:
        raise unknown("dtype", name, DTYPES)
    return DTYPES[name]


def without_drop_path(module: nn.Module) -> nn.Module:
    """Return the module as a teacher runs it: without drop-path, and without dropout."""
    drops = ("drop_path", "dropout")
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


@dataclasses.dataclass(frozen=True)
class Chain:
    """Named modules in a row: each takes the output of the one before, heads an encoder's `pooled`.

    Parameters and statistics are dicts from module name to tree, so that a component can be shared,
    frozen, exported or given to another chain by its name.

    Args:
      modules: module by name in order of application, such as {"encoder": vit, "projector": mlp};
        kept as a frozen mapping, so that a chain is hashable.
    """

    modules: Mapping[str, nn.Module]
    order: tuple[str, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "modules", flax.core.freeze(dict(self.modules)))
        # Mappings are equal in any order, but chains are not.
        object.__setattr__(self, "order", tuple(self.modules))

    def init(self, key: jax.Array, inputs: Any) -> tuple[dict[str, dict], dict[str, dict]]:
        """Return fresh (params, stats); a component's depend on its name, not on its neighbours."""
        params, stats = {}, {}
        for name, module in self.modules.items():
            output = init_with_output(module, _key_of(key, name), _features(inputs))
            inputs, params[name], stats[name] = output
        return params, stats

    def apply(
        self,
        params: Mapping[str, Mapping],
        stats: Mapping[str, Mapping],
        inputs: Any,
        *,
        train: bool,
        through: Iterable[str] | None = None,
        key: jax.Array | None = None,
    ) -> tuple[Any, dict[str, Mapping]]:
        """Run the chain, or the part of it named by `through`: (output, stats).

        Args:
          params: parameter tree by module name; further names are ignored.
          stats: batch statistics by module name; those of modules not run are returned unchanged.
          inputs: what the first module run takes.
          train: as for `apply`.
          through: names of the modules to run, in the order to run them; None means all.
          key: for drop-path; each module draws from its own stream.

        Raises:
          UserError: `through` names a module that the chain does not have.
        """
        stats = dict(stats)
        for name in self.modules if through is None else through:
            if name not in self.modules:
                raise unknown("module of the chain", name, self.modules)
            inputs, stats[name] = apply(
                self.modules[name],
                params[name],
                stats.get(name, {}),
                _features(inputs),
                train=train,
                key=None if key is None else _key_of(key, name),
            )
        return inputs, stats


def _features(value: Any) -> Any:
    return value.pooled if isinstance(value, Encoded) else value


def _key_of(key: jax.Array, name: str) -> jax.Array:
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _with_train(module: nn.Module, kwargs: Mapping[str, Any], train: bool) -> dict[str, Any]:
    takes_train = "train" in inspect.signature(module.__call__).parameters
    return {**kwargs, "train": train} if takes_train else dict(kwargs)


def init_with_output(
    module: nn.Module, key: jax.Array, *args: Any, **kwargs: Any
) -> tuple[Any, dict, dict]:
    """Return (output, params, stats) of a fresh module."""
    output, variables = module.init_with_output(key, *args, **_with_train(module, kwargs, False))
    return output, variables.get("params", {}), variables.get("batch_stats", {})
