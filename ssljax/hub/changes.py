"""How one tensor of another library becomes arrays of ours, and back: by name, exactly.

Each change only moves numbers, so that there and back is the same tensor, bit for bit. PyTorch
keeps a linear map as [out, in] and a convolution as [out, in, height, width]; here they are
[in, out] and [height, width, in, out].
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Arrays = Sequence[np.ndarray]


class Change(NamedTuple):
    """One way to turn a tensor into `count` arrays and back.

    Attributes:
      load: from (tensor, number of arrays) to the arrays.
      store: from (arrays, sides of a patch) to the tensor.
    """

    load: Callable[[np.ndarray, int], Arrays]
    store: Callable[[Arrays, tuple[int, ...]], np.ndarray]


def _single(load: Callable, store: Callable) -> Change:
    return Change(lambda x, count: [load(x)], lambda arrays, patch: store(arrays[0], patch))


def _patches(x: np.ndarray) -> np.ndarray:
    """Return the kernel [P P C, D] of patches, row by row, of a convolution [D, C, P, P], or of one
    with more axes, of tubelets."""
    return x.transpose(*range(2, x.ndim), 1, 0).reshape(-1, x.shape[0])


def _convolution_of_patches(x: np.ndarray, patch: tuple[int, ...]) -> np.ndarray:
    rank = len(patch)
    return x.reshape(*patch, -1, x.shape[1]).transpose(rank + 1, rank, *range(rank))


CHANGES = {
    "same": _single(lambda x: x, lambda x, _: x),
    "transposed": _single(lambda x: x.T, lambda x, _: x.T),  # a linear map
    "convolution": _single(lambda x: x.transpose(2, 3, 1, 0), lambda x, _: x.transpose(3, 2, 0, 1)),
    # Along one axis: PyTorch's [out, in, size] is ours [size, in, out].
    "series": _single(lambda x: x.transpose(2, 1, 0), lambda x, _: x.transpose(2, 1, 0)),
    # Of a spectrogram [frames, bands], whose bands come first there: [out, 1, bands, frames].
    "spectrogram": _single(lambda x: x.transpose(3, 2, 1, 0), lambda x, _: x.transpose(3, 2, 1, 0)),
    "patches": _single(_patches, _convolution_of_patches),
    # Tokens, positions and numbers, which PyTorch keeps with one or two leading axes of 1.
    "first": _single(lambda x: x[0], lambda x, _: x[None]),
    "first_of_first": _single(lambda x: x[0, 0], lambda x, _: x[None, None]),
    "tokens": _single(lambda x: x[:, 0, 0], lambda x, _: x[:, None, None]),  # several such tokens
    "row": _single(lambda x: x[None], lambda x, _: x[0]),  # a single token without these axes
    # Several linear maps of one input in one: queries, keys and values; gate and value.
    "split": Change(
        lambda x, count: [part.T for part in np.split(x, count)],
        lambda arrays, _: np.concatenate([part.T for part in arrays]),
    ),
    "split_columns": Change(  # of a kernel [in, out], as GPT-2 keeps it
        lambda x, count: np.split(x, count, axis=1),
        lambda arrays, _: np.concatenate(arrays, axis=1),
    ),
    "split_bias": Change(
        lambda x, count: np.split(x, count), lambda arrays, _: np.concatenate(arrays)
    ),
}
