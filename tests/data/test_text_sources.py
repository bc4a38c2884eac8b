"""Sources of texts: files, JSON lines, Parquet, FASTA; splits, labels, and what is broken."""

import gzip
import json

import numpy as np
import pytest

from ssljax.data import open_source
from ssljax.errors import UserError


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts_of(source):
    return [source[i]["text"] for i in range(len(source))]


def test_each_line_of_a_file_is_a_document(tmp_path):
    file = written(tmp_path / "some.txt", "\ufeffone\r\ntwo é\nthree")
    source = open_source(f"text:{file}")
    assert texts_of(source) == ["one", "two é", "three"] and "label" not in source.fields
    assert texts_of(open_source(f"text:{file}?per=file")) == ["one\r\ntwo é\nthree"]
    before = source.fingerprint()["content"]
    written(file, "one\ntwo é\nthre!")
    assert open_source(f"text:{file}").fingerprint()["content"] != before


def test_files_of_the_names_of_splits(tmp_path):
    written(tmp_path / "train.txt", "a\nb\n")
    written(tmp_path / "dev.txt", "c\n")
    assert texts_of(open_source(f"text:{tmp_path}")) == ["a", "b"]
    assert texts_of(open_source(f"text:{tmp_path}", split="validation")) == ["c"]
    with pytest.raises(UserError, match="no split 'test'; it has: dev, train"):
        open_source(f"text:{tmp_path}", split="test")
    written(tmp_path / "more.txt", "d\n")
    with pytest.raises(UserError, match="more.txt, which is of none"):
        open_source(f"text:{tmp_path}")


def test_folders_are_classes_numbered_over_all_splits(tmp_path):
    for name in ("train/b/1", "train/b/2.txt", "train/c/1", "test/a/1", "test/c/2"):
        written(tmp_path / name, f"{name}\nsecond line")
    train = open_source(f"text:{tmp_path}")
    assert train.class_names == ("a", "b", "c") and len(train) == 3
    assert [train[i]["label"] for i in range(3)] == [1, 1, 2]
    assert train[0]["text"] == "train/b/1\nsecond line" and train.names[0] == "b/1"
    test = open_source(f"text:{tmp_path}", split="test")
    assert [test[i]["label"] for i in range(2)] == [0, 2]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_records_have_texts_labels_and_groups(tmp_path, kind):
    rows = {
        "train": [
            {"body": "x y", "topic": "sport", "by": "ann"},
            {"body": "z", "topic": "art", "by": "bob"},
        ],
        "test": [{"body": "w", "topic": "war", "by": "ann"}],
    }
    for split, records in rows.items():
        if kind == "jsonl":
            written(tmp_path / f"{split}.jsonl", "\n".join(map(json.dumps, records)) + "\n")
        else:
            pa = pytest.importorskip("pyarrow")
            import pyarrow.parquet as pq

            pq.write_table(pa.Table.from_pylist(records), tmp_path / f"{split}-0.parquet")
    source = open_source(f"{kind}:{tmp_path}?text=body&label=topic&group=by")
    assert texts_of(source) == ["x y", "z"] and source.class_names == ("art", "sport", "war")
    assert [source[i]["label"] for i in range(2)] == [1, 0] and list(source.groups) == [
        "ann",
        "bob",
    ]
    alone = open_source(f"{kind}:{tmp_path}?text=body", split="test")
    assert texts_of(alone) == ["w"] and alone.num_classes is None
    wrong = "'bodi' is missing" if kind == "jsonl" else "did you mean 'body'"
    with pytest.raises(UserError, match=wrong):
        open_source(f"{kind}:{tmp_path}?text=bodi")
    with pytest.raises(UserError, match="option"):
        open_source(f"{kind}:{tmp_path}?texts=body")


@pytest.mark.parametrize(
    "labels, dtype, shape",
    [([0, 3], "int32", ()), ([0.5, 2], "float32", (1,)), ([[1, 0], [1, 1]], "uint8", (2,))],
)
def test_labels_may_be_numbers(tmp_path, labels, dtype, shape):
    lines = [json.dumps({"text": "x", "label": one}) for one in labels]
    source = open_source(f"jsonl:{written(tmp_path / 'a.jsonl', chr(10).join(lines))}?label=label")
    field = source.fields["label"]
    assert (field.dtype, field.shape) == (dtype, shape)


def test_fasta_joins_the_lines_of_a_record(tmp_path):
    records = ">sp|P1|A first\nMKV\nLAG*\n>second\n\nWW\n"
    written(tmp_path / "train.fasta.gz", gzip.compress(records.encode()))
    written(tmp_path / "test.fa", ">t\nMM\n")
    source = open_source(f"fasta:{tmp_path}")
    assert texts_of(source) == ["MKVLAG*", "WW"] and source.names == ["sp|P1|A", "second"]
    ids = open_source(f"fasta:{tmp_path}", tokenizer="amino_acids")
    assert ids[1]["text"].tolist() == [0, 22, 22, 2]
    written(tmp_path / "bad.fasta", "MKV\n")
    with pytest.raises(UserError, match="line 1: a FASTA file begins with"):
        open_source(f"fasta:{tmp_path / 'bad.fasta'}")


BROKEN = {
    "text": (
        b"good\n\n\xff\xfe\nlast\n",
        ["line 2: the document is empty", "line 3: no UTF-8"],
        2,
    ),
    "jsonl": (
        b'{"text": "good"}\n{"text": ""}\n{"txt": 1}\n{"text": 5}\n'
        b'{bad\n[1]\n\n\xff\n{"text": "z"}',
        [
            "line 2: the document is empty",
            "line 3: 'text' is missing",
            "line 4: 'text' is no string, but int",
            "line 5: no JSON",
            "line 6: no JSON object",
            "line 7: an empty line",
            "line 8: no UTF-8",
        ],
        2,
    ),
    "fasta": (b">a\nMK\n>b\n>c\nV\n", ["line 3: the document is empty"], 2),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_documents_are_named_or_left_out(tmp_path, kind):
    content, faults, kept = BROKEN[kind]
    name = f"{kind}:{written(tmp_path / f'some.{kind}', content)}"
    with pytest.raises(UserError, match="config.data.broken='skip'") as refused:
        open_source(name)
    assert "\n" not in str(refused.value)
    places = [str(refused.value).find(fault) for fault in faults[:3]]
    assert places == sorted(places) and places[0] >= 0  # the first ones, as the file has them
    with pytest.warns(UserWarning, match="left out"):
        source = open_source(name, broken="skip")
    assert (
        len(source) == kept and f"left out {len(faults)} of {kept + len(faults)}" in source.report
    )
    said = str(refused.value) + source.report
    listed = [fault for fault in faults if fault in said]
    assert len(listed) >= min(3, len(faults))
    written(tmp_path / f"none.{kind}", b"")
    with pytest.raises(UserError, match="has no document"):
        open_source(f"{kind}:{tmp_path / f'none.{kind}'}")


def test_other_refusals_name_what_is_wrong(tmp_path):
    mixed = written(tmp_path / "a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "label": 1}')
    (tmp_path / "empty").mkdir()
    written(tmp_path / "one.txt", "a")
    cases = {
        f"jsonl:{mixed}?label=label": "some labels .* are strings and some numbers",
        f"jsonl:{mixed}?label=text&label=b": "must have one value",
        f"text:{tmp_path / 'empty'}": "has no text file",
        f"text:{tmp_path / 'one.txt'}?per=page": "per=page",
        f"text:{tmp_path / 'absent.txt'}": "does not exist",
    }
    for name, message in cases.items():
        with pytest.raises(UserError, match=message):
            open_source(name)


def test_long_documents_take_no_more_memory_than_their_own(tmp_path):
    long = written(tmp_path / "a.txt", "x\n" * 3000 + "y" * 10**7)
    source = open_source(f"text:{long}", tokenizer="bytes")
    assert len(source) == 3001 and len(source[3000]["text"]) == 10**7 + 2
    assert sum(one.nbytes for one in source.arrays["text"]) < 10**8
    assert np.asarray(source[0]["text"]).tolist() == [256, 120, 257]


def test_an_archive_of_texts_alone_is_told_what_reads_texts(tmp_path):
    np.savez(tmp_path / "texts.npz", train_text=np.array(["a", "b"]))
    with pytest.raises(UserError, match="has no array 'image' .* texts alone are read by jsonl:"):
        open_source(f"npz:{tmp_path / 'texts.npz'}")
