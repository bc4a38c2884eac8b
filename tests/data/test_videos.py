"""Videos: decoding, rates, the cache, clips of them, and what is wrong with files."""

import dataclasses
import io
import json
import pickle

import numpy as np
import pytest

from ssljax.data import Pipeline, epoch, open_source, prepare
from ssljax.data.host import Clips, Sampling
from ssljax.data.prepare import emoji_anim
from ssljax.data.prepare.emoji_anim import TONES
from ssljax.data.sources import video_files
from ssljax.data.statistics import statistics
from ssljax.data.videos import BrokenVideoError, decode
from ssljax.errors import MissingSplit, UserError
from ssljax.spec import Field
from tests.data.npm import install, write_tarball
from tests.data.videos import animation, film, frames


def greys(video):
    """Return the number that each frame of `frames` has."""
    return np.round(video.mean(axis=(1, 2, 3)) / 8).astype(int).tolist()


def write(folder, files):
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


@pytest.fixture
def clips(tmp_path):
    """Three videos of two classes in train and one in test, of 6 to 12 frames."""
    return write(
        tmp_path / "clips",
        {
            "train/cat/a.webp": animation(frames(6)),
            "train/cat/b.webp": animation(frames(12)),
            "train/dog/c.webp": animation(frames(9)),
            "test/dog/d.webp": animation(frames(7)),
        },
    )


def test_an_animation_is_decoded_to_its_pixels():
    pictures = frames(5)
    pictures[:, 4:8, 2:5] = (250, 10, 60)
    found, rate = decode(io.BytesIO(animation(pictures)), ".webp")
    np.testing.assert_array_equal(found, pictures)
    assert rate == pytest.approx(10)


@pytest.mark.parametrize(("kind", "codec"), [("mp4", "mpeg4"), ("webm", "libvpx")])
def test_a_film_is_decoded_by_pyav(kind, codec):
    pytest.importorskip("av")
    content = film(frames(6, (32, 48)), kind, codec=codec)
    found, rate = decode(io.BytesIO(content), f".{kind}")
    assert found.shape == (6, 32, 48, 3) and greys(found) == list(range(6))
    assert rate == pytest.approx(10, rel=0.02)
    # Half of the rate: frame k is the one that is shown at (k + 1/2) / 5 seconds.
    assert greys(decode(io.BytesIO(content), f".{kind}", fps=5)[0]) == [1, 3, 5]


def test_frames_of_changing_durations_come_at_one_rate():
    # Frame 0 is shown until 0.1 s, 1 until 0.4 s, 2 until 0.5 s, 3 until 1 s.
    content = animation(frames(4), "gif", (100, 300, 100, 500))
    found, rate = decode(io.BytesIO(content), ".gif", fps=10)
    assert greys(found) == [0, 1, 1, 1, 2, 3, 3, 3, 3, 3] and rate == 10
    assert greys(decode(io.BytesIO(content), ".gif", fps=4)[0]) == [1, 1, 3, 3]
    assert greys(decode(io.BytesIO(content), ".gif", fps=0.1)[0]) == [0]  # never without a frame
    found, rate = decode(io.BytesIO(content), ".gif")
    assert greys(found) == [0, 1, 2, 3] and rate == pytest.approx(4)


def test_frames_are_resized_and_cropped():
    pictures = frames(3, (20, 40))
    pictures[:, :, :6] = pictures[:, :, 34:] = 255  # the sides, which are cut off
    found, _ = decode(io.BytesIO(animation(pictures)), ".webp", size=8)
    assert found.shape == (3, 8, 8, 3) and greys(found) == [0, 1, 2]


def test_a_folder_has_splits_classes_and_videos_of_any_lengths(clips, tmp_path):
    source = open_source(f"video:{clips}", data_dir=tmp_path)
    assert source.class_names == ("cat", "dog") and len(source) == 3
    assert source.fields["video"] == Field("video", (None, 16, 16, 3), "uint8", rate=10.0)
    assert [greys(source[i]["video"]) for i in range(3)] == [list(range(n)) for n in (6, 12, 9)]
    assert [source[i]["label"] for i in range(3)] == [0, 0, 1]
    test = open_source(f"video:{clips}", split="test", data_dir=tmp_path)
    assert test.class_names == ("cat", "dog") and test[0]["label"] == 1
    with pytest.raises(MissingSplit, match="'validation'; it has: test, train"):
        open_source(f"video:{clips}", split="validation", data_dir=tmp_path)


def test_videos_are_decoded_once(clips, tmp_path, monkeypatch):
    first = open_source(f"video:{clips}?fps=5", data_dir=tmp_path)
    assert [len(first[i]["video"]) for i in range(3)] == [3, 6, 4]

    def never(*args):
        raise AssertionError("decoded again")

    monkeypatch.setattr(video_files, "decode", never)
    again = open_source(f"video:{clips}?fps=5", data_dir=tmp_path)
    assert again.fingerprint() == first.fingerprint()
    other = pickle.loads(pickle.dumps(again))  # as worker processes get it
    assert len(pickle.dumps(again)) < 4096
    np.testing.assert_array_equal(other[1]["video"], first[1]["video"])
    with pytest.raises(AssertionError, match="again"):  # at another rate
        open_source(f"video:{clips}", data_dir=tmp_path)
    (clips / "train/cat/a.webp").write_bytes(animation(frames(5)))
    with pytest.raises(AssertionError, match="again"):  # of other content
        open_source(f"video:{clips}?fps=5", data_dir=tmp_path)


def test_a_cache_that_was_cut_off_is_written_anew(clips, tmp_path):
    open_source(f"video:{clips}", data_dir=tmp_path)
    (stored,) = (tmp_path / "videos").glob("*/frames.bin")
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-1])
    assert len(open_source(f"video:{clips}", data_dir=tmp_path)) == 3
    assert stored.read_bytes() == whole
    (stored.parent / "index.json").write_text("{")
    assert greys(open_source(f"video:{clips}", data_dir=tmp_path)[0]["video"]) == list(range(6))


def truncated(content):
    return content[: len(content) * 2 // 3]


def with_broken_frame(content):
    """Return a WebP whose third frame holds no picture."""
    parts = content.split(b"ANMF")
    parts[3] = parts[3][:24] + b"\0" * (len(parts[3]) - 24)
    return b"ANMF".join(parts)


NOISE = np.random.default_rng(0).integers(0, 255, (6, 16, 16, 3)).astype(np.uint8)
DAMAGED = {
    "empty.webp": (b"", "empty"),
    "cut.webp": (truncated(animation(NOISE)), "frame|Pillow"),
    "frame.webp": (with_broken_frame(animation(NOISE)), "frame"),
    "cut.gif": (truncated(animation(NOISE, "gif")), "frame"),
    "text.gif": (b"no video", "no animation"),
    "text.mp4": (b"no video", "frame 0"),
    "short.webp": (animation(frames(3)), "3 frames, and a clip spans 5"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_told_by_name_or_left_out(name, tmp_path):
    content, why = DAMAGED[name]
    folder = write(tmp_path / "clips", {"good.webp": animation(frames(6)), name: content})
    with pytest.raises(UserError, match=rf"(?s)1 of 2 videos .*{name} \(.*({why}).*broken='skip'"):
        open_source(f"video:{folder}", data_dir=tmp_path, span=5)
    with pytest.warns(UserWarning, match=f"left out 1 of 2 .*{name}"):
        source = open_source(f"video:{folder}", data_dir=tmp_path, span=5, broken="skip")
    assert source.names == ["good.webp"] and len(source[0]["video"]) == 6
    assert name in source.report


def test_a_film_with_a_broken_frame_is_refused():
    pytest.importorskip("av")
    content = bytearray(film(np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), np.uint8)))
    start = content.index(b"mdat") + 4
    middle = start + (content.index(b"moov") - start) // 2
    content[middle : middle + 600] = bytes(600)
    with pytest.raises(BrokenVideoError, match="frame"):
        decode(io.BytesIO(bytes(content)), ".mp4")


def test_all_videos_broken(tmp_path):
    folder = write(tmp_path / "clips", {"a.gif": b"", "b.gif": b""})
    with pytest.raises(UserError, match="none is left.*2 of 2"):
        open_source(f"video:{folder}", data_dir=tmp_path, broken="skip")


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("?fps=0", "fps=0 .* above 0"),
        ("?fps=fast", "fps=fast"),
        ("?size=1.5", "size=1.5 .* whole number"),
        ("?length=4", "unknown option of a video: source 'length'"),
        ("/none", "does not exist"),
        ("/notes.txt", "is no video file"),
        ("/empty", "no video file .* in the folder"),
    ],
)
def test_names_that_are_wrong(rest, why, tmp_path):
    folder = write(tmp_path / "clips", {"a.webp": animation(frames(2)), "notes.txt": b"hello"})
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match=why):
        open_source(f"video:{folder}{rest}", data_dir=tmp_path)


def test_frames_of_several_sizes_need_a_size(tmp_path):
    files = {"a.webp": animation(frames(2)), "b.webp": animation(frames(2, (16, 24)))}
    folder = write(tmp_path / "clips", files)
    with pytest.raises(UserError, match=r"a.webp \(16 x 16\), b.webp \(24 x 16\); add \?size="):
        open_source(f"video:{folder}", data_dir=tmp_path)
    source = open_source(f"video:{folder}?size=8", data_dir=tmp_path)
    assert source.fields["video"].shape == (None, 8, 8, 3)
    assert open_source(f"video:{folder}/b.webp", data_dir=tmp_path).fields["video"].shape[2] == 24


def test_one_video_may_be_given_by_itself(tmp_path):
    folder = write(tmp_path, {"a.webp": animation(frames(4))})
    source = open_source(f"video:{folder}/a.webp", data_dir=tmp_path)
    assert len(source) == 1 and set(source.fields) == {"video"}


def test_clips_start_anywhere_or_are_spread_evenly():
    video = np.arange(20)[:, None]
    assert Clips(4)(video, None)[:, 0].tolist() == [8, 9, 10, 11]
    assert Clips(4, Sampling(stride=3))(video, None)[:, 0].tolist() == [5, 8, 11, 14]
    spread = Clips(2, Sampling(stride=2, count=3))(video, None)
    assert spread[..., 0].tolist() == [[0, 2], [8, 10], [17, 19]]
    drawn = Clips(3, Sampling(stride=2, count=2), random=True)
    rng = np.random.default_rng(0)
    starts = np.array([drawn(video, rng)[:, 0, 0] for _ in range(4000)])
    assert set(np.unique(starts)) == set(range(16))
    # The interval of two clips: 2/m (1 - t/m), so that its mean is a third of the last start.
    assert abs(np.abs(starts[:, 0] - starts[:, 1]).mean() / 15 - 1 / 3) < 0.03
    with pytest.raises(UserError, match="20 frames.*clip of 8 frames, each 3 .* spans 22"):
        Clips(8, Sampling(stride=3))(video, None)


def test_batches_of_clips_are_a_function_of_seed_row_and_step(clips, tmp_path):
    source = open_source(f"video:{clips}", data_dir=tmp_path)
    made = dict(batch_size=3, length=2, clips=Sampling(stride=2, count=2))
    pipeline = Pipeline(source, seed=1, **made)
    batch = pipeline.batch(5)
    assert batch["video"].shape == (3, 2, 2, 16, 16, 3) and batch["video"].dtype == np.uint8
    numbers = batch["video"].mean(axis=(3, 4, 5)) / 8
    np.testing.assert_allclose(numbers[..., 1] - numbers[..., 0], 2)
    np.testing.assert_array_equal(
        Pipeline(source, seed=1, **made).batch(5)["video"], batch["video"]
    )
    own = Pipeline(source, seed=1, rows=[1, 2], **made).batch(5)
    np.testing.assert_array_equal(own["video"], batch["video"][1:])
    again = list(pipeline.iterate(start=5, stop=6))[0]
    np.testing.assert_array_equal(again["video"], batch["video"])
    starts = {int(n) for k in range(20) for n in pipeline.batch(k)["video"][:, :, 0, 0, 0, 0].flat}
    assert len(starts) > 5  # every batch draws anew
    assert pipeline.fingerprint() != Pipeline(source, seed=1, batch_size=3, length=2).fingerprint()


def test_an_epoch_takes_clips_that_are_spread_evenly(clips, tmp_path):
    source = open_source(f"video:{clips}", data_dir=tmp_path)
    (batch,) = epoch(source, 4, length=2, clips=Sampling(count=3), labels=True)
    assert batch["video"].shape == (4, 3, 2, 16, 16, 3)
    assert (batch["video"][:3, :, 0, 0, 0, 0] // 8).tolist() == [[0, 2, 4], [0, 5, 10], [0, 4, 7]]
    with pytest.raises(UserError, match="the video 'video' of .* differ in length: set length"):
        epoch(source, 4)


def test_videos_of_an_npz_file(tmp_path):
    video = np.stack([frames(8), frames(8, step=4)])
    np.savez(tmp_path / "v.npz", train_video=video, train_label=[1, 0], test_video=video[..., 0])
    with pytest.raises(UserError, match="splits .* differ in the shape"):
        open_source(f"npz:{tmp_path}/v.npz")
    np.savez(tmp_path / "v.npz", train_video=video, train_label=[1, 0], test_video=video)
    source = open_source(f"npz:{tmp_path}/v.npz")
    assert source.fields["video"] == Field("video", (8, 16, 16, 3), "uint8")
    (whole,) = epoch(source, 2)
    np.testing.assert_array_equal(whole["video"], video)
    (clip,) = epoch(source, 2, length=4)
    np.testing.assert_array_equal(clip["video"], video[:, 2:6])
    with pytest.raises(UserError, match="8 frames.* spans 9"):
        epoch(source, 2, length=9)
    np.savez(tmp_path / "f.npz", video=video / 255)
    with pytest.raises(UserError, match="video of .*f.npz.* must be uint8, not float64"):
        open_source(f"npz:{tmp_path}/f.npz")


def test_statistics_are_of_each_channel(tmp_path):
    generator = np.random.default_rng(0)
    video = generator.integers(0, 255, (3, 5, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "v.npz", video=video)
    mean, std = statistics(open_source(f"npz:{tmp_path}/v.npz"))["video"]
    np.testing.assert_allclose(mean, video.mean(axis=(0, 1, 2, 3)) / 255, rtol=1e-5)
    np.testing.assert_allclose(std, video.std(axis=(0, 1, 2, 3)) / 255, rtol=1e-5)


def test_the_index_is_plain(clips, tmp_path):
    open_source(f"video:{clips}", data_dir=tmp_path)
    (index,) = (tmp_path / "videos").glob("*/index.json")
    assert json.loads(index.read_text())["sizes"] == [[6, 16, 16], [12, 16, 16], [9, 16, 16]]


def test_animated_emoji_hold_out_the_dark_tone(tmp_path, monkeypatch):
    files = {}
    for number, code in enumerate(("1f40a", "1f44b", "1f44b-200d-2640-fe0f")):
        tones = ["", *(f"-{tone}" for tone in TONES if tone)] if number else [""]
        for place, tone in enumerate(tones):
            content = animation(frames(6, (12, 12), step=10 + place), milliseconds=250)
            files[f"assets/{code.replace('1f44b', f'1f44b{tone}')}.webp"] = content
    files["assets/1f600.webp"] = animation(frames(1))  # a still picture
    tarball = emoji_anim.TARBALL
    sha256 = write_tarball(tmp_path, tarball.package, files)
    monkeypatch.setattr(emoji_anim, "TARBALL", dataclasses.replace(tarball, sha256=sha256))
    install(tmp_path, monkeypatch)
    assert prepare("emoji_anim", tmp_path / "data").name == "npm:emoji_anim"
    parts = {
        split: open_source("npm:emoji_anim", split=split, data_dir=tmp_path / "data")
        for split in ("train", "test", "light", "unlabelled")
    }
    assert {split: len(one) for split, one in parts.items()} == {
        "train": 10,
        "test": 2,
        "light": 2,
        "unlabelled": 11,
    }
    assert parts["train"].class_names == ("1f44b", "1f44b-200d-2640")
    assert set(parts["train"].groups) == {*TONES.values()} - {"dark"}
    assert set(parts["test"].groups) == {"dark"} and set(parts["light"].groups) == {"light"}
    assert parts["test"].fields["video"] == Field("video", (24, 48, 48, 3), "uint8", rate=8.0)
    assert "label" not in parts["unlabelled"].fields
    # Six frames of a quarter of a second are twelve at this rate, and then come round.
    numbers = np.round(parts["test"][0]["video"].mean(axis=(1, 2, 3)) / 15).tolist()
    assert numbers == [n // 2 for n in range(12)] * 2
    with pytest.raises(UserError, match="none in all tones"):
        emoji_anim.arrays({"1f40a": np.zeros((24, 48, 48, 3), np.uint8)})


@pytest.mark.parametrize("tall", [False, True])
def test_crops_lie_along_the_longer_side(tall):
    video = np.broadcast_to(np.arange(9, dtype=np.uint8)[:, None], (6, 4, 9, 1))
    video = video.swapaxes(1, 2) if tall else video
    take = Clips(2, Sampling(count=2, crops=3))
    field = take.field(Field("video", video.shape, "uint8"))
    made = take(video, None)
    assert made.shape == field.shape == (6, 2, 4, 4, 1)
    lines = made[:, 0, :, 0, 0] if tall else made[:, 0, 0, :, 0]
    # Three crops of the first clip, then three of the last: the left, the middle, the right.
    assert lines[:, 0].tolist() == [0, 2, 5, 0, 2, 5] and np.all(lines[:, 3] - lines[:, 0] == 3)
    assert take.fingerprint() != Clips(2, Sampling(count=2)).fingerprint()
