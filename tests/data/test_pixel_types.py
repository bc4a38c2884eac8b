"""Images of 8 and 16 bits and floats, of any number of channels and of sides that differ."""

import numpy as np
import pytest

from ssljax.data import Pipeline, epoch, images, open_source, statistics
from ssljax.errors import UserError

RANGE = {"uint8": 255, "uint16": 65_535, "float32": 1.0}


def some_images(dtype, channels, height=24, width=40):
    ramp = np.linspace(0.1, 0.9, width)[None, None, :, None]
    levels = np.linspace(0.5, 1.0, channels)
    pixels = np.broadcast_to(ramp * levels, (6, height, width, channels)) * RANGE[dtype]
    return (pixels if dtype == "float32" else np.rint(pixels)).astype(dtype)


@pytest.mark.parametrize("channels", [1, 4, 13, 20])
@pytest.mark.parametrize("dtype", list(RANGE))
def test_they_are_shipped_as_they_are(tmp_path, dtype, channels):
    pixels = some_images(dtype, channels)
    np.savez(tmp_path / "x.npz", image=pixels)
    source = open_source(f"npz:{tmp_path / 'x.npz'}")
    assert source.fields["image"].dtype == dtype
    batch = Pipeline(source, seed=0, batch_size=3).batch(0)
    np.testing.assert_array_equal(batch["image"], pixels[batch["id"]])
    mean, std = statistics(source)["image"]
    unit = pixels.astype(np.float64) / RANGE[dtype]
    np.testing.assert_allclose(mean, unit.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(std, unit.std((0, 1, 2)), rtol=1e-4)
    small = Pipeline(source, seed=0, batch_size=3, image_size=(12, 10)).batch(0)["image"]
    assert small.dtype == dtype and small.shape == (3, 12, 10, channels)
    # In the middle of a ramp the centre crop is the ramp again.
    wanted = unit[0, 0, 10:30].reshape(10, 2, channels).mean(1)
    np.testing.assert_allclose(small[0, 6, 2:8] / RANGE[dtype], wanted[2:8], atol=0.005)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.5), (0.0, 1.5), (0.0, np.nan)])
def test_floats_of_another_range_are_refused(tmp_path, low, high):
    pixels = np.full((2, 4, 4, 1), low, np.float32)
    pixels[0, 0] = high
    np.savez(tmp_path / "x.npz", image=pixels)
    with pytest.raises(UserError, match=r"must lie in \[0, 1\], it is from"):
        open_source(f"npz:{tmp_path / 'x.npz'}")


def test_sixteen_bits_do_not_wrap_round_where_the_filter_overshoots():
    edge = np.zeros((8, 8, 1), np.uint16)
    edge[:, 4:] = 65_535
    large = images.resize(edge, (0, 0, 8, 8), 32)
    assert (np.diff(large[4, 8:24, 0].astype(int)) >= 0).all() and large[4, 30, 0] > 60_000


def test_evaluation_may_crop_less_than_the_whole_shorter_side(tmp_path):
    pixels = some_images("uint8", 3, height=64, width=64)
    np.savez(tmp_path / "x.npz", image=pixels)
    source = open_source(f"npz:{tmp_path / 'x.npz'}")
    (whole,) = epoch(source, 6, 32)
    (part,) = epoch(source, 6, 28, shorter=32)
    np.testing.assert_allclose(part["image"][:, 2:-2, 2:-2], whole["image"][:, 4:-4, 4:-4], atol=1)
    (same,) = epoch(source, 6, 32, shorter=32)
    np.testing.assert_array_equal(same["image"], whole["image"])
    (most,) = epoch(source, 6, 32, shorter=16)  # there is no more than the image
    np.testing.assert_array_equal(most["image"], whole["image"])
