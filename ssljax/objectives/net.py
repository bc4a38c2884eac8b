"""The components of an objective, bound to their parameters: `net.projector(net.encoder(x))`."""

import functools
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax

from ssljax.errors import unknown
from ssljax.models import apply, init_with_output
from ssljax.spec import Value

Array = jax.Array
PyTree = Any


class Net:
    """Modules as functions. Each call threads batch statistics and a random key of its own.

    `net.NAME(x)` runs the module of that name; of a `Value` it takes the data, and the segments by
    name. The statistics that a call leaves are those that the next call of the same module starts
    from.

    Args:
      modules: Linen module by name.
      params: parameter tree by name; further names are ignored.
      stats: batch statistics by name, {} where a module has none.
      state: what the objective remembers besides, for its loss to read: queue, centre, labels.
      key: of the random numbers of drop-path; None where there are none.
      train: whether batch statistics are those of the batch, and drop-path acts.
    """

    def __init__(
        self,
        modules: Mapping[str, Any],
        params: Mapping[str, PyTree],
        stats: Mapping[str, PyTree],
        *,
        state: Mapping[str, PyTree] | None = None,
        key: Array | None = None,
        train: bool = True,
    ) -> None:
        self.modules, self.params, self.stats = modules, params, dict(stats)
        self.state = {} if state is None else state
        self._key, self._train, self._calls = key, train, 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self.modules:
            raise unknown("component of the objective", name, self.modules)
        return functools.partial(self._run, name)

    def _run(self, name: str, *inputs: Any, **options: Any) -> Any:
        key = (
            None if self._key is None else key_of(jax.random.fold_in(self._key, self._calls), name)
        )
        self._calls += 1
        inputs, options = _without_values(inputs, options)
        output, self.stats[name] = apply(
            self.modules[name],
            self.params[name],
            self.stats.get(name, {}),
            *inputs,
            train=self._train,
            key=key,
            **options,
        )
        return output


def _without_values(inputs: tuple, options: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """Return inputs of a module with the arrays of a leading `Value` in its place."""
    if not inputs or not isinstance(inputs[0], Value):
        return inputs, options
    return (inputs[0].data, *inputs[1:]), {"segments": inputs[0].segments, **options}


class InitNet(Net):
    """A net whose modules get fresh parameters when they are first called.

    A component's parameters depend on the key and its name alone, not on its neighbours.
    """

    def __init__(self, modules: Mapping[str, Any], key: Array) -> None:
        super().__init__(modules, {}, {}, train=False)
        self.params = {}
        self._init_key = key

    def _run(self, name: str, *inputs: Any, **options: Any) -> Any:
        if name in self.params:
            return super()._run(name, *inputs, **options)
        own = key_of(self._init_key, name)
        inputs, options = _without_values(inputs, options)
        made = init_with_output(self.modules[name], own, *inputs, **options)
        output, self.params[name], self.stats[name] = made
        return output


def key_of(key: Array, name: str) -> Array:
    """Return the key of one component."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))
