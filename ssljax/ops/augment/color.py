"""What a view's colours become: jitter in random order, greyscale, solarize.

Images are float32[H, W, C] in [0, 1]; so are the results.
"""

import jax
import jax.numpy as jnp

LUMA = (0.299, 0.587, 0.114)
JITTERS = ("torchvision", "simclr_v1", "simclr_v2")
# The numbers of a step that changes nothing, by the part of the step.
_STILL = {"scale": 1.0, "shift": 0.0, "mean": 0.0, "grey": 0.0, "saturation": 1.0}
_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE = range(4)


def color_jitter(
    image: jax.Array,
    order: jax.Array,
    *,
    brightness: jax.Array | float | None = None,
    contrast: jax.Array | float | None = None,
    saturation: jax.Array | float | None = None,
    hue: jax.Array | float | None = None,
    like: str = "torchvision",
) -> jax.Array:
    """Change brightness, contrast, saturation and hue, in the order given.

    A factor f makes of the values x, before they are cut to [0, 1]:

    | `like` | brightness | contrast | saturation |
    |---|---|---|---|
    | "torchvision" | f x | f x + (1 - f) mean of the grey image | f x + (1 - f) grey image |
    | "simclr_v1" | x + (f - 1) | f x + (1 - f) mean of the channel | that of HSV times f |
    | "simclr_v2" | f x | as above | as above |

    The saturation of HSV is at most 1; hue and greatest channel stay. Hue turns the HSV angle and
    keeps the greatest and the least channel.

    The order differs from example to example, and a vmapped branch runs all its arms. But the
    first three are one formula with other numbers, so the steps before the hue and those after it
    are each three blends, of which those not due have f = 1: six cheap blends and one hue, where
    choosing among four results at each of four steps would take sixteen operations.

    Args:
      image: float32[H, W, C]. With one channel, saturation and hue change nothing.
      order: int[4], a permutation: the k-th operation is 0 brightness, 1 contrast, 2 saturation or
        3 hue.
      brightness: factor >= 0; None leaves the operation out of the program. 1 changes nothing.
      contrast: as brightness.
      saturation: as brightness.
      hue: turn as a fraction of the circle, in [-0.5, 0.5]; 0 changes nothing.
      like: whose operations, as above.

    Returns:
      float32[H, W, C] in [0, 1].

    Raises:
      ValueError: C is not 1 or 3 and an operation other than brightness is asked for, or `like` is
        unknown.

    >>> grey = jnp.full((2, 2, 3), 0.5)
    >>> float(color_jitter(grey, jnp.arange(4), brightness=0.5)[0, 0, 0])
    0.25

    Reference: torchvision.transforms.ColorJitter on tensors. The grey weights are those of
    ITU-R 601 (and Pillow), which sum to one; torchvision's sum to 0.9999. "simclr_v1" are those of
    tf.image, in the first release of google-research/simclr (data_util.py, impl="simclrv1") and in
    BYOL (deepmind-research, byol/utils/augmentations.py); later ones have another brightness.
    """
    if like not in JITTERS:
        raise ValueError(f"like={like!r} must be one of {', '.join(JITTERS)}")
    if image.shape[-1] == 1:
        saturation = hue = None
    if not (contrast is saturation is hue is None):
        _require_grey_or_rgb(image, "contrast, saturation and hue")
    planes = jnp.moveaxis(image, -1, 0)
    rank = jnp.argmax(order[None, :] == jnp.arange(4)[:, None], axis=1)
    blends = {_BRIGHTNESS: brightness, _CONTRAST: contrast, _SATURATION: saturation}
    blends = {kind: factor for kind, factor in blends.items() if factor is not None}
    if blends:
        steps, step_rank = _blend_steps(blends, rank, like)
        by_channel = like != "torchvision"
        if hue is None:
            planes = _blend_all(planes, steps, by_channel)
        else:
            before = step_rank < rank[_HUE]
            planes = _blend_all(planes, _only(before, steps), by_channel)
            planes = _turn_hue(planes, hue)
            planes = _blend_all(planes, _only(~before, steps), by_channel)
    elif hue is not None:
        planes = _turn_hue(planes, hue)
    return jnp.moveaxis(planes, 0, -1)


def to_grey(image: jax.Array) -> jax.Array:
    """Return the luma, 0.299 R + 0.587 G + 0.114 B, in all channels; one channel stays as it is.

    Args:
      image: float32[H, W, C], C is 1 or 3.

    Returns:
      float32[H, W, C].

    Raises:
      ValueError: C is not 1 or 3.

    Reference: torchvision.transforms.RandomGrayscale, with the weights of Pillow.
    """
    if image.shape[-1] == 1:
        return image
    _require_grey_or_rgb(image, "greyscale")
    grey = _luma(jnp.moveaxis(image, -1, 0))
    return jnp.broadcast_to(grey[..., None], image.shape)


def solarize(image: jax.Array, threshold: float = 0.5) -> jax.Array:
    """Invert the values at or above a threshold: x -> 1 - x where x >= threshold.

    >>> solarize(jnp.array([0.25, 0.5, 1.0])).tolist()
    [0.25, 0.5, 0.0]

    Reference: torchvision.transforms.functional.solarize.
    """
    return jnp.where(image >= threshold, 1.0 - image, image)


def _blend_steps(
    factors: dict[int, jax.Array], rank: jax.Array, like: str
) -> tuple[dict[str, jax.Array], jax.Array]:
    """Line the blends up in their order.

    Returns:
      The numbers of `_STILL` that some of the blends needs, each [n], and the rank of each step,
      [n].
    """
    kinds = jnp.array(list(factors))
    ranks = rank[kinds]
    turn = jnp.sum(ranks[None, :] < ranks[:, None], axis=1)
    # place[step, blend] is 1 where the blend takes place at the step.
    place = turn[None, :] == jnp.arange(len(factors))[:, None]
    factor = jnp.sum(place * jnp.stack([jnp.asarray(f, jnp.float32) for f in factors.values()]), 1)
    kind = jnp.sum(place * kinds, axis=1)
    kept = jnp.ones(kind.shape, bool)  # x is scaled by the factor
    steps = {}
    if like == "simclr_v1" and _BRIGHTNESS in factors:
        steps["shift"] = jnp.where(kind == _BRIGHTNESS, factor - 1.0, 0.0)
        kept &= kind != _BRIGHTNESS
    if _CONTRAST in factors:
        steps["mean"] = jnp.where(kind == _CONTRAST, 1.0 - factor, 0.0)
    if _SATURATION in factors and like == "torchvision":
        steps["grey"] = jnp.where(kind == _SATURATION, 1.0 - factor, 0.0)
    elif _SATURATION in factors:
        steps["saturation"] = jnp.where(kind == _SATURATION, factor, 1.0)
        kept &= kind != _SATURATION
    steps["scale"] = jnp.where(kept, factor, 1.0)
    return steps, jnp.sum(place * ranks, axis=1)


def _only(due: jax.Array, steps: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Make the steps that are not due change nothing."""
    return {part: jnp.where(due, number, _STILL[part]) for part, number in steps.items()}


def _blend_all(planes: jax.Array, steps: dict[str, jax.Array], by_channel: bool) -> jax.Array:
    def blend(planes, step):
        other = step.get("shift", 0.0)
        if "mean" in step and by_channel:
            other += step["mean"] * jnp.mean(planes, axis=(1, 2), keepdims=True)
        elif "mean" in step:
            other += step["mean"] * jnp.mean(_luma(planes))
        if "grey" in step:
            other += step["grey"] * _luma(planes)
        if "saturation" in step:
            other += _to_greatest(planes, step["saturation"])
        return jnp.clip(step["scale"] * planes + other, 0.0, 1.0), None

    # A scan, not a Python loop: across unrolled steps XLA on CPU fuses the chain into its
    # consumers and computes it again for each: several times slower, and far longer to compile.
    return jax.lax.scan(blend, planes, steps)[0]


def _to_greatest(planes: jax.Array, factor: jax.Array) -> jax.Array:
    """Return what to add to [3, H, W] so that their saturation, 1 - low / high, is multiplied."""
    high, low = jnp.max(planes, axis=0), jnp.min(planes, axis=0)
    chroma = high - low
    # No saturation, which is chroma / high, becomes more than 1. A factor of 1 adds 0 to the bit.
    most = jnp.maximum(1.0, high / jnp.where(chroma == 0, 1.0, chroma))
    return (1.0 - jnp.minimum(factor, most)) * (high - planes)


def _turn_hue(planes: jax.Array, turn: jax.Array | float) -> jax.Array:
    """Turn the hue of [3, H, W]: the hexagon formula, without branches by sector."""
    red, green, blue = planes
    high, low = jnp.max(planes, axis=0), jnp.min(planes, axis=0)
    chroma = high - low
    safe = jnp.where(chroma == 0, 1.0, chroma)
    # Not `high == red`: a compiler may compute `red` twice and round it differently, and then no
    # channel equals the greatest. Of nearly equal channels either gives nearly the same sector.
    sector = jnp.where(
        (red >= green) & (red >= blue),
        (green - blue) / safe,
        jnp.where(green >= blue, (blue - red) / safe + 2.0, (red - green) / safe + 4.0),
    )
    angle = jnp.array([5.0, 3.0, 1.0])[:, None, None] + sector + 6.0 * turn
    angle = angle - 6.0 * jnp.floor(angle / 6.0)
    turned = high - chroma * jnp.clip(jnp.minimum(angle, 4.0 - angle), 0.0, 1.0)
    # An example without jitter stays as it is to the last bit.
    return jnp.where(turn == 0.0, planes, turned)


def _luma(planes: jax.Array) -> jax.Array:
    if planes.shape[0] == 1:
        return planes[0]
    return LUMA[0] * planes[0] + LUMA[1] * planes[1] + LUMA[2] * planes[2]


def _require_grey_or_rgb(image: jax.Array, what: str) -> None:
    if image.shape[-1] not in (1, 3):
        raise ValueError(
            f"{what} need images with 1 or 3 channels, got shape {image.shape}; "
            "for other channels leave these strengths and probabilities at 0"
        )
