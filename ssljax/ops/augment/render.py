"""From what was drawn for a view to its pixels."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ssljax.ops.augment.blur import box_blur, gaussian_blur
from ssljax.ops.augment.color import color_jitter, solarize, to_grey
from ssljax.ops.augment.geometry import crop_and_resize, whole

# Numbers by the name of the operation; an operation without is not in the program.
Choices = dict[str, jax.Array]
# What changes nothing. A box has none, for it depends on the image.
NEUTRAL = {
    "flip": False,
    "order": (0, 1, 2, 3),
    "brightness": 1.0,
    "contrast": 1.0,
    "saturation": 1.0,
    "hue": 0.0,
    "grey": False,
    "blur": False,
    "sigma": 1.0,
    "solarize": False,
}
JITTER = ("brightness", "contrast", "saturation", "hue")


@dataclasses.dataclass(frozen=True)
class Style:
    """What all views of a kind have in common; views of one style can be rendered together.

    Attributes:
      size: height and width of a view, those of the image if there is no box.
      kernel: taps of the blur, but for Pillow's.
      interpolation: filter of the resize, see `crop_and_resize`.
      jitter: whose colour operations, see `color_jitter`.
      blur: whose blur, a name of `BLURS`.
    """

    size: int
    kernel: int
    interpolation: str = "bilinear"
    jitter: str = "torchvision"
    blur: str = "torchvision"


def _pillow_blur(image, sigma, kernel, on):
    return box_blur(image, sigma, on)


def _zero_bordered_blur(image, sigma, kernel, on):
    return gaussian_blur(image, sigma, kernel, on, border="zero")


BLURS = {"torchvision": gaussian_blur, "tensorflow": _zero_bordered_blur, "pillow": _pillow_blur}


def render(image: jax.Array, chosen: Choices, style: Style) -> jax.Array:
    """Return the view of an image for which the choices were made.

    Args:
      image: float32[H, W, C] in [0, 1].
      chosen: any of "box" (top, left, height, width, see `crop_and_resize`), "flip", the jitter's
        "order" with "brightness", "contrast", "saturation" and "hue", then "grey", "blur" with its
        "sigma", and "solarize"; applied in this order.
      style: of the view.

    Returns:
      float32[size, size, C] in [0, 1].
    """
    if "box" in chosen:
        flip, size = chosen.get("flip", False), (style.size, style.size)
        image = crop_and_resize(image, chosen["box"], size, flip, style.interpolation)
        if style.interpolation != "bilinear":
            image = jnp.clip(image, 0.0, 1.0)
    elif "flip" in chosen:
        image = jnp.where(chosen["flip"], image[:, ::-1], image)
    if "order" in chosen:
        factors = {name: chosen.get(name) for name in JITTER}
        image = color_jitter(image, chosen["order"], like=style.jitter, **factors)
    if "grey" in chosen:
        image = jnp.where(chosen["grey"], to_grey(image), image)
    if "blur" in chosen:
        image = BLURS[style.blur](image, chosen["sigma"], style.kernel, chosen["blur"])
    if "solarize" in chosen:
        image = jnp.where(chosen["solarize"], solarize(image), image)
    return image


def alike(choices: Sequence[Choices], counts: Sequence[int], shape: tuple[int, ...]) -> Choices:
    """Join the choices of several kinds of view, so that one program renders them all.

    The order of their names is fixed, so that all hosts trace the same program.

    Args:
      choices: of each kind, [count, ...]. What one lacks and another has becomes what changes
        nothing.
      counts: of each kind.
      shape: of the image.
    """
    neutral = {**NEUTRAL, "box": whole(shape)}

    def of(one, count, name):
        nothing = jnp.asarray(neutral[name])
        return one.get(name, jnp.broadcast_to(nothing, (count, *nothing.shape)))

    return {
        name: jnp.concatenate([of(*each, name) for each in zip(choices, counts, strict=True)])
        for name in neutral
        if any(name in one for one in choices)
    }
