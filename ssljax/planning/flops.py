"""Floating-point operations of matrix products and convolutions, and those of a traced function.

A multiplication and an addition are two operations. All else (normalisation, activations, the
optimizer) is a matter of bytes and is not counted.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from jax.extend import core

Window = tuple[int, int, int, int, int, int, int]  # the arguments of `hits`


def product(
    lhs: Sequence[int], rhs: Sequence[int], contracted: Sequence[int], batch: Sequence[int]
) -> int:
    """Return the FLOPs of a product of two arrays.

    Args:
      lhs, rhs: shapes.
      contracted, batch: dimensions of lhs that are summed over, and that both share.
    """
    shared = math.prod(lhs[dim] for dim in (*contracted, *batch))
    return 2 * math.prod(lhs) * math.prod(rhs) // shared


def convolution(*, batch: int, features: int, outputs: int, windows: Sequence[Window]) -> int:
    """Return the FLOPs of a convolution that its arithmetic needs: none for padding and holes.

    Args:
      batch: examples, divided by batch groups.
      features: of the input that one output feature sees.
      outputs: output features.
      windows: of each spatial dimension.
    """
    return 2 * batch * features * outputs * math.prod(hits(*window) for window in windows)


@functools.lru_cache(maxsize=4096)
def hits(
    size: int, kernel: int, out: int, stride: int, low: int, dilation: int, kernel_dilation: int
) -> int:
    """Return how often, over all places of a window, a kernel element meets an input element.

    Output o meets kernel element k at o stride + k kernel_dilation - low, in an input that is
    spread out by `dilation`; elements of the padding, and those in between, are none.

    >>> hits(size=4, kernel=3, out=4, stride=1, low=1, dilation=1, kernel_dilation=1)
    10
    """
    common = math.gcd(stride, dilation)
    period = dilation // common
    inverse = pow(stride // common, -1, period)
    total = 0
    for k in range(kernel):
        shift = k * kernel_dilation - low
        if shift % common:
            continue
        first = -shift // common * inverse % period  # the o >= 0 at which it meets an element
        start = max(0, -(shift // stride))
        end = min(out - 1, ((size - 1) * dilation - shift) // stride)
        if end >= start:
            total += (end - first) // period - (start - 1 - first) // period
    return total


def traced(jaxpr: Any, *, only_kernels: bool = False) -> int:
    """Return the FLOPs of a jaxpr over all devices: a loop counts as often as it runs.

    A loop whose length is not known before it runs counts once; of the branches of a condition
    the most expensive counts.

    Args:
      jaxpr: of a traced function.
      only_kernels: whether to count only what is in kernels (Pallas, cuDNN's attention), which the
        compiled program calls by name alone.

    >>> import jax
    >>> x = jax.numpy.zeros((8, 16))
    >>> traced(jax.make_jaxpr(lambda x: x @ x.T)(x).jaxpr)
    2048
    """
    count, total = functools.partial(traced, only_kernels=only_kernels), 0
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        if name == "pallas_call":
            times = math.prod(parameters["grid_mapping"].grid)
            total += times * sum(map(traced, _inner(parameters)))
        elif products := _FUSED.get(name):
            *batch, queries, heads, size = equation.invars[0].aval.shape
            keys = equation.invars[1].aval.shape[-3]
            total += products * 2 * math.prod(batch) * heads * queries * keys * size
        elif only_kernels and name in ("dot_general", "conv_general_dilated"):
            continue
        elif name == "dot_general":
            (contracted, _), (batch, _) = parameters["dimension_numbers"]
            lhs, rhs = (value.aval.shape for value in equation.invars)
            total += product(lhs, rhs, contracted, batch)
        elif name == "conv_general_dilated":
            total += _traced_convolution(equation)
        elif name == "cond":
            total += max(map(count, _inner(parameters)))
        else:
            times = parameters["length"] if name == "scan" else _devices(name, parameters)
            total += times * sum(map(count, _inner(parameters)))
    return total


# Products of queries with keys, and the like, in cuDNN's attention of [B, N, H, d]: the backward
# pass computes the scores again, and then four gradients.
_FUSED = {"dot_product_attention_fwd_wrapper": 2, "dot_product_attention_bwd_wrapper": 5}


def _devices(name: str, parameters: dict[str, Any]) -> int:
    """Return on how many devices the body of a `shard_map`, whose shapes are of one, runs."""
    if name != "shard_map":
        return 1
    sizes = dict(parameters["mesh"].shape)
    return math.prod(sizes[axis] for axis in parameters["newly_manual_axes"])


def _inner(parameters: dict[str, Any]) -> Iterator[Any]:
    for value in parameters.values():
        for one in value if isinstance(value, tuple | list) else (value,):
            if isinstance(one, core.ClosedJaxpr):
                yield one.jaxpr
            elif isinstance(one, core.Jaxpr):
                yield one


def _traced_convolution(equation: Any) -> int:
    lhs, rhs = (value.aval.shape for value in equation.invars)
    out, options = equation.outvars[0].aval.shape, equation.params
    lhs_dims, rhs_dims, out_dims = options["dimension_numbers"]
    windows = [
        (lhs[i], rhs[k], out[o], stride, padding[0], dilation, kernel_dilation)
        for i, k, o, stride, padding, dilation, kernel_dilation in zip(
            lhs_dims[2:],
            rhs_dims[2:],
            out_dims[2:],
            options["window_strides"],
            options["padding"],
            options["lhs_dilation"],
            options["rhs_dilation"],
            strict=True,
        )
    ]
    return convolution(
        batch=lhs[lhs_dims[0]] // options["batch_group_count"],
        features=rhs[rhs_dims[1]],
        outputs=rhs[rhs_dims[0]],
        windows=windows,
    )
