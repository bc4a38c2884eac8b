"""Ids of texts that are kept on disk for the next start."""

import json
import warnings

import numpy as np
import pytest

from ssljax.data import open_source, train_tokenizer
from ssljax.data.sources import tokenized
from ssljax.data.tokenizers import LibraryTokenizer

TEXTS = ["a red light", "the house of light", "a house"]


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Return a function that opens a set, and one that forbids to tokenize."""
    monkeypatch.setattr(tokenized, "LEAST", 20)
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text(train_tokenizer(TEXTS * 3, 70, "wordpiece").definition())
    lines = [json.dumps({"text": one, "second": "the " + one}) for one in TEXTS]
    (tmp_path / "set.jsonl").write_text("\n".join(lines))

    def again(options="", name="set.jsonl", data_dir=tmp_path / "data"):
        spec = f"jsonl:{tmp_path / name}{options}"
        return open_source(spec, tokenizer=f"json:{tokenizer}", data_dir=str(data_dir))

    def forbid():
        monkeypatch.setattr(LibraryTokenizer, "encode", None)

    return again, forbid


def ids_of(source):
    return [source[index]["text"].tolist() for index in range(len(source))]


@pytest.mark.parametrize("options", ["", "?second=second"])
def test_a_second_start_does_not_tokenize(opened, options):
    again, forbid = opened
    first = again(options)
    forbid()
    second = again(options)
    assert ids_of(first) == ids_of(second) and second[0]["text"].dtype == np.int32
    assert first.fingerprint() == second.fingerprint() and first.fields == second.fields


def test_other_texts_are_tokenized_and_a_small_set_is_not_kept(opened, tmp_path):
    again, forbid = opened
    again()
    (tmp_path / "other.jsonl").write_text("\n".join(json.dumps({"text": t + "s"}) for t in TEXTS))
    assert ids_of(again(name="other.jsonl")) != ids_of(again())
    assert len(list((tmp_path / "data/tokens").glob("*.npz"))) == 2
    (tmp_path / "small.jsonl").write_text(json.dumps({"text": "a"}))
    again(name="small.jsonl")
    assert len(list((tmp_path / "data/tokens").glob("*.npz"))) == 2
    forbid()
    with pytest.raises(TypeError):
        again("?second=second")


@pytest.mark.parametrize("damage", ["cut", "changed", "no archive"])
def test_a_damaged_file_is_named_and_made_again(opened, tmp_path, damage):
    again, forbid = opened
    wanted = ids_of(again())
    (file,) = (tmp_path / "data/tokens").glob("*.npz")
    content = bytearray(file.read_bytes())
    if damage == "changed":
        at = content.index(b"\x93NUMPY") + 130  # within the ids
        content[at] ^= 1
    file.write_bytes({"cut": content[:-30], "no archive": b"ids"}.get(damage, content))
    with pytest.warns(UserWarning, match=f"{file.name} is damaged, its texts are tokenized anew"):
        assert ids_of(again()) == wanted
    forbid()
    assert ids_of(again()) == wanted


def test_where_nothing_can_be_written_ids_are_not_kept(opened, tmp_path):
    again, _ = opened
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="are not kept for the next start: cannot write in"):
        found = again(data_dir=tmp_path / "file")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ids_of(found) == ids_of(again())
