"""A tag for each word: of records, then of tokens, cut and padded with them."""

import json

import numpy as np
import pytest

from ssljax.data import Pipeline, open_source, train_tokenizer
from ssljax.errors import UserError
from ssljax.spec import target_kind

ROWS = {
    "train": [
        {"tokens": ["Zoë", "saw", "a", "lighthouse"], "tags": ["B-PER", "O", "O", "O"]},
        {"tokens": ["Rome", "!"], "tags": ["B-LOC", "O"]},
    ],
    "test": [{"tokens": ["in", "New", "York"], "tags": ["O", "B-LOC", "I-LOC"]}],
}


def written(folder, rows):
    for split, records in rows.items():
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{split}.jsonl").write_text(lines)
    return f"jsonl:{folder}?text=tokens&label=tags"


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("tokenizers"), ["bytes", ""]
    texts = ["Zoë saw a light in New York", "the house of Rome saw a light house !"] * 3
    for kind, size in (("bpe", 290), ("wordpiece", 70)):
        (folder / f"{kind}.json").write_text(train_tokenizer(texts, size, kind).definition())
        found.append(f"json:{folder}/{kind}.json")
    return found


def _wanted(tokenizer, words, tags, names):
    """Words one by one: the first of the tokens that a word adds has its tag."""
    found = [-1] if tokenizer.startswith(("bytes", "json")) else []
    ids_of = open_ids(tokenizer)
    for count, tag in enumerate(tags, 1):
        before, after = (len(ids_of(" ".join(words[:n]))) for n in (count - 1, count))
        blank = count > 1 and tokenizer in ("bytes", "")  # a token of its own
        found += [-1] * blank + [names.index(tag)] + [-1] * (after - before - blank - 1)
    return found + ([-1] if tokenizer.startswith(("bytes", "json")) else [])


def open_ids(name):
    from ssljax.data.tokenizers import open_tokenizer

    tokenizer = open_tokenizer(name)
    if tokenizer is None:
        return lambda text: list(text.encode())
    return lambda text: list(tokenizer.encode([text])[0])[1:-1] if text else []


@pytest.mark.parametrize("which", range(4), ids=["bytes", "default", "bpe", "wordpiece"])
def test_the_first_token_of_a_word_has_its_tag(tmp_path, tokenizers, which):
    name = written(tmp_path, ROWS)
    train = open_source(name, tokenizer=tokenizers[which])
    assert train.class_names == ("B-LOC", "B-PER", "I-LOC", "O")  # those of test too
    field = train.fields["label"]
    assert target_kind(field) == "tokens" and field.classes == 4 and train.num_classes is None
    for at, record in enumerate(ROWS["train"]):
        labels = train[at]["label"]
        assert len(labels) == field.shape[0]
        wanted = _wanted(tokenizers[which], *record.values(), train.class_names)
        assert len(wanted) == len(train[at]["text"])
        assert labels[: len(wanted)].tolist() == wanted
        assert (labels[len(wanted) :] == -2).all()  # there is no token
    test = open_source(name, split="test", tokenizer=tokenizers[which])
    assert [tag for tag in test[0]["label"] if tag >= 0] == [3, 0, 2]


@pytest.mark.parametrize("length", (3, 8, 40))
def test_tags_are_cut_and_padded_with_their_texts(tmp_path, tokenizers, length):
    train = open_source(written(tmp_path, ROWS), tokenizer=tokenizers[2])
    batch = Pipeline(train, seed=0, batch_size=2, length=length, labels=True).batch(0)
    assert batch["label"].shape == batch["text"].shape == (2, length)
    for at, ids, tags in zip(batch["id"], batch["text"].data, batch["label"], strict=True):
        own, whole = train[at]["label"], train[at]["text"]
        for place in range(length):
            cut = len(whole) > length and place == length - 1  # where the end token stays
            wanted = -1 if cut or place >= len(whole) else own[place]
            assert tags[place] == wanted
        assert (ids == whole[-1]).any()


def test_numbers_below_0_are_no_tags_and_tags_are_part_of_the_fingerprint(tmp_path):
    rows = {"train": [{"tokens": ["a", "b", "c"], "tags": [2, -100, 0]}]}
    source = open_source(written(tmp_path, rows), tokenizer="bytes")
    assert source[0]["label"].tolist() == [-1, 2, -1, -1, -1, 0, -1]
    assert source.fields["label"].classes == 3 and source.class_names is None
    rows["train"][0]["tags"][2] = 1
    other = open_source(written(tmp_path, rows), tokenizer="bytes")
    assert other.fingerprint()["content"] != source.fingerprint()["content"]


def test_words_without_tags_are_a_text(tmp_path):
    written(tmp_path, ROWS)
    source = open_source(f"jsonl:{tmp_path}?text=tokens")
    assert source[1]["text"] == "Rome !" and "label" not in source.fields


@pytest.mark.parametrize(
    ("record", "match"),
    (
        ({"tokens": ["a", "b"], "tags": ["O"]}, "has 1 tags for 2 words"),
        ({"tokens": ["a b"], "tags": ["O"]}, "one with white space"),
        ({"tokens": ["", "b"], "tags": ["O", "O"]}, "has an empty word"),
        ({"tokens": ["a", 3], "tags": ["O", "O"]}, "not of words alone"),
        ({"tokens": [], "tags": []}, "the document is empty"),
        ({"tokens": ["a"], "tags": [0.5]}, "must be strings or whole numbers"),
        ({"tokens": ["a"], "tags": [-1]}, "no word of .* has a tag"),
        ({"tokens": "a", "tags": "O"}, "some a label"),
    ),
)
def test_what_does_not_fit_is_refused_by_its_line(tmp_path, record, match):
    rows = {"train": [record], "test": ROWS["test"] if "some" in match else [record]}
    with pytest.raises(UserError, match=match):
        open_source(written(tmp_path, rows), tokenizer="bytes")


def test_places_of_residues():
    """White space and a final stop are no residues."""
    from ssljax.data.tokenizers import AminoAcids

    tokenizer = AminoAcids()
    (places,), (ids,) = tokenizer.places(["MK V*"]), tokenizer.encode(["MK V*"])
    assert places.tolist() == [-1, 0, 1, 3, -1] and len(ids) == len(places)
    assert np.array_equal(tokenizer.encode(["M"])[0][1:-1], ids[1:2])
