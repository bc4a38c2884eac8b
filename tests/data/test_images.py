import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

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


@pytest.mark.parametrize("height, width", [(30, 50), (7, 333), (333, 7), (28, 28), (48, 16)])
@pytest.mark.parametrize("size", [(16, 48), (48, 16), (7, 5), (28, 28)])
def test_centre_box_is_the_largest_of_an_aspect(height, width, size):
    left, upper, right, lower = images.centre_box(height, width, size)
    assert 0 <= left < right <= width and 0 <= upper < lower <= height
    assert (left + right, upper + lower) == (pytest.approx(width), pytest.approx(height))
    assert (right - left) / (lower - upper) == pytest.approx(size[1] / size[0])
    assert right - left == pytest.approx(width) or lower - upper == pytest.approx(height)
    image = np.zeros((height, width, 2), np.uint8)
    assert images.resize_and_crop(image, size).shape == (*size, 2)


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


# --- orientation ----------------------------------------------------------------------------------

UPRIGHT = [  # what makes an image of orientation 1, 2, ... upright
    lambda a: a,
    lambda a: a[:, ::-1],
    lambda a: a[::-1, ::-1],
    lambda a: a[::-1],
    lambda a: a.swapaxes(0, 1),
    lambda a: a.swapaxes(0, 1)[:, ::-1],
    lambda a: a[::-1, ::-1].swapaxes(0, 1),
    lambda a: a.swapaxes(0, 1)[::-1],
]


def with_exif(form: str, exif: bytes) -> bytes:
    """A file of GREY with EXIF data that nobody has looked at."""
    if form == "JPEG":
        data = encoded(Image.fromarray(GREY), form, quality=95)
        return data[:20] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[20:]
    if form == "WEBP":
        return encoded(Image.fromarray(GREY), form, lossless=True, exif=exif)
    body = b"eXIf" + exif.removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = encoded(Image.fromarray(GREY), "PNG")
    return data[:-12] + chunk + data[-12:]  # behind the pixels


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    if form == "TIFF":
        data, plain = encoded(Image.fromarray(GREY), form, exif=exif), GREY
    else:
        data = with_exif(form, exif.tobytes())
        plain = images.decode(encoded(Image.fromarray(GREY), form, quality=95, lossless=True), 1)
    pixels = images.decode(data, 1)
    assert (pixels.squeeze() == UPRIGHT[orientation - 1](plain.squeeze())).all()
    assert images.encoded_size(data) == pixels.shape[:2]


@pytest.mark.filterwarnings("ignore")  # PIL tells of the damage
def test_damaged_exif_data_never_cost_the_pixels():
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0128], exif[0x011A] = 6, "Maker" * 4, 2, 72.0
    exif.get_ifd(0x8769)[0x829A] = 0.01
    whole = exif.tobytes()
    plain = {
        form: images.decode(encoded(Image.fromarray(GREY), form, quality=95, lossless=True), 1)
        for form in ("JPEG", "PNG", "WEBP")
    }
    for number in range(450):
        form, damaged = list(plain)[number % 3], bytearray(whole)
        if number % 4 == 0:
            damaged = damaged[: rng.integers(7, len(damaged))]
        elif number % 4 == 1:
            damaged[14:] = rng.bytes(int(rng.integers(0, 100)))
        else:
            for at in rng.integers(6, len(damaged), 6):
                damaged[at] = rng.integers(256)
        data = with_exif(form, bytes(damaged))
        pixels = images.decode(data, 1)
        assert any(np.array_equal(pixels, turn(plain[form])) for turn in UPRIGHT)
        assert images.encoded_size(data) == pixels.shape[:2]


def test_a_resolution_over_which_pil_trips():
    entries = [(0x0112, 3, 1, 6 << 16), (0x011A, 7, 1, 0), (0x0128, 3, 1, 2 << 16)]
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">H", 3)
    tiff += b"".join(struct.pack(">HHII", *entry) for entry in entries) + bytes(4)
    data = with_exif("JPEG", b"Exif\0\0" + tiff)
    data = data[:2] + data[20:]  # without the resolution of the JFIF header
    assert images.decode(data, 1).shape == (10, 12, 1) and images.encoded_size(data) == (10, 12)
    grey = images.decode(encoded(Image.fromarray(GREY), "JPEG", quality=95), 1)
    assert (images.decode(data, 1) == grey).all()


def test_orientation_from_metadata_as_text_that_is_none():
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", "\nexif\n 4\nno hexadecimal digits\n", zip=True)
    data = encoded(Image.fromarray(GREY), "PNG", pnginfo=info)
    assert (images.decode(data, 1)[..., 0] == GREY).all()


# --- what is too large, or of another format ------------------------------------------------------


def test_too_many_pixels_are_an_os_error_that_names_the_limit(monkeypatch):
    bomb = with_size(encoded(Image.new("1", (8, 8))), 20_000, 10_000)
    for look in (images.decode, images.encoded_size):
        with pytest.raises(OSError, match="200000000 pixels.* limit of 178956970"):
            look(bomb)
    monkeypatch.setattr(images, "PIXEL_LIMIT", 119)
    with pytest.raises(OSError, match="12 x 10 pixels are more than the limit of 119"):
        images.decode(encoded(Image.fromarray(GREY)))


def with_size(png: bytes, width: int, height: int) -> bytes:
    """A PNG file whose header claims another size."""
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


def test_no_other_program_is_started_for_a_file_of_a_wrong_name(monkeypatch):
    def started(*args, **kwargs):
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen", started)
    eps = encoded(Image.fromarray(GREY), "EPS")
    for look in (images.decode, images.encoded_size):
        with pytest.raises(OSError, match="not an image of a known format"):
            look(eps)


def test_large_images_are_decoded_as_others(monkeypatch):
    data = with_exif("PNG", b"")
    monkeypatch.setattr(images, "LARGE", 10)
    assert (images.decode(data, 1)[..., 0] == GREY).all()
    with pytest.raises(OSError):
        images.decode(data[:50])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF"])
def test_a_reduced_image_has_enough_pixels_and_the_same_mean(form):
    smooth = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 9), np.uint8))
    data = encoded(smooth.resize((630, 420), Image.Resampling.BICUBIC), form)
    whole, reduced = images.decode(data, 1), images.decode(data, 1, enough=5_000)
    assert 5_000 <= reduced.size < 20_000
    assert abs(float(whole.mean()) - float(reduced.mean())) < 1
    assert abs(float(whole.std()) - float(reduced.std())) < 1
    assert images.decode(data, 1, enough=whole.size).shape == whole.shape
    strip = encoded(smooth.resize((3, 9_000)), form)
    assert images.decode(strip, 1, enough=100).shape[1] <= 3
