"""Parameters of one encoder made those of another that differs in size, channels or positions."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.positions import resample, sincos

# Fields in which two encoders may differ: what they do not name in words is the same function of
# the same parameters, or a part that the other lacks.
FREE = frozenset(
    "dropout attention_dropout special drop_path drop_path_uniform pool norm_pooled class_token "
    "class_position registers "
    "layer_scale positions positions_interpolation image_size frames length norm_epsilon "
    "kernel_init patch_init token_init zero_init bn_groups bn_momentum attention scan remat "
    "grad_cache dtype parent name".split()
)
_INPUT = re.compile(r"(patch_embed/linear|stem_conv|input)/kernel")
_STACKED, _SINGLE = "trunk/blocks/", "trunk/block_{}/"


class Fitted(NamedTuple):
    """How an array of the new encoder is made.

    Attributes:
      sources: paths in the old encoder, of one array or of the layers that are stacked.
      make: of these arrays, the new one.
      how: in words; "" where the array is taken as it is.
    """

    sources: tuple[str, ...]
    make: Callable[..., jax.Array]
    how: str


@dataclasses.dataclass(frozen=True)
class Sized:
    """An encoder, and the examples that it was made for.

    Attributes:
      module: the encoder.
      channels: of an example: its last side.
    """

    module: nn.Module
    channels: int


def differences(old: nn.Module, new: nn.Module) -> list[str]:
    """Return what makes two encoders of other architectures, in words; [] if nothing does.

    A field of `FREE` does not, nor learned positions that start as fixed ones.
    """
    if type(old) is not type(new):
        return [f"a {type(old).__name__} there, a {type(new).__name__} here"]
    found = []
    for field in dataclasses.fields(old):
        before, now = getattr(old, field.name), getattr(new, field.name)
        if before != now and field.name not in FREE:
            found.append(f"encoder.{field.name} is {before!r} there, {now!r} here")
    places = getattr(old, "positions", ""), getattr(new, "positions", "")
    if places[0] != places[1] and places != ("sincos", "learned"):
        found.append(f"encoder.positions is {places[0]!r} there, {places[1]!r} here")
    return found


def refit(
    shapes: Mapping[str, tuple[int, ...]],
    wanted: Mapping[str, tuple[int, ...]],
    old: Sized,
    new: Sized,
) -> dict[str, Fitted]:
    """Return how each array of the new encoder is made of those of the old; none for one that
    starts afresh.

    Positions are resampled (`positions_interpolation` of the new encoder); of counted cells, such
    as times, the first are taken, and more than there were are stretched. The kernel of other
    channels is timm's: the sum over the channels for one, else repeated in their order, and times
    old / new, so that an input of equal channels gives about the same. Blocks are stacked or
    unstacked.

    Args:
      shapes: of the old encoder's arrays, by path.
      wanted: of the new encoder's.
      old, new: the encoders; `differences` is empty.

    Raises:
      ValueError: an array is of another shape for no such reason; the message names it.

    huggingface/pytorch-image-models, timm/models/_manipulate.py (adapt_input_conv).
    """
    made = {path: _fitted(path, shape, shapes, old, new) for path, shape in wanted.items()}
    return {path: one for path, one in made.items() if one is not None}


def _fitted(
    path: str,
    shape: tuple[int, ...],
    shapes: Mapping[str, tuple[int, ...]],
    old: Sized,
    new: Sized,
) -> Fitted | None:
    if path == "pos_embed":
        return _positions(shape, shapes.get(path), old.module, new.module)
    if path not in shapes:
        return _restacked(path, shape, shapes)
    if shapes[path] == shape:
        return Fitted((path,), lambda one: one, "")
    if _INPUT.fullmatch(path) and old.channels != new.channels:
        how = "summed" if new.channels == 1 else "repeated and scaled"
        return Fitted(
            (path,),
            lambda kernel: _of_channels(kernel, old.channels, new.channels).reshape(shape),
            f"{old.channels} -> {new.channels} channels, {how}",
        )
    raise ValueError(f"{path} has the shape {list(shapes[path])} there, {list(shape)} here")


def _of_channels(kernel: jax.Array, old: int, new: int) -> jax.Array:
    """Return a kernel [..., old, out], or [cells old, out], for another number of channels."""
    kernel = kernel.reshape(-1, old, kernel.shape[-1])
    if new == 1:
        return jnp.sum(kernel, axis=1, keepdims=True)
    return kernel[:, jnp.arange(new) % old] * (old / new)


def _positions(
    shape: tuple[int, ...], found: tuple[int, ...] | None, old: Any, new: Any
) -> Fitted | None:
    grids = old.trained_grid(()), new.trained_grid(())
    if found == shape and (grids[0] == grids[1] or () in grids):
        return Fitted(("pos_embed",), lambda one: one, "")
    if found is None and old.positions != "sincos":
        return None
    kept = tuple(
        before if stretched else min(before, now)
        for before, now, stretched in zip(*grids, new.stretched, strict=True)
    )
    own, classes = (int(one.class_token and one.class_position) for one in (old, new))

    def make(*tables: jax.Array) -> jax.Array:
        if tables:
            first, cells = tables[0][:own], tables[0][own:]
            cells = cells.reshape(*grids[0], -1)[tuple(map(slice, kept))]
            cells = cells.reshape(-1, cells.shape[-1])
        else:  # fixed ones, which add nothing to the class token
            first = jnp.zeros((0, shape[1]))
            cells = jnp.asarray(sincos(kept, shape[1]))
        cells = resample(cells, kept, grids[1], how=new.positions_interpolation)
        first = jnp.concatenate([first, jnp.zeros((classes, shape[1]))])[:classes]
        return jnp.concatenate([first, cells])

    before, now = ("x".join(map(str, grid)) for grid in grids)
    how = f"positions {before} -> {now}, {new.positions_interpolation}"
    if found is None:
        how = "learned from fixed sines and cosines on" + ("" if before == now else f", {how}")
    return Fitted(("pos_embed",) if found else (), make, how)


def _restacked(
    path: str, shape: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]]
) -> Fitted | None:
    """Return how an array of stacked blocks is made of single ones, or the other way round."""
    if path.startswith(_STACKED):
        rest = path.removeprefix(_STACKED)
        sources = tuple(_SINGLE.format(number) + rest for number in range(shape[0]))
        if all(shapes.get(source) == shape[1:] for source in sources):
            return Fitted(sources, lambda *layers: jnp.stack(layers), "blocks stacked")
    elif found := re.fullmatch(r"trunk/block_(\d+)/(.*)", path):
        source, number = _STACKED + found[2], int(found[1])
        if shapes.get(source, ())[1:] == shape and number < shapes[source][0]:
            return Fitted((source,), lambda stack: stack[number], "blocks unstacked")
    return None
