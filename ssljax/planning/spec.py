"""What the data of a config are like, whether or not they are at hand."""

import re

from ml_collections import ConfigDict

from ssljax.data.images import both_sides
from ssljax.errors import UserError
from ssljax.spec import Spec, image_spec
from ssljax.training.experiment import open_data

# (height, width, channels) of the images, None where they differ in size, and their number.
KNOWN: dict[str, tuple[tuple[int, int, int] | None, int]] = {
    "tfds:cifar10": ((32, 32, 3), 50_000),
    "tfds:cifar100": ((32, 32, 3), 50_000),
    "tfds:fashion_mnist": ((28, 28, 1), 60_000),
    "tfds:imagenet2012": (None, 1_281_167),
    "tfds:mnist": ((28, 28, 1), 60_000),
    "tfds:stl10": ((96, 96, 3), 5_000),
}


def spec_of(config: ConfigDict, images: str = "") -> Spec:
    """Return what the training data of a config are like.

    Mean and standard deviation are made up: a compiled program differs by two constants.

    Args:
      config: complete.
      images: HEIGHTxWIDTHxCHANNELS:NUMBER if given, else they are looked up: in the source itself
        where it is prepared, else in the table `KNOWN`.

    Raises:
      UserError: neither says how large the images are, or how many.
    """
    shape, count, dtype = (*_given(images), "uint8") if images else _looked_up(config)
    side = config.data.image_size
    if side and shape:
        shape = (*both_sides(side), shape[2])
    if shape is None:
        if not side:
            raise UserError(
                f"the images of {config.data.source} differ in size; set config.data.image_size, "
                "such as 224"
            )
        shape = (*both_sides(side), config.data.channels)
    mean, std = (0.5,) * shape[2], (0.25,) * shape[2]
    spec = image_spec(shape, mean, std, count, labels=config.data.labels)
    return spec.replace(image=spec.fields["image"].replace(dtype=dtype))


def _given(images: str) -> tuple[tuple[int, int, int], int]:
    found = re.fullmatch(r"(\d+)x(\d+)x(\d+):(\d+)", images)
    if not found or 0 in map(int, found.groups()):
        raise UserError(
            f"--images {images!r} is not understood; write HEIGHTxWIDTHxCHANNELS:NUMBER, such as "
            "256x256x3:1281167"
        )
    height, width, channels, count = map(int, found.groups())
    return (height, width, channels), count


def _looked_up(config: ConfigDict) -> tuple[tuple[int, int, int] | None, int, str]:
    data = config.data
    try:
        source = open_data(config, data.source, data.split)
    except UserError as error:
        if data.source in KNOWN and data.split == "train":
            return *KNOWN[data.source], "uint8"
        raise UserError(
            f"{error}; or say what its images are like: --images HEIGHTxWIDTHxCHANNELS:NUMBER"
        ) from error
    field = source.fields["image"]
    return None if None in field.shape else field.shape, len(source), field.dtype
