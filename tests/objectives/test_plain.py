"""Images that an objective is given as they are, to embed or to reconstruct."""

import numpy as np
import pytest

from ssljax.objectives.views import plain
from tests.objectives.conftest import SPEC

FIELD = SPEC.fields["image"]
PIXELS = np.random.default_rng(0).integers(0, 256, (3, *FIELD.shape), np.uint8)


def test_bytes_and_floats_in_zero_one_are_the_same_images():
    floats = (PIXELS / 255).astype(np.float32)
    from_bytes, from_floats = (plain(image, FIELD) for image in (PIXELS, floats))
    np.testing.assert_allclose(from_bytes, from_floats, atol=1e-6)
    np.testing.assert_allclose(from_bytes, (floats - FIELD.mean) / FIELD.std, atol=1e-5)


def test_floats_of_another_range_are_refused():
    with pytest.raises(ValueError, match="must lie in"):
        plain(PIXELS.astype(np.float32), FIELD)
