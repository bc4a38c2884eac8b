"""Image files of 16 bits and of many channels: TIFF and PNG, from a folder and from ArrayRecord."""

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from ssljax.data import Pipeline, epoch, open_source, statistics
from ssljax.data.decoder import Decoder
from ssljax.data.host import CropGroup
from ssljax.errors import UserError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 65_536, (7, 9), np.uint16)
DEEP = RNG.integers(0, 65_536, (7, 9, 13), np.uint16)


def encoded(pixels, format):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


def tiff(pixels, **options):
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **{"photometric": "minisblack", **options})
    return stream.getvalue()


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_grey_of_16_bits_needs_no_package(format):
    data = encoded(GREY, format)
    wide = Decoder(1, 16)(data)
    assert wide.dtype == np.uint16
    np.testing.assert_array_equal(wide[..., 0], GREY)
    np.testing.assert_array_equal(Decoder(1, 8)(data)[..., 0], GREY >> 8)
    assert Decoder(1, 16).size(data) == (7, 9)
    assert Decoder(1, 16)(data, enough=15).shape == (4, 5, 1)  # every second pixel


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_8_bits_become_16_of_the_same_range(channels):
    pixels = RNG.integers(0, 256, (7, 9, 3), np.uint8)
    data = encoded(pixels, "png")
    wide, narrow = Decoder(channels, 16)(data), Decoder(channels, 8)(data)
    assert wide.dtype == np.uint16 and narrow.max() <= 255
    np.testing.assert_allclose(wide / 65_535, narrow / 255, rtol=1e-12)


@pytest.mark.parametrize("layout", ["pixels", "planes", "pages", "lzw", "big"])
def test_every_layout_of_a_tiff_gives_its_channels(layout):
    planes = np.moveaxis(DEEP, -1, 0)
    data = {
        "pixels": lambda: tiff(DEEP, planarconfig="contig"),
        "planes": lambda: tiff(planes, planarconfig="separate"),
        "pages": lambda: tiff(planes),
        "lzw": lambda: tiff(DEEP, planarconfig="contig", compression="lzw"),
        "big": lambda: tiff(DEEP, planarconfig="contig", bigtiff=True, byteorder=">"),
    }[layout]()
    decoder = Decoder(13, 16)
    np.testing.assert_array_equal(decoder(data), DEEP)
    assert decoder.size(data) == (7, 9)
    np.testing.assert_array_equal(Decoder(13, 8)(data), DEEP >> 8)


def test_a_png_of_16_bits_keeps_its_colours():
    imagecodecs = pytest.importorskip("imagecodecs")
    for channels in (3, 4):
        pixels = np.ascontiguousarray(DEEP[..., :channels])
        data = imagecodecs.png_encode(pixels)
        np.testing.assert_array_equal(Decoder(channels, 16)(data), pixels)
        assert Decoder(channels, 16).size(data) == (7, 9)
        with pytest.raises(OSError, match=f"has {channels} channels, not data.channels=1"):
            Decoder(1, 16)(data)


def test_what_cannot_be_had_is_refused():
    jpeg = encoded(RNG.integers(0, 256, (7, 9, 3), np.uint8), "jpeg")
    with pytest.raises(OSError, match="no 13 channels; of image files only TIFF may"):
        Decoder(13)(jpeg)
    whole = tiff(DEEP, planarconfig="contig")
    with pytest.raises(OSError, match="has 13 channels, not data.channels=12"):
        Decoder(12, 16)(whole)
    for damaged in (whole[:100], whole[:-200], b"II*\0", b"MM\0*" + bytes(100)):
        with pytest.raises(OSError):
            Decoder(13, 16)(damaged)
    floats = tiff(DEEP.astype(np.float32), planarconfig="contig")
    with pytest.raises(OSError, match="its pixels are float32"):
        Decoder(13, 16)(floats)
    with pytest.raises(OSError, match="is no single image"):
        Decoder(3, 16)(tiff(RNG.integers(0, 9, (4, 7, 9, 3), np.uint16), photometric="rgb"))


def test_the_error_of_a_missing_package_says_how_to_install_it(monkeypatch):
    data = b"II*\0" + bytes(100)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(UserError, match=r"pip install -e '.\[tiff\]'"):
        Decoder(13, 16)(data)


def test_a_folder_of_tiff_files_is_trained_and_evaluated_on(tmp_path):
    pixels = []
    for number in range(8):
        image = DEEP if number % 2 else np.concatenate([DEEP, DEEP[::-1]])  # of two sizes
        pixels.append(image // (number + 1))
        (tmp_path / f"{number}.tif").write_bytes(tiff(pixels[-1], planarconfig="contig"))
    for limit in (0, 2**30):
        source = open_source(f"folder:{tmp_path}", channels=13, bits=16, memory_limit=limit)
        field = source.fields["image"]
        assert field.shape == (None, None, 13) and field.dtype == "uint16"
        np.testing.assert_array_equal(source[3]["image"], pixels[3])
        mean, std = statistics(source)["image"]
        each = np.stack([image.reshape(-1, 13).mean(0) for image in pixels]) / 65_535
        np.testing.assert_allclose(mean, each.mean(0), rtol=1e-5)
        assert std.shape == (13,) and (std > 0).all()
        batch = Pipeline(source, seed=0, batch_size=4, image_size=(6, 8)).batch(0)["image"]
        assert batch.dtype == np.uint16 and batch.shape == (4, 6, 8, 13) and batch.max() > 255
        crops = Pipeline(source, seed=0, batch_size=4, crops={"image.crop": CropGroup(5, 2)})
        assert crops.batch(0)["image.crop"].shape == (4, 2, 5, 5, 13)
        (whole,) = epoch(source, 8, (7, 9), shorter=7)
        np.testing.assert_array_equal(whole["image"][1], pixels[1])  # of that size already
        assert whole["image"].dtype == np.uint16


def test_records_of_16_bit_png(tmp_path):
    writer = pytest.importorskip("array_record.python.array_record_module").ArrayRecordWriter(
        str(tmp_path / "train.array_record"), "group_size:1"
    )
    for number in range(4):
        writer.write(struct.pack("<i", number % 2) + encoded(GREY // (number + 1), "png"))
    writer.close()
    for limit in (0, 2**30):
        source = open_source(f"arrayrecord:{tmp_path}", channels=1, bits=16, memory_limit=limit)
        found = source[2]["image"]
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found[..., 0], GREY // 3)
