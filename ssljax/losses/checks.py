"""Checks at the start of a loss: they run while tracing and add nothing to the compiled program."""

import numbers

import jax
import jax.numpy as jnp
import numpy as np

Spec = tuple[jax.Array, str]


def shapes(**arrays: Spec) -> None:
    """Check shapes against axis names; an equal name means an equal size, and no axis is empty.

    A "..." among the names stands for any number of axes and is equal among the arrays too.

    >>> shapes(query=(jnp.ones((4, 8)), "B D"), negatives=(jnp.ones((9, 7)), "K D"))
    Traceback (most recent call last):
    ValueError: negatives must have shape [K, D] with D = 8, as in query; got [9, 7]
    """
    known: dict[str, tuple[object, str]] = {}
    for name, (array, axes) in arrays.items():
        names, shape = axes.split(), list(jnp.shape(array))
        if "..." in names and len(shape) >= len(names) - 1:
            start = names.index("...")
            end = start + len(shape) - len(names) + 1
            sizes = [*shape[:start], shape[start:end], *shape[end:]]
        else:
            sizes = shape
        wanted = f"[{', '.join(names)}]"
        if len(sizes) != len(names):
            raise ValueError(f"{name} must have shape {wanted}, got {shape}")
        if 0 in shape:
            raise ValueError(f"{name} must not be empty, got shape {shape}")
        for axis, size in zip(names, sizes, strict=True):
            expected, source = known.setdefault(axis, (size, name))
            if size != expected:
                raise ValueError(
                    f"{name} must have shape {wanted} with {axis} = {expected}, as in {source}; "
                    f"got {shape}"
                )


def several(**arrays: jax.Array) -> None:
    """Check that arrays hold at least two examples, which a comparison needs.

    >>> several(z1=jnp.ones((1, 6)))
    Traceback (most recent call last):
    ValueError: z1 must hold at least 2 examples, got shape [1, 6]
    """
    for name, array in arrays.items():
        if len(array) < 2:
            raise ValueError(
                f"{name} must hold at least 2 examples, got shape {list(jnp.shape(array))}"
            )


def floats(**arrays: jax.Array) -> None:
    """Check that arrays hold floating point numbers of any width.

    >>> floats(z1=jnp.ones(3, jnp.uint8))
    Traceback (most recent call last):
    TypeError: z1 must be of a float dtype, got uint8
    """
    _dtypes(jnp.floating, "a float dtype", arrays)


def integers(**arrays: jax.Array) -> None:
    """Check that arrays hold integers.

    >>> integers(labels=jnp.ones(3))
    Traceback (most recent call last):
    TypeError: labels must be of an integer dtype, got float32
    """
    _dtypes(jnp.integer, "an integer dtype", arrays)


def booleans(**arrays: jax.Array) -> None:
    """Check that arrays hold truth values.

    >>> booleans(masked=jnp.ones(3))
    Traceback (most recent call last):
    TypeError: masked must be of the bool dtype, got float32
    """
    _dtypes(jnp.bool_, "the bool dtype", arrays)


def positive(**values: float | jax.Array) -> None:
    """Check that numbers are above zero; a traced one (a schedule, a parameter) cannot be checked.

    >>> positive(temperature=0.0)
    Traceback (most recent call last):
    ValueError: temperature must be positive, got 0.0
    """
    for name, value in values.items():
        if isinstance(value, numbers.Real) and not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    scalars(**values)


def not_negative(**values: float | jax.Array) -> None:
    """Check that numbers are at least zero; a traced one cannot be checked.

    >>> not_negative(beta=-1.0)
    Traceback (most recent call last):
    ValueError: beta must be at least 0, got -1.0
    """
    for name, value in values.items():
        if isinstance(value, numbers.Real) and not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    scalars(**values)


def scalars(**values: float | jax.Array) -> None:
    """Check that values are scalars.

    >>> scalars(bias=jnp.ones(3))
    Traceback (most recent call last):
    ValueError: bias must be a scalar, got shape [3]
    """
    for name, value in values.items():
        if jnp.ndim(value):
            raise ValueError(f"{name} must be a scalar, got shape {list(jnp.shape(value))}")


def some(**masks: jax.Array) -> None:
    """Check that masks are True somewhere; a traced one cannot be checked.

    >>> some(where=np.zeros((2, 3), bool))
    Traceback (most recent call last):
    ValueError: where must be True somewhere, got an empty mask of shape [2, 3]
    """
    for name, mask in masks.items():
        if not isinstance(mask, jax.core.Tracer) and not np.asarray(mask).any():
            raise ValueError(
                f"{name} must be True somewhere, got an empty mask of shape {list(jnp.shape(mask))}"
            )


def below(size: int, *, where: jax.Array, **indices: jax.Array) -> None:
    """Check that indices lie in [0, size) in the rows of `where`; traced ones cannot be checked.

    >>> below(4, where=np.array([True, False]), labels=np.array([0, 4]))
    >>> below(4, where=np.array([True, True]), labels=np.array([0, 4]))
    Traceback (most recent call last):
    ValueError: labels must lie in [0, 4), got 4
    """
    for name, index in indices.items():
        if isinstance(index, jax.core.Tracer) or isinstance(where, jax.core.Tracer):
            continue
        index = np.asarray(index)[np.asarray(where)]
        outside = index[(index < 0) | (index >= size)]
        if outside.size:
            raise ValueError(f"{name} must lie in [0, {size}), got {outside[0]}")


def _dtypes(kind: type, allowed: str, arrays: dict[str, jax.Array]) -> None:
    for name, array in arrays.items():
        dtype = jnp.result_type(array)
        if not jnp.issubdtype(dtype, kind):
            raise TypeError(f"{name} must be of {allowed}, got {dtype}")
