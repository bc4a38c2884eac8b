"""Images with captions: manifests and tar shards, captions drawn at each step, and refusals."""

import io
import json
import pickle
import tarfile

import numpy as np
import pytest

from ssljax.data import Pipeline, epoch, only, open_source, texts_of, whole
from ssljax.data.host import Captions
from ssljax.data.sound import SoundFile
from ssljax.errors import UserError
from tests.data.conftest import picture
from tests.data.sounds import write_tones

LINES = [
    {"id": 0, "image": "0.png", "text": "a red car", "maker": "x", "by": "ann"},
    {"id": 1, "image": "1.png", "text": ["two", "also two"], "maker": "y", "by": "bob"},
    {"id": 2, "image": "2.png", "text": {"en": "three", "de": ["drei"]}, "maker": "x", "by": "bob"},
]


def manifest(folder, lines=LINES, name="some.jsonl", sizes=(12, 16)):
    folder.mkdir(exist_ok=True, parents=True)
    for number in range(3):
        picture(number, sizes[0] + (number if sizes[0] != 12 else 0), sizes[1]).save(
            folder / f"{number}.png"
        )
    (folder / name).write_text("\n".join(map(json.dumps, lines)))
    return f"pairs:{folder / name}"


@pytest.mark.parametrize("sizes", [(12, 16), (10, 16)])  # of one size, or of several
def test_a_manifest_joins_images_with_captions(tmp_path, sizes):
    name = manifest(tmp_path, sizes=sizes)
    source = open_source(f"{name}?label=maker&group=by")
    assert [source[i]["image"][0, 0, 0] for i in range(3)] == [0, 1, 2]
    assert source[1]["text"] == ("two", "also two") and source[2]["text"] == ("three", "drei")
    assert source.fields["text"].shape == (None, None) and source.class_names == ("x", "y")
    assert [source[i]["label"] for i in range(3)] == [0, 1, 0]
    assert list(source.groups) == ["ann", "bob", "bob"]
    assert len(list(texts_of(source))) == 5
    ids = open_source(name, tokenizer="bytes")
    assert ids[0]["text"][0].tolist() == [256, *b"a red car", 257]
    assert ids.fingerprint()["content"] != open_source(name).fingerprint()["content"]
    lines = [*LINES[:2], {**LINES[2], "text": "other"}]
    assert (
        open_source(manifest(tmp_path, lines, "b.jsonl", sizes)).fingerprint()["content"]
        != source.fingerprint()["content"]
    )


def test_a_caption_is_drawn_at_each_step_and_the_first_is_evaluated(tmp_path):
    source = open_source(manifest(tmp_path), tokenizer="bytes", image_size=8)
    pipeline = Pipeline(source, seed=0, batch_size=3, length=12)
    seen = {}
    for step in range(12):
        batch = pipeline.batch(step)
        assert batch["text"].shape == (3, 12) and batch["image"].shape == (3, 8, 8, 3)
        for row, one in enumerate(batch["id"]):
            ids = batch["text"].data[row][batch["text"].segments[row] > 0]
            assert ids[0] == 256 and ids[-1] == 257
            seen.setdefault(int(one), set()).add(bytes(ids[1:-1].astype(np.uint8)))
    assert seen == {0: {b"a red car"}, 1: {b"two", b"also two"}, 2: {b"three", b"drei"}}
    again = pipeline.batch(7)["text"].data
    np.testing.assert_array_equal(again, next(pipeline.iterate(7, 8))["text"].data)
    shown = next(iter(epoch(source, 3, length=12)))["text"].data
    assert bytes(shown[1, 1:4].astype(np.uint8)) == b"two"
    plain = Pipeline(open_source(manifest(tmp_path)), 0, 3, image_size=8, length=4).batch(0)
    row = list(plain["id"]).index(0)
    assert bytes(plain["text"].data[row].astype(np.uint8)) == b"a re"  # without a tokenizer
    transform = Captions(4, end=257)
    assert transform((np.array([256, 1, 2, 3, 257]),), None).data.tolist() == [256, 1, 2, 257]


def test_a_language_or_a_field_may_be_chosen(tmp_path):
    lines = [{"image": "0.png", "text": {"en": "one", "de": "eins"}}, LINES[2]]
    name = manifest(tmp_path, lines)
    german = open_source(f"{name}?language=de")
    assert [german[i]["text"] for i in range(2)] == ["eins", "drei"]
    assert german.fields["text"].shape == (None,)
    assert open_source(f"{name}?language=de,en")[0]["text"] == ("eins", "one")
    assert set(open_source(f"{name}?fields=image").fields) == {"image"}
    texts = open_source(f"{name}?fields=text")
    assert set(texts.fields) == {"text"} and len(texts) == 2
    with pytest.raises(UserError, match="line 1: 'text' has no caption in 'fr'; it has: en, de"):
        open_source(f"{name}?language=fr")
    with pytest.raises(UserError, match="unknown field of a pairs: source 'video'"):
        open_source(f"{name}?fields=video")


FAULTS = {
    "'text' is missing": {"image": "1.png"},
    "'image' is missing": {"text": "x"},
    "the file 9.png does not exist": {"image": "9.png", "text": "x"},
    "a caption is empty": {"image": "1.png", "text": ["x", " "]},
    "'text' is no caption": {"image": "1.png", "text": 5},
    "'text' holds something that is no string": {"image": "1.png", "text": ["x", 5]},
    "'image' is no path": {"image": 3, "text": "x"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_lines_without_what_is_needed_are_named_or_left_out(tmp_path, fault):
    name = manifest(tmp_path, [LINES[0], FAULTS[fault], LINES[1]])
    with pytest.raises(UserError, match=f"some.jsonl, line 2: {fault}.*broken='skip'"):
        open_source(name)
    with pytest.warns(UserWarning, match="left out 1 of 3"):
        source = open_source(name, broken="skip")
    assert len(source) == 2 and source[1]["text"] == ("two", "also two")
    assert "left out 1 of 3 documents" in source.report


def test_an_id_in_two_splits_is_refused_by_name(tmp_path):
    manifest(tmp_path, LINES[:2], "train.jsonl")
    manifest(tmp_path, [{**LINES[2], "id": 1}], "test.jsonl")
    for split in ("train", "test"):
        with pytest.raises(UserError, match="the id 1 is in 'test' and in 'train'"):
            open_source(f"pairs:{tmp_path}", split=split)
    manifest(tmp_path, [LINES[2]], "test.jsonl")
    assert len(open_source(f"pairs:{tmp_path}", split="test")) == 1
    manifest(tmp_path, [{"image": "2.png", "text": "x"}], "train.jsonl")
    manifest(tmp_path, [{"image": "./2.png", "text": "y"}], "test.jsonl")
    with pytest.raises(UserError, match="the image .*2.png is in"):
        open_source(f"pairs:{tmp_path}")
    with pytest.raises(UserError, match="no line has an image, a text or a sound"):
        open_source(manifest(tmp_path / "b", [{"id": 1}]))


def png(number, height=12):
    stream = io.BytesIO()
    picture(number, height).save(stream, "png")
    return stream.getvalue()


def shard(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("in_memory", [True, False])
def test_tar_shards_are_read_by_random_access(tmp_path, in_memory):
    shard(
        tmp_path / "train-000000.tar",
        {"a/0.png": png(0), "a/0.txt": b"zero\n", "a/0.cls": b"1", "a/1.png": png(1)}
        | {"a/1.json": b'{"caption": ["one", "uno"]}', "a/1.cls": b"0\n"},
    )
    shard(
        tmp_path / "train-000001.tar",
        {"b/0.cls": b"1", "b/0.PNG": png(2), "b/0.txt": "zw\u00f6lf".encode()},
    )
    shard(tmp_path / "test-000000.tar", {"c.png": png(3), "c.txt": b"three", "c.cls": b"0"})
    limit = 2**20 if in_memory else 0
    source = open_source(f"tar:{tmp_path}", memory_limit=limit)
    assert (
        len(source) == 3 and source.num_classes == 2 and list(source.names) == ["a/0", "a/1", "b/0"]
    )
    for index in (2, 0, 1):
        example = pickle.loads(pickle.dumps(source))[index]
        assert example["image"][0, 0, 0] == index and example["label"] == [1, 0, 1][index]
    assert source[2]["text"] == ("zwölf",) and source[1]["text"] == ("one", "uno")
    test = open_source(f"tar:{tmp_path}", split="test", memory_limit=limit)
    assert test[0]["text"] == "three" and test[0]["image"][0, 0, 0] == 3


def test_tar_shards_that_are_broken_are_named(tmp_path):
    good = {"0.png": png(0), "0.txt": b"x"}
    file = shard(tmp_path / "a.tar", {**good, "1.png": png(1), "2.txt": b"y"})
    with pytest.raises(
        UserError, match="the example 1: it has no .txt.*the example 2: it has no im"
    ):
        open_source(f"tar:{file}")
    with pytest.warns(UserWarning, match="left out 2 of 3"):
        assert len(open_source(f"tar:{file}", broken="skip")) == 1
    for content, fault in {
        b"{": "no JSON",
        b"[]": "is no object",
        b"{}": "'text' is missing",
        b"\xff": "no UTF-8",
    }.items():
        file = shard(tmp_path / "b.tar", {"0.png": png(0), "0.json": content})
        with pytest.raises(UserError, match=fault):
            open_source(f"tar:{file}")
    file = shard(tmp_path / "c.tar", {**good, "0.cls": b"-1"})
    with pytest.raises(UserError, match="its .cls is '-1'"):
        open_source(f"tar:{file}")
    cut = file.read_bytes()
    file.write_bytes(cut[:700])
    with pytest.raises(UserError, match="c.tar"):
        open_source(f"tar:{file}")
    file.write_bytes(b"no tar")
    with pytest.raises(UserError, match="as a tar file without compression"):
        open_source(f"tar:{file}")
    shard(tmp_path / "d/train-0.tar", good)
    shard(tmp_path / "d/test-0.tar", good)
    with pytest.raises(UserError, match="the example 0 is in 'test' and in 'train'"):
        open_source(f"tar:{tmp_path / 'd'}")


@pytest.mark.parametrize("sizes", [(12, 16), (10, 16)])  # of one size, or of several
def test_lines_may_lack_what_is_optional_and_batches_say_so(tmp_path, sizes):
    lines = [{"id": 0, "image": "0.png"}, LINES[0], {"id": 2, "text": "three"}, LINES[1]]
    lines[1] = {**lines[1], "id": 5}
    name = manifest(tmp_path, lines, sizes=sizes)
    with pytest.raises(UserError, match="2 of 4 documents .* 'text' is missing"):
        open_source(name)
    source = open_source(f"{name}?optional=text,image")
    assert "2 of 4 examples are pairs; 1 without 'text', 1 without 'image'" in source.report
    assert [source[i]["text.present"] for i in range(4)] == [False, True, True, True]
    assert [source[i]["image.present"] for i in range(4)] == [True, True, False, True]
    # What stands there is another example's: of an earlier one, else of the first.
    assert [source[i]["text"][0] for i in range(4)] == ["a red car", "a red car", "three", "two"]
    np.testing.assert_array_equal(source[2]["image"], source[1]["image"])
    assert len(whole(source)) == 2 and whole(source)[1]["text"] == ("two", "also two")
    assert whole(only(source, ["image"]))[2]["image"][0, 0, 0] == 1
    batch = Pipeline(source, 0, 4, image_size=8, length=4).batch(0)
    assert batch["text.present"].dtype == bool and batch["text.present"].sum() == 3
    other = open_source(f"{manifest(tmp_path, lines[:3], sizes=sizes)}?optional=image,text")
    assert other.fingerprint()["content"] != source.fingerprint()["content"]


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        ([{"id": 3}, LINES[0]], "optional=text,image", "neither 'image' nor 'text'"),
        ([{"image": "0.png"}, {"text": "x"}], "optional=text,image", "0 of 2 examples are pairs"),
        ([LINES[0]], "optional=table", "unknown optional field of a pairs: source 'table'"),
        ([LINES[0]], "fields=text&optional=text", "leaves nothing that every line has"),
        ([{"image": "9.png"}, LINES[0]], "optional=image", "the file 9.png does not exist"),
    ],
)
def test_what_lacks_everything_is_refused(tmp_path, lines, options, said):
    with pytest.raises(UserError, match=said):
        open_source(f"{manifest(tmp_path, lines)}?{options}")


SAID = [
    {"id": 0, "image": "0.png", "text": "low", "audio": "low.wav"},
    {"id": 1, "image": "1.png", "audio": {"en": "mid.wav", "de": ["high.wav"]}},
    {"id": 2, "image": "2.png", "text": "nothing"},
]


def spoken(folder, lines=SAID):
    name = manifest(folder, lines)
    write_tones(folder, {"low.wav": (200, 8000), "mid.wav": (400, 8000), "high.wav": (800, 16000)})
    return name


@pytest.mark.parametrize("limit", [2**30, 2**13])  # bytes: decoded once, or when read
def test_sounds_belong_to_images_one_is_drawn_at_each_step(tmp_path, limit):
    options = "optional=text,audio&rate=8000"
    source = open_source(f"{spoken(tmp_path)}?{options}", memory_limit=limit)
    assert "1 of 3 examples have all of image, text, audio" in source.report
    assert source.fields["audio"].rate == 8000 and source.fields["audio"].shape == (None, None)
    assert isinstance(source[0]["audio"][0], SoundFile) == (limit < 2**30)
    assert [source[i]["audio.present"] for i in range(3)] == [True, True, False]
    length = {"audio": 3000, "text": 8}  # samples, tokens
    pipeline = Pipeline(source, 0, 3, image_size=8, length=length)
    seen = {}
    for step in range(8):
        batch = pipeline.batch(step)
        assert batch["audio"].shape == (3, 3000) and batch["text"].shape == (3, 8)
        for row, one in enumerate(batch["id"]):
            power = np.abs(np.fft.rfft(batch["audio"][row].astype(float)))
            frequency = round(float(np.argmax(power)) * 8000 / 3000, -2)
            seen.setdefault(int(one), set()).add(frequency)
    assert seen[0] == {200} and seen[1] == {400, 800}
    assert seen[2] == {400, 800}  # of the line before, which the loss leaves out
    shown = next(iter(epoch(source, 3, 8, length=length)))["audio"]
    first = source[1]["audio"][0]
    first = first.wave() if limit < 2**30 else first
    np.testing.assert_array_equal(shown[1], first[500:3500])
    alone = open_source(f"{spoken(tmp_path)}?fields=text,audio&optional=text,audio&rate=8000")
    assert set(alone.fields) == {"text", "audio", "text.present", "audio.present"}
    english = open_source(f"{spoken(tmp_path)}?{options}&language=en", memory_limit=limit)
    assert english.fields["audio"].shape == ((None,) if limit == 2**30 else (None, None))
    assert len(english[1]["audio"]) == (4000 if limit == 2**30 else 1)


@pytest.mark.parametrize(
    ("options", "lines", "said"),
    [
        (
            "optional=text",
            SAID[:2],
            "line 2: the sound high.wav: has 16000 samples per second, most others 8000",
        ),
        ("rate=8000", [{**SAID[0], "audio": "9.wav"}], "the sound 9.wav: there is no such file"),
        ("rate=8000", [{**SAID[0], "audio": "0.png"}], "the sound 0.png: cannot be decoded"),
        ("rate=8000", [SAID[0], SAID[2]], "line 2: 'audio' is missing"),
        ("rate=8000&fields=image,audio", [{**SAID[0], "audio": 3}], "'audio' is no sound"),
        (
            "rate=8000&optional=image,text,audio",
            [{"text": "a", "image": "0.png"}, {"audio": "low.wav"}],
            "none has 'audio' and another field; nothing can be learned",
        ),
    ],
)
def test_sounds_that_cannot_be_read_are_named_by_line(tmp_path, options, lines, said):
    with pytest.raises(UserError, match=said):
        open_source(f"{spoken(tmp_path, lines)}?{options}")


def test_a_set_whose_examples_all_lack_a_field_is_not_evaluated_on(tmp_path):
    lines = [{"image": "0.png", "text": "a"}, {"image": "1.png", "audio": "low.wav"}]
    source = open_source(f"{spoken(tmp_path, lines)}?optional=text,audio&rate=8000")
    assert "0 of 2 examples have all of image, text, audio" in source.report
    with pytest.raises(UserError, match="each of the 2 examples of 'train' lacks one of"):
        whole(source)
    assert len(whole(only(source, ("image", "audio")))) == 1
