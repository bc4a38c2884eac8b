import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.pixels import unit_range

LEVELS = np.arange(256, dtype=np.uint8).reshape(2, 128)


def test_bytes_and_floats_are_the_same_images():
    from_bytes = unit_range(LEVELS)
    assert from_bytes.dtype == jnp.float32 and from_bytes.max() == 1
    for dtype in (np.float32, np.float64):
        floats = unit_range((LEVELS / 255).astype(dtype))
        np.testing.assert_allclose(from_bytes, floats, rtol=1e-6)
    np.testing.assert_allclose(from_bytes, jax.jit(unit_range)(LEVELS), rtol=1e-6)
    np.testing.assert_array_equal(from_bytes, jax.jit(unit_range)(from_bytes))


def test_sixteen_bits_are_of_their_own_range():
    found = unit_range(np.array([0, 257, 65_535], np.uint16))
    np.testing.assert_allclose(found, [0, 1 / 255, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (
            LEVELS.astype(np.float32),
            ValueError,
            "these are from 0.0 to 255.0; divide",
        ),
        (np.array([0.5, np.nan]), ValueError, r"in \[0, 1\], these are from nan"),
        (np.array([-0.5, 0.5]), ValueError, "from -0.5 to 0.5"),
        (LEVELS.astype(np.int32), TypeError, "have dtype int32; they must be uint8"),
        (LEVELS > 5, TypeError, "have dtype bool"),
    ],
)
def test_other_images_are_refused(images, error, message):
    with pytest.raises(error, match=message):
        unit_range(images)
