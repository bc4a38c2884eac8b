import io

import numpy as np
import pytest
from PIL import Image

from ssljax.data import images


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


GREY = np.arange(0, 240, 2, dtype=np.uint8).reshape(10, 12)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_mode_becomes_uint8_of_the_wanted_channels(mode, channels):
    if mode == "I;16":
        image = Image.fromarray(GREY.astype(np.uint16) * 256)
    else:
        image = Image.fromarray(GREY).convert(mode)
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    pixels = images.decode(data, channels)
    assert pixels.shape == (10, 12, channels) and pixels.dtype == np.uint8
    if mode != "1":
        np.testing.assert_allclose(pixels[..., 0], GREY, atol=1)


def test_transparency_is_laid_over_white():
    red = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    assert (images.decode(encoded(red), 3) == 255).all()
    assert (images.decode(encoded(red), 4)[..., 3] == 0).all()


def test_pictures_stand_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    data = encoded(Image.new("RGB", (20, 10)), "JPEG", exif=exif)
    assert images.decode(data).shape == (20, 10, 3)
    assert images.encoded_size(data) == (20, 10)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_what_is_cut_short_is_noticed(form):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    data = encoded(Image.fromarray(pixels), form)
    assert images.decode(data).shape == (40, 40, 3)
    cut = data[: len(data) // 2]
    assert not images.looks_whole(cut[:4096], cut[-64:], len(cut))
    with pytest.raises(OSError):
        images.decode(cut)


@pytest.mark.parametrize("data", [b"", b"not an image at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_image_is_an_os_error(data):
    with pytest.raises(OSError):
        images.decode(data)


def test_damage_in_the_middle_of_a_png_is_an_os_error():
    data = bytearray(encoded(Image.fromarray(GREY)))
    middle = data.index(b"IDAT") + 20
    data[middle : middle + 8] = b"\xff" * 8
    with pytest.raises(OSError):
        images.decode(bytes(data))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_resize_keeps_channels_apart(channels):
    image = np.broadcast_to(np.arange(channels, dtype=np.uint8) * 30, (9, 14, channels)).copy()
    small = images.resize(image, images.centre_box(9, 14), 5)
    assert small.shape == (5, 5, channels)
    assert (small == image[:5, :5]).all()


def test_centre_box_is_the_central_square():
    image = np.zeros((4, 8, 1), np.uint8)
    image[:, 2:6] = 9
    assert (images.resize(image, images.centre_box(4, 8), 4) == 9).all()


def test_random_boxes_lie_inside_and_keep_the_asked_area():
    areas = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        left, upper, right, lower = images.random_box(100, 150, rng, (0.2, 0.6))
        assert 0 <= left < right <= 150 and 0 <= upper < lower <= 100
        assert 0.7 < (right - left) / (lower - upper) < 1.4
        areas.append((right - left) * (lower - upper) / 15000)
    assert 0.19 < min(areas) < 0.23 and 0.56 < max(areas) < 0.61
    assert abs(np.mean(areas) - 0.4) < 0.03


def test_a_strip_takes_the_largest_centred_box():
    box = images.random_box(10, 1000, np.random.default_rng(0), (0.5, 1.0))
    assert box[3] - box[1] == 10 and box[2] - box[0] == 13 and abs(box[0] + box[2] - 1000) <= 1
