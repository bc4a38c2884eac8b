"""Images that an objective is given as they are, to embed or to reconstruct."""

import numpy as np
import pytest

from ssljax.objectives.views import plain
from tests.objectives.conftest import SPEC

PIXELS = np.random.default_rng(0).integers(0, 256, (3, *SPEC.shape), np.uint8)


def test_bytes_and_floats_in_zero_one_are_the_same_images():
    floats = (PIXELS / 255).astype(np.float32)
    from_bytes, from_floats = (plain({"image": image}, SPEC) for image in (PIXELS, floats))
    np.testing.assert_allclose(from_bytes, from_floats, atol=1e-6)
    np.testing.assert_allclose(from_bytes, (floats - SPEC.mean) / SPEC.std, atol=1e-5)


def test_floats_of_another_range_are_refused():
    with pytest.raises(ValueError, match="must lie in"):
        plain({"image": PIXELS.astype(np.float32)}, SPEC)
