"""Sets of TFDS with other features than an image: texts, and what is refused.

Those with sounds and videos need TensorFlow: tests/peers/test_tfds_signals.py.
"""

import io
import pickle

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from ssljax.commands.main import main
from ssljax.data import open_source
from ssljax.errors import UserError
from tests.data import tfds_sets

TEXTS = [f"héllo {i}" for i in range(6)]
TITLES = [f"title {i}" for i in range(6)]


def png(value):
    file = io.BytesIO()
    Image.fromarray(np.full((4, 5, 3), value, np.uint8)).save(file, format="PNG")
    file.seek(0)
    return file


def posts(count, label):
    return lambda: (
        {
            "text": TEXTS[i],
            "title": TITLES[i],
            "label": label(i),
            "stars": i,
            "size": [i, i],
            "by": {"age": 9},
        }
        for i in range(count)
    )


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    tfds_sets.write(
        "posts",
        {
            "text": tfds.features.Text(),
            "title": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["bad", "good"]),
            "stars": tfds.features.Scalar(np.int64),
            "size": tfds.features.Tensor(shape=(2,), dtype=np.int64),
            "by": {"age": tfds.features.Scalar(np.int64)},
        },
        {
            "train": posts(6, lambda i: i % 2),
            "test": posts(3, lambda i: 0),
            "unsupervised": posts(4, lambda i: -1),
        },
        folder,
    )
    tfds_sets.write(
        "pictures",
        {
            "image": tfds.features.Image(shape=(4, 5, 3)),
            "caption": tfds.features.Text(),
            "mood": tfds.features.ClassLabel(num_classes=3),
        },
        {
            "train": lambda: (
                {"image": png(i), "caption": TITLES[i], "mood": i % 3} for i in range(5)
            )
        },
        folder,
    )
    tfds_sets.write(
        "gaps",
        {"text": tfds.features.Text()},
        {
            "train": lambda: ({"text": text} for text in ("one", " ", b"\xff", "four")),
            "test": lambda: ({"text": text} for text in ("", "")),
        },
        folder,
    )
    return str(folder)


@pytest.mark.parametrize("memory_limit", [2**20, 0], ids=["in memory", "by record"])
def test_texts_and_their_classes(data_dir, memory_limit):
    source = open_source("tfds:posts", data_dir=data_dir, memory_limit=memory_limit)
    assert source.in_memory == bool(memory_limit)
    assert [source[i]["text"] for i in range(len(source))] == TEXTS
    assert [int(source[i]["label"]) for i in range(6)] == [0, 1] * 3
    assert source.class_names == ("bad", "good") and set(source.fields) == {"text", "label"}
    assert pickle.loads(pickle.dumps(source))[1]["text"] == TEXTS[1]  # as worker processes get it


def test_features_are_chosen_by_name(data_dir):
    source = open_source("tfds:posts?text=title&label=stars", split="test", data_dir=data_dir)
    assert list(source.arrays["text"]) == TITLES[:3]
    assert source.arrays["label"].tolist() == [0, 1, 2] and source.class_names is None
    other = open_source("tfds:posts", split="test", data_dir=data_dir)
    assert source.fingerprint()["content"] != other.fingerprint()["content"]
    by_path = open_source(f"arrayrecord:{data_dir}/posts?text=title", data_dir=data_dir)
    assert list(by_path.arrays["text"]) == TITLES


def test_a_split_without_classes_has_none(data_dir):
    """TFDS writes -1, as in the split "unsupervised" of imdb_reviews."""
    source = open_source("tfds:posts", split="unsupervised", data_dir=data_dir)
    assert "label" not in source.fields and len(source) == 4


@pytest.mark.parametrize("memory_limit", [2**20, 0], ids=["in memory", "by record"])
def test_images_with_captions(data_dir, memory_limit):
    name = "tfds:pictures?text=caption&label=mood"
    source = open_source(name, data_dir=data_dir, memory_limit=memory_limit)
    assert source.fields["image"].shape == (4, 5, 3) and source.num_classes == 3
    for i in range(5):
        example = source[i]
        assert (example["image"] == i).all() and example["text"] == TITLES[i]
    plain = open_source("tfds:pictures", data_dir=data_dir, memory_limit=memory_limit)
    assert set(plain.fields) == {"image"}  # a caption is taken if it is asked for


def test_a_tokenizer_reads_them(data_dir):
    for limit in (2**20, 0):
        source = open_source("tfds:posts", data_dir=data_dir, memory_limit=limit, tokenizer="bytes")
        assert len(source[0]["text"]) >= len(TEXTS[0].encode())


def test_broken_texts_are_refused_or_left_out(data_dir):
    with pytest.raises(UserError, match="record 1: the text is empty; record 2: no UTF-8"):
        open_source("tfds:gaps", data_dir=data_dir)
    with pytest.warns(UserWarning, match="left out 2 of 4 records"):
        source = open_source("tfds:gaps", data_dir=data_dir, broken="skip")
    assert list(source.arrays["text"]) == ["one", "four"]
    with pytest.raises(UserError, match="none of the records can be read"):
        open_source("tfds:gaps", split="test", data_dir=data_dir, broken="skip")
    with pytest.raises(UserError, match="record 1 of tfds:gaps, train: the text is empty"):
        open_source("tfds:gaps", data_dir=data_dir, memory_limit=0)[1]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("text=titel", "unknown feature of tfds:posts.text=titel: 'titel'; did you mean 'title'"),
        ("text=stars", "text=stars of .* must be texts; it is no such"),
        ("image=title", "image=title of .* must be 8-bit images"),
        ("video=title", "video=title of .* must be videos"),
        ("audio=title", "audio=title of .* must be sounds"),
        ("audio=by", "audio=by of .* must be sounds"),
        ("label=by", "label=by of .* must be a class"),
        ("label=size", "label=size of .* must be a class or a whole number"),
        ("label=lable", "unknown feature .*'lable'; did you mean 'label'"),
        ("txt=title", "unknown option of a tfds: source 'txt'; did you mean 'text'"),
        ("audio=size", "does not say how many samples a second of 'size' has; write .rate=16000"),
        ("audio=size&rate=16", "rate='16' must be samples per second"),
    ],
)
def test_what_cannot_be_read_is_named(data_dir, query, message):
    with pytest.raises(UserError, match=message):
        open_source(f"tfds:posts?{query}", data_dir=data_dir)


def test_a_set_without_a_usual_feature_says_what_it_has(data_dir, tmp_path):
    tfds_sets.write(
        "lines",
        {"line": tfds.features.Text()},
        {"train": lambda: ({"line": text} for text in TEXTS)},
        tmp_path,
    )
    with pytest.raises(UserError, match="it has: line. Name one by its kind, such as .text=title"):
        open_source("tfds:lines", data_dir=str(tmp_path))


def test_show_says_what_such_a_set_holds(data_dir, capsys):
    assert main(["data", "show", "tfds:posts", "--folder", data_dir]) == 0
    said = "tfds:posts, split train: 6 examples\ntext: text mixed lengths str\nclasses: 2\n"
    assert capsys.readouterr().out == said
