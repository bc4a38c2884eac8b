"""`sklearn:digits`: 1,797 grey images of 8x8 that come with scikit-learn; no download."""

import numpy as np

from ssljax.data.sources.base import Options
from ssljax.data.sources.in_memory import ArraySource, image_source
from ssljax.data.sources.paths import find_split
from ssljax.errors import optional_package, unknown


def open_digits(name: str, options: Options) -> ArraySource:
    """Open the digits; every fifth image is test (359), the others are train (1,438)."""
    datasets = optional_package("sklearn.datasets", "digits")  # here: it takes a second to import

    if name != "digits":
        raise unknown("scikit-learn data set", name, ["digits"])
    digits = datasets.load_digits()
    test = np.arange(len(digits.images)) % 5 == 4
    chosen = test if find_split(options, ["train", "test"]) == "test" else ~test
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]  # the values are 0..16
    return image_source(
        pixels[chosen], digits.target[chosen], options, class_names=[str(d) for d in range(10)]
    )
