"""How a view is made of an image: one declaration, one function, any number of crops."""

import dataclasses
import itertools
import math
import zlib
from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.ops.augment.color import JITTERS
from ssljax.ops.augment.geometry import (
    CROP_DRAWS,
    INTERPOLATIONS,
    between,
    crop_nearest,
    sample_box,
    whole,
)
from ssljax.ops.augment.render import BLURS, JITTER, NEUTRAL, Choices, Style, alike, render
from ssljax.ops.pixels import unit_range

_ORDERS = np.array(list(itertools.permutations(range(4))), np.int32)
# Every draw has its place whether used or not: to switch one operation on leaves the others' draws
# as they were, so that two runs differ only by that operation. One call draws all of them.
_DRAWS = CROP_DRAWS + 11
_FLIP, _JITTER, _ORDER, *_FACTORS, _GREY, _BLUR, _SIGMA, _SOLARIZE = range(CROP_DRAWS, _DRAWS)
_JITTERED = dict(zip(JITTER, _FACTORS, strict=True))
_NAMES = {"interpolation": INTERPOLATIONS, "jitter": JITTERS, "blur": BLURS}  # of fields


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """The random operations that make one kind of view, applied in the order of the fields.

    Everything is off unless set, and what no view of a size has is not in the compiled program.

    Attributes:
      size: height and width of the view in pixels.
      crop_scale: least and greatest fraction of the area for the random resized crop; None resizes
        the whole image (and leaves it alone if it has the size).
      crop_ratio: least and greatest aspect (width / height) of the crop.
      interpolation: filter with which the crop is resized, "bilinear" or "bicubic", antialiased.
      flip: probability of mirroring left and right.
      jitter: whose colour operations: "torchvision"; "simclr_v1", those of tf.image, which BYOL's
        code has too; "simclr_v2". See `color_jitter`.
      brightness: the factor is drawn from [max(0, 1 - brightness), 1 + brightness]; for
        "simclr_v1", what is added, from [-brightness, brightness].
      contrast: as brightness.
      saturation: as brightness.
      hue: the turn is drawn from [-hue, hue], in circles; at most 0.5.
      jitter_prob: probability of the four above, which come in random order.
      grey_prob: probability of greyscale.
      blur: whose Gaussian blur: "torchvision", cut to `blur_kernel` taps, beyond the border the
        mirror image; "tensorflow", as SimCLR's and BYOL's code: so cut, beyond the border black;
        "pillow": three boxes, not cut, beyond the border its outermost pixels.
      blur_prob: probability of Gaussian blur.
      blur_sigma: least and greatest standard deviation in pixels.
      blur_kernel: odd number of taps; None takes a tenth of the size, as SimCLR does (23 at 224).
        None with "pillow".
      solarize_prob: probability of inverting values of one half and above.
      count: how many such views of each image.

    Raises:
      ValueError, TypeError: a field is outside its range; the message gives field, value and range.

    Reference: the torchvision pipelines of SimCLR, MoCo v2, BYOL (solarize) and SwAV (multi-crop).
    """

    size: int
    crop_scale: tuple[float, float] | None = None
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: str = "bilinear"
    flip: float = 0.0
    jitter: str = "torchvision"
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    jitter_prob: float = 1.0
    grey_prob: float = 0.0
    blur: str = "torchvision"
    blur_prob: float = 0.0
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    blur_kernel: int | None = None
    solarize_prob: float = 0.0
    count: int = 1

    def __post_init__(self):
        for name in ("size", "count"):
            _check_whole(name, getattr(self, name), 1)
        for name in ("flip", "jitter_prob", "grey_prob", "blur_prob", "solarize_prob"):
            self._check_share(name)
        for name in ("brightness", "contrast", "saturation"):
            _check_number(name, getattr(self, name), 0.0, math.inf)
        _check_number("hue", self.hue, 0.0, 0.5)
        if self.crop_scale is not None:
            self._check_pair("crop_scale", 1.0)
        self._check_pair("crop_ratio", math.inf)
        self._check_pair("blur_sigma", math.inf)
        for name, known in _NAMES.items():
            _check_name(name, getattr(self, name), known)
        if self.blur_kernel is not None and self.blur == "pillow":
            raise ValueError(f"blur_kernel={self.blur_kernel} has no meaning with blur='pillow'")
        if self.blur_kernel is not None:
            _check_whole("blur_kernel", self.blur_kernel, 1)
            if self.blur_kernel % 2 == 0:
                raise ValueError(f"blur_kernel={self.blur_kernel} must be odd")
            if self.blur_kernel >= 2 * self.size:
                most = 2 * self.size - 1
                raise ValueError(
                    f"blur_kernel={self.blur_kernel} must be at most {most}, "
                    f"so that the reflected border of size={self.size} suffices"
                )

    def _check_share(self, name: str) -> None:
        _check_number(name, getattr(self, name), 0.0, 1.0)

    def _check_pair(self, name: str, most: float) -> None:
        value = getattr(self, name)
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise TypeError(f"{name}={value!r} must be a pair (least, greatest)")
        low, high = value
        if not (_is_number(low) and _is_number(high)):
            raise TypeError(f"{name}={value!r} must be a pair of numbers")
        if not (0 < low <= high <= most and math.isfinite(high)):
            raise ValueError(f"{name}={value!r} must satisfy 0 < least <= greatest <= {most}")
        object.__setattr__(self, name, (float(low), float(high)))

    def apply(self, key: jax.Array, image: jax.Array) -> jax.Array:
        """Return one view of one image.

        Args:
          key: a random key; the view is a function of it and of the image.
          image: float32[H, W, C] in [0, 1].

        Returns:
          float32[size, size, C] in [0, 1].

        Raises:
          ValueError: contrast, saturation, hue or greyscale of an image of neither 1 nor 3
            channels.
        """
        return render(image, self.draw(key, image.shape), self.style)

    @property
    def style(self) -> Style:
        """What views that are rendered together must have in common."""
        kernel = self.blur_kernel or 2 * (self.size // 10 // 2) + 1
        return Style(self.size, kernel, self.interpolation, self.jitter, self.blur)

    def draw(self, key: jax.Array, shape: tuple[int, ...]) -> Choices:
        """Return what is drawn for a view of an image of a shape, for `render`."""
        draws = jax.random.uniform(key, (_DRAWS,))
        chosen = self._draw_colors(draws)
        if self.crop_scale is not None:
            chosen["box"] = sample_box(
                draws[:CROP_DRAWS], shape[:2], self.crop_scale, self.crop_ratio
            )
        elif shape[:2] != (self.size, self.size):
            chosen["box"] = whole(shape)
        if self.flip > 0:
            chosen["flip"] = draws[_FLIP] < self.flip
        if self.grey_prob > 0:
            chosen["grey"] = draws[_GREY] < self.grey_prob
        if self.blur_prob > 0:
            chosen["blur"] = draws[_BLUR] < self.blur_prob
            chosen["sigma"] = between(draws[_SIGMA], *self.blur_sigma)
        if self.solarize_prob > 0:
            chosen["solarize"] = draws[_SOLARIZE] < self.solarize_prob
        return chosen

    def _draw_colors(self, draws: jax.Array) -> Choices:
        """Return the choices of the jitter; one that is left out gets what changes nothing."""
        strengths = {"brightness": self.brightness, "contrast": self.contrast}
        strengths |= {"saturation": self.saturation, "hue": self.hue}
        if self.jitter_prob == 0 or not any(strengths.values()):
            return {}
        on = draws[_JITTER] < self.jitter_prob
        order = (draws[_ORDER] * len(_ORDERS)).astype(jnp.int32)
        chosen = {"order": jnp.asarray(_ORDERS)[order]}
        for name, strength in strengths.items():
            if strength:
                low = -strength if name == "hue" else 1.0 - strength
                if name != "hue" and not (name == "brightness" and self.jitter == "simclr_v1"):
                    low = max(0.0, low)
                high = strength if name == "hue" else 1.0 + strength
                drawn = between(draws[_JITTERED[name]], low, high)
                chosen[name] = jnp.where(on, drawn, NEUTRAL[name])
        return chosen


def multi_crop(
    views: Mapping[str, Augmentation], keys: jax.Array, images: jax.Array
) -> dict[str, jax.Array]:
    """Make every view of every image of a batch.

    Args:
      views: any number of kinds of view, by name, each with its own size and count.
      keys: one random key per example, [B]. The draws of a kind of view depend on its name and the
        example's key alone, not on what other kinds there are.
      images: uint8[B, H, W, C], or float[B, H, W, C] in [0, 1].

    Returns:
      {name: float32[B, count, size, size, C]} with values in [0, 1]. Views of an image are on axis
      1, so that a batch sharded over devices stays where it is.

    Raises:
      ValueError: there are no views, or keys and images differ in number.
      TypeError: the images are neither uint8 nor floating point.

    >>> views = {"global": Augmentation(size=8, crop_scale=(0.4, 1.0), count=2)}
    >>> keys = jax.random.split(jax.random.key(0), 3)
    >>> images = jnp.zeros((3, 10, 10, 1), jnp.uint8)
    >>> jax.jit(lambda keys, images: multi_crop(views, keys, images))(keys, images)["global"].shape
    (3, 2, 8, 8, 1)

    Reference: Caron et al. 2020 (SwAV), facebookresearch/swav src/multicropdataset.py.
    """
    if not views:
        raise ValueError("views is empty; it must name at least one Augmentation")
    if keys.shape[0] != images.shape[0]:
        raise ValueError(f"got {keys.shape[0]} keys for {images.shape[0]} images; one key each")

    def make(key, image):
        image, made = unit_range(image), {}
        for same in _alike(views):
            counts = [views[name].count for name in same]
            drawn = [_draw_all(name, views[name], key, image.shape) for name in same]
            chosen = alike(drawn, counts, image.shape)
            crops = _render_all(image, chosen, views[same[0]].style, sum(counts))
            made |= zip(same, jnp.split(crops, np.cumsum(counts)[:-1]), strict=True)
        return made

    return jax.vmap(make)(keys, images)


def finish_crops(
    views: Mapping[str, Augmentation], keys: jax.Array, crops: Mapping[str, jax.Array]
) -> dict[str, jax.Array]:
    """Do what is left of views whose crops were made on the host: flips, colours and blur.

    The draws are those that `multi_crop` makes with the same keys.

    Args:
      views: by name, as `multi_crop` takes them.
      keys: one random key per example, [B].
      crops: by name, uint8[B, count, size, size, C], of `views[name].size`.

    Returns:
      {name: float32[B, count, size, size, C]} with values in [0, 1].
    """

    def finish(name, key, images):
        view = dataclasses.replace(views[name], crop_scale=None)
        chosen = _draw_all(name, view, key, images.shape[1:])
        return jax.vmap(lambda image, one: render(image, one, view.style))(
            unit_range(images), chosen
        )

    return {
        name: jax.vmap(lambda key, images, name=name: finish(name, key, images))(keys, crops[name])
        for name in views
    }


def multi_crop_masks(
    views: Mapping[str, Augmentation], keys: jax.Array, masks: jax.Array
) -> dict[str, jax.Array]:
    """Return the masks of the views that `multi_crop` makes of images with the same keys.

    A mask is cropped and mirrored as its image is; colours and blur leave it as it is.

    Args:
      views: as of `multi_crop`.
      keys: one random key per example, [B].
      masks: int32[B, H, W], of the size of the images.

    Returns:
      {name: int32[B, count, size, size]}.
    """

    def one(mask, chosen, size):
        box, flip = chosen.get("box", whole(mask.shape)), chosen.get("flip", False)
        return crop_nearest(mask, box, (size, size), flip)

    def make(key, mask):
        made = {}
        for name, view in views.items():
            chosen = _draw_all(name, view, key, mask.shape)
            made[name] = jax.vmap(
                lambda c, size=view.size: one(mask, c, size), axis_size=view.count
            )(chosen)
        return made

    return jax.vmap(make)(keys, masks)


def _alike(views: Mapping[str, Augmentation]) -> list[list[str]]:
    """Return the names of the views that one program makes: those of one style.

    A program for each would be as fast, but take the compilers of accelerators longer: of all parts
    of a train step the resizing is one of the longest to compile.
    """
    groups: dict[Style, list[str]] = {}
    for name, view in views.items():
        groups.setdefault(view.style, []).append(name)
    return list(groups.values())


def _draw_all(name: str, view: Augmentation, key: jax.Array, shape: tuple[int, ...]) -> Choices:
    """Return what is drawn for the views of a name, [count, ...] each."""
    own = jax.random.fold_in(key, zlib.crc32(name.encode()))
    return jax.vmap(lambda one: view.draw(one, shape))(jax.random.split(own, view.count))


def _render_all(image: jax.Array, chosen: Choices, style: Style, count: int) -> jax.Array:
    """Return `count` views [count, size, size, C] of a style."""

    def one(chosen):
        return render(image, chosen, style)

    return jax.vmap(one, axis_size=count)(chosen)


def _check_name(name: str, value: object, known: Iterable[str]) -> None:
    if value not in tuple(known):
        raise ValueError(f"{name}={value!r} must be one of {', '.join(known)}")


def _check_whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}={value!r} must be a whole number of at least {least}")
    if value < least:
        raise ValueError(f"{name}={value!r} must be at least {least}")


def _check_number(name: str, value: object, least: float, most: float) -> None:
    if not _is_number(value):
        raise TypeError(f"{name}={value!r} must be a number from {least} to {most}")
    if not (math.isfinite(value) and least <= value <= most):
        raise ValueError(f"{name}={value!r} must be from {least} to {most}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
