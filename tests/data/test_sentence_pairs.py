"""Pairs of sentences: read, joined by a tokenizer, cut to a length."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.data import open_source, packed_texts, train_tokenizer
from ssljax.data.given import prepared
from ssljax.data.host.text import SentencePair, text_transform
from ssljax.data.tokenizers import open_tokenizer
from ssljax.errors import UserError
from ssljax.models.text import TextTransformer

ROWS = [
    {"premise": "a man sleeps on a bench", "hypothesis": "a man is awake", "label": "no"},
    {"premise": "a dog runs", "hypothesis": "an animal runs over the grass", "label": "maybe"},
]


def written(path, rows=ROWS):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"jsonl:{path}?text=premise&second=hypothesis&label=label"


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    folder, texts = tmp_path_factory.mktemp("tokenizers"), [t for r in ROWS for t in r.values()]
    for kind, size in (("bpe", 290), ("wordpiece", 70)):
        (folder / f"{kind}.json").write_text(train_tokenizer(texts, size, kind).definition())
    return folder


@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
def test_the_ids_and_types_are_those_of_the_library(tmp_path, tokenizers, kind):
    library = pytest.importorskip("tokenizers")
    path = tokenizers / f"{kind}.json"
    source = open_source(written(tmp_path / "a.jsonl"), tokenizer=f"json:{path}")
    own = library.Tokenizer.from_file(str(path))
    ends = {"bpe": 3, "wordpiece": 2}[kind]  # <s> A </s> </s> B </s>, [CLS] A [SEP] B [SEP]
    field = source.fields["text"]
    for row, example in zip(ROWS, (source[0], source[1]), strict=True):
        wanted = own.encode(row["premise"], row["hypothesis"])
        assert example["text"].tolist() == wanted.ids
        assert wanted.ids.count(field.special_id("sep")) == ends
        encoder = TextTransformer(token_types=2, special=field.special)
        types = encoder.types_of(jnp.asarray([wanted.ids]), None)
        if kind == "wordpiece":
            assert types[0].tolist() == wanted.type_ids
    assert source.class_names == ("maybe", "no") and field.sentences == 2
    pairs = [(row["premise"], row["hypothesis"]) for row in ROWS]
    given = prepared(
        pairs, field.replace(shape=(90,)), "text", tokenizer=open_tokenizer(f"json:{path}")
    )
    assert given.data[1][given.segments[1] > 0].tolist() == source[1]["text"].tolist()
    with pytest.raises(UserError, match="text has 'a dog runs' at 0; the run reads pairs"):
        prepared(["a dog runs"], field, "text", tokenizer=open_tokenizer(f"json:{path}"))


def test_bytes_and_a_tokenizer_that_adds_nothing_separate_by_their_end(tmp_path):
    name = written(tmp_path / "a.jsonl", [{"premise": "ab", "hypothesis": "c", "label": 0}])
    assert open_source(name, tokenizer="bytes")[0]["text"].tolist() == [256, 97, 98, 257, 99, 257]
    assert open_source(name)[0]["text"] == ("ab", "c")


def test_texts_of_a_pair_are_learned_from_and_are_of_the_fingerprint(tmp_path):
    one = open_source(written(tmp_path / "a.jsonl"), tokenizer="bytes")
    other = [{**ROWS[0], "hypothesis": "a man is awaken"}, ROWS[1]]
    two = open_source(written(tmp_path / "b.jsonl", other), tokenizer="bytes")
    assert one.fingerprint()["content"] != two.fingerprint()["content"]


def _cut(a, b, most):
    """google-research/bert, run_classifier.py, _truncate_seq_pair."""
    a, b = list(a), list(b)
    while len(a) + len(b) > most:
        (a if len(a) > len(b) else b).pop()
    return a, b


@pytest.mark.parametrize("ends", [1, 2])
def test_the_longer_sentence_is_cut_first(ends):
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, b = (rng.integers(10, 99, rng.integers(1, 12)) for _ in range(2))
        length = int(rng.integers(4 + ends, 24))
        ids = np.concatenate([[1], a, [2] * ends, b, [2]])
        one, two = _cut(a, b, length - 2 - ends)
        wanted = [1, *one, *[2] * ends, *two, 2]
        found = SentencePair(length, end=2, begin=1)(ids, None)
        assert found.data[: len(wanted)].tolist() == wanted
        assert found.segments.tolist() == [1] * len(wanted) + [0] * (length - len(wanted))


def test_what_is_no_pair_is_refused_by_its_line(tmp_path):
    rows = [ROWS[0], {"premise": "x", "label": 1}, {**ROWS[0], "hypothesis": " "}]
    rows += [{**ROWS[0], "hypothesis": ["a", "b"]}, {**ROWS[0], "premise": ["a", "b"]}]
    with pytest.raises(UserError) as error:
        open_source(written(tmp_path / "a.jsonl", rows))
    for said in (
        "4 of 5 documents",
        "line 2: 'hypothesis' is missing",
        "line 3: the second sentence is empty",
        "line 4: 'hypothesis' is no string, but list",
    ):
        assert said in str(error.value)


def test_pairs_need_a_token_between_them_and_are_not_packed(tmp_path):
    source = open_source(written(tmp_path / "a.jsonl"))
    with pytest.raises(UserError, match="need a tokenizer with a token that ends a text"):
        text_transform(source.fields["text"], 16)
    with pytest.raises(UserError, match="are pairs of sentences; set config.data.length"):
        packed_texts(open_source(written(tmp_path / "a.jsonl"), tokenizer="bytes"), "text", 64)
