"""Ids of texts: their begin and end, special roles, and definitions that are refused."""

import pickle

import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.commands.main import main
from ssljax.data import fields_of, open_source, open_tokenizer, train_tokenizer
from ssljax.data.given import prepared
from ssljax.data.host import TokenIds
from ssljax.data.tokenizers import LibraryTokenizer
from ssljax.data.tokenizers.base import digest
from ssljax.errors import UserError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "sat", "."]
TEXTS = [f"the cats and dog number {i} sat down" for i in range(300)]


@pytest.fixture
def vocab(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return tmp_path / "vocab.txt"


def test_bytes_lie_between_a_begin_and_an_end():
    tokenizer = open_tokenizer("bytes")
    found = tokenizer.encode(["é!", ""])
    assert [one.tolist() for one in found] == [[256, 0xC3, 0xA9, 33, 257], [256, 257]]
    assert tokenizer.vocab == 259 and dict(tokenizer.special) == {
        "cls": 256,
        "sep": 257,
        "mask": 258,
    }


def test_residues_have_the_ids_of_esm():
    tokenizer = open_tokenizer("amino_acids")
    assert tokenizer.encode(["MKv *", "Jé"])[0].tolist() == [0, 20, 15, 7, 2]
    assert tokenizer.encode(["Jé"])[0].tolist() == [0, 3, 3, 2]  # unknown
    assert tokenizer.vocab == 33 and dict(tokenizer.special)["mask"] == 32


def test_wordpiece_of_a_vocabulary(vocab):
    tokenizer = open_tokenizer(f"wordpiece:{vocab}")
    assert tokenizer.encode(["The cats sat. Dog"])[0].tolist() == [2, 5, 6, 7, 8, 9, 1, 3]
    assert dict(tokenizer.special) == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    assert (tokenizer.begin, tokenizer.end, tokenizer.vocab) == ((2,), (3,), 10)
    again = LibraryTokenizer(tokenizer.definition())
    assert digest(again) == digest(tokenizer) and again.special == tokenizer.special
    copied = pickle.loads(pickle.dumps(tokenizer))
    assert copied.encode(["cat"])[0].tolist() == [2, 6, 3]


def test_a_vocabulary_with_capitals_keeps_them(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join([*WORDS, "Dog"]))
    tokenizer = open_tokenizer(f"wordpiece:{tmp_path / 'vocab.txt'}")
    assert tokenizer.encode(["Dog The"])[0].tolist() == [2, 10, 1, 3]


@pytest.mark.parametrize("kind, begin, end", [("bpe", 0, 2), ("wordpiece", 2, 3)])
def test_a_trained_tokenizer_reads_back(tmp_path, kind, begin, end):
    tokenizer = train_tokenizer(TEXTS, 320, kind)
    assert (tokenizer.begin, tokenizer.end) == ((begin,), (end,)) and tokenizer.vocab <= 320
    (tmp_path / "tokenizer.json").write_text(tokenizer.definition())
    again = open_tokenizer(f"json:{tmp_path / 'tokenizer.json'}")
    one, two = tokenizer.encode(["the cats ☃"]), again.encode(["the cats ☃"])
    np.testing.assert_array_equal(one, two)
    assert dict(again.special)["mask"] == 4 and len(tokenizer.encode(["the cats"])[0]) <= 4


def test_an_end_token_that_the_definition_does_not_add_ends_a_text(tmp_path):
    import tokenizers

    found = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    found.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    found.add_special_tokens(["<|endoftext|>"])  # as of GPT-2
    (tmp_path / "t.json").write_text(found.to_str())
    tokenizer = open_tokenizer(f"json:{tmp_path / 't.json'}")
    assert tokenizer.encode(["a b a"])[0].tolist() == [0, 1, 0, 2]
    assert tokenizer.special == (("sep", 2),) and tokenizer.begin == ()


def test_a_longer_text_is_cut_and_keeps_its_end():
    ids = np.array([0, 5, 6, 7, 2])
    assert TokenIds(3, end=2)(ids, None).data.tolist() == [0, 5, 2]
    assert TokenIds(3)(ids, None).data.tolist() == [0, 5, 6]
    assert TokenIds(3, end=9)(ids, None).data.tolist() == [0, 5, 6]  # it does not end so
    assert TokenIds(6, end=2)(ids, None).segments.tolist() == [1, 1, 1, 1, 1, 0]


def test_the_texts_of_a_source_become_ids(tmp_path, vocab):
    (tmp_path / "few.txt").write_text("the cat\nthe cats sat\n")
    name = f"text:{tmp_path / 'few.txt'}"
    source = open_source(name, tokenizer=f"wordpiece:{vocab}")
    field = source.fields["text"]
    assert (field.shape, field.dtype, field.vocab, field.ragged) == ((None,), "int32", 10, True)
    assert field.special_id("mask") == 4 and source[1]["text"].tolist() == [2, 5, 6, 7, 8, 3]
    plain = open_source(name)
    assert plain[1]["text"] == "the cats sat" and plain.fields["text"].dtype == "str"
    assert source.fingerprint()["content"].startswith(plain.fingerprint()["content"])
    other = open_source(name, tokenizer="bytes").fingerprint()
    assert other["content"] != source.fingerprint()["content"] != plain.fingerprint()["content"]
    data = ConfigDict({"image_size": 0, "length": 4, "tokenizer": f"wordpiece:{vocab}"})
    assert fields_of(plain, data) == fields_of(source, data)  # as a plan sees them
    given = prepared(
        ["the cats sat"],
        field.replace(shape=(4,)),
        "text",
        tokenizer=open_tokenizer(f"wordpiece:{vocab}"),
    )
    assert given.data.tolist() == [[2, 5, 6, 3]]


def test_ids_have_no_use_for_a_tokenizer(tmp_path):
    images = np.zeros((2, 3, 3, 1), np.uint8)
    np.savez(tmp_path / "ids.npz", image=images, text=np.array([[1], [0]]), vocab=4)
    with pytest.raises(UserError, match="config.data.tokenizer is for strings"):
        open_source(f"npz:{tmp_path / 'ids.npz'}", tokenizer="bytes")


def test_what_is_no_tokenizer_is_refused_in_one_line(tmp_path, vocab):
    (tmp_path / "no.json").write_text("{}")
    (tmp_path / "twice.txt").write_text("\n".join([*WORDS, "cat"]))
    (tmp_path / "none.txt").write_text("a\nb\n")
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe")
    cases = {
        "byte": "names no tokenizer; write bytes",
        "wordpiece:": "a path is missing",
        f"json:{tmp_path / 'absent.json'}": "does not exist",
        f"json:{tmp_path}": "is a folder",
        f"json:{tmp_path / 'no.json'}": "is no tokenizer.json",
        f"wordpiece:{tmp_path / 'twice.txt'}": "'cat' is there twice",
        f"wordpiece:{tmp_path / 'none.txt'}": r"\[UNK\] is missing",
        f"wordpiece:{tmp_path / 'latin.txt'}": "no UTF-8",
    }
    for name, message in cases.items():
        with pytest.raises(UserError, match=message) as found:
            open_tokenizer(name)
        assert "\n" not in str(found.value)
    for arguments in ((TEXTS, 100), ([], 400), (TEXTS, 400, "unigram")):
        with pytest.raises(UserError):
            train_tokenizer(*arguments)


def test_the_command_learns_a_tokenizer_of_a_data_set(tmp_path, capsys):
    (tmp_path / "some.txt").write_text("\n".join(TEXTS))
    out = tmp_path / "tokenizer.json"
    command = ["data", "tokenizer", "--train", f"text:{tmp_path / 'some.txt'}", "--out", str(out)]
    assert main([*command, "--size", "300", "--kind", "wordpiece", "--lower"]) == 0
    told = capsys.readouterr()
    assert told.out == f"json:{out}\n" and "ids from 300 texts; special: pad 0" in told.err
    tokenizer = open_tokenizer(told.out.strip())
    assert tokenizer.encode(["THE cats"])[0].tolist() == tokenizer.encode(["the cats"])[0].tolist()
    assert main(command) == 2 and "is there already" in capsys.readouterr().err
    np.savez(tmp_path / "no.npz", image=np.zeros((2, 3, 3, 1), np.uint8))
    command[3:6] = [f"npz:{tmp_path / 'no.npz'}", "--out", str(tmp_path / "b.json")]
    assert main(command) == 2 and "has no text as strings" in capsys.readouterr().err
    assert not (tmp_path / "b.json").exists()
