"""How the source shows images to its model: size, and mean and deviation of the channels."""

import math
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from ssljax.errors import UserError
from ssljax.hub.families import Plan
from ssljax.hub.files import read_json
from ssljax.hub.given import Given

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PREPROCESSOR = "preprocessor_config.json"
OF_VIDEOS = "video_preprocessor_config.json"


class Shown(NamedTuple):
    """What evaluation shows.

    Attributes:
      size: (height, width).
      resize: shorter side before the centre crop; 0 for that of the crop.
      mean: of each channel, of images in [0, 1].
      std: likewise.
      source: where mean and std are from, for people.
    """

    size: tuple[int, int]
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str


def shown(place: pathlib.Path, config: Given, plan: Plan) -> Shown:
    """Return what a folder says in preprocessor_config.json or in the "pretrained_cfg" of timm.

    What it does not say is the image size of the model, and the mean and deviation of its family:
    ImageNet's, or those that CLIP and SigLIP have; for images without three channels, 0 and 1.

    Raises:
      UserError: values of the wrong kind, or a size that patches do not tile.
    """
    name, mean, std = plan.normalised or ("ImageNet", *IMAGENET)
    if plan.channels != 3:
        name, mean, std = "0 and 1", (0.0,) * plan.channels, (1.0,) * plan.channels
    default = Shown(plan.image_size, 0, mean, std, name)
    paths = [place / name for name in (PREPROCESSOR, OF_VIDEOS) if place.is_dir()]
    if path := next((path for path in paths if path.exists()), None):
        found = _preprocessor(Given(read_json(path), path), default)
    elif "pretrained_cfg" in config.values:
        values = config.values["pretrained_cfg"]
        if not isinstance(values, dict):
            raise config.error("pretrained_cfg", "an object")
        found = _pretrained(Given(values, config.where), default)
    else:
        found = default
    patch = plan.encoder.get("patch_size", 1)
    if any(side % patch for side in found.size):
        raise UserError(
            f"{found.source}: images of {found.size[0]} x {found.size[1]} pixels, which patches of "
            f"{patch} do not tile"
        )
    return found


def _preprocessor(given: Given, default: Shown) -> Shown:
    mean, std = _statistics(given, "image_mean", "image_std", default)
    if not given.flag("do_normalize", True):
        mean, std = (0.0,) * len(mean), (1.0,) * len(std)
    size, resize = default.size, 0
    crops = given.flag("do_center_crop", "crop_size" in given.values)
    if crops and "crop_size" in given.values:
        size = _sides(given, "crop_size")
        whole = given.values.get("size")
        edge = whole.get("shortest_edge") if isinstance(whole, dict) else whole
        resize = edge if type(edge) is int and edge > max(size) else 0
    elif "size" in given.values:
        size = _sides(given, "size")
    return Shown(size, resize, mean, std, str(given.where))


def _pretrained(given: Given, default: Shown) -> Shown:
    size, resize = default.size, 0
    if "input_size" in given.values:
        sides = given.values["input_size"]
        if not isinstance(sides, list) or len(sides) != 3:
            raise given.error("input_size", "channels, height and width")
        size = _sides(Given({"input_size": sides[1:]}, given.where), "input_size")
    if "crop_pct" in given.values and (part := given.number("crop_pct")) < 1:
        resize = math.floor(min(size) / part) if part > 0 else 0
    mean, std = _statistics(given, "mean", "std", default)
    return Shown(size, resize, mean, std, str(given.where))


def _sides(given: Given, key: str) -> tuple[int, int]:
    value: Any = given.values[key]
    if isinstance(value, dict):
        edge = value.get("shortest_edge")
        value = [value.get("height", edge), value.get("width", edge)]
    value = [value, value] if isinstance(value, int) else value
    if not isinstance(value, Sequence) or len(value) != 2:
        raise given.error(key, "a size in pixels")
    if any(type(side) is not int or side < 1 for side in value):
        raise given.error(key, "a size in pixels")
    return tuple(value)


def _statistics(
    given: Given, mean: str, std: str, default: Shown
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    found = []
    for key, own in ((mean, default.mean), (std, default.std)):
        value = given.values.get(key, list(own))
        if not isinstance(value, list) or len(value) != len(own):
            raise given.error(key, f"a number for each of {len(own)} channels")
        if any(type(one) not in (int, float) or not math.isfinite(one) for one in value):
            raise given.error(key, f"a number for each of {len(own)} channels")
        found.append(tuple(map(float, value)))
    if any(one <= 0 for one in found[1]):
        raise given.error(std, "above 0")
    return found[0], found[1]
