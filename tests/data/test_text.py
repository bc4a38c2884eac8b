"""Texts beside images: read, refused, cut, padded and put into batches."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.data import Pipeline, epoch, fields_of, measured_spec, open_source, statistics
from ssljax.data.host import TokenIds, Utf8Bytes
from ssljax.errors import UserError
from ssljax.spec import Field, Spec, Value

IMAGES = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3, 1)
TEXTS = np.array(["a", "café", "", "rather long"])
IDS = np.array([[3, 1, -1], [0, -1, -1], [2, 2, 2], [1, -1, -1]])


def written(folder, **arrays):
    np.savez(folder / "pairs.npz", image=IMAGES, **arrays)
    return f"npz:{folder / 'pairs.npz'}"


def test_a_text_is_its_bytes_cut_or_padded_at_the_end():
    transform = Utf8Bytes(6)
    field = transform.field(Field("text", (None,), "str"))
    assert (field.shape, field.dtype, field.vocab, field.ragged) == ((6,), "int32", 256, True)
    found = transform("café", None)
    np.testing.assert_array_equal(found.data, [99, 97, 102, 0xC3, 0xA9, 0])
    np.testing.assert_array_equal(found.segments, [1, 1, 1, 1, 1, 0])
    long = transform("rather long", None)
    assert bytes(long.data.astype(np.uint8)) == b"rather" and np.all(long.segments == 1)


def test_ids_keep_their_vocabulary():
    field = TokenIds(2).field(Field("text", (None,), "int32", vocab=9, ragged=True))
    assert (field.shape, field.vocab, field.ragged) == ((2,), 9, True)
    found = TokenIds(2)(np.array([5, -1, -1]), None)
    np.testing.assert_array_equal(found.data, [5, 0])
    np.testing.assert_array_equal(found.segments, [1, 0])


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("arrays", [{"text": np.char.add(TEXTS, "!")}, {"text": IDS, "vocab": 4}])
def test_batches_hold_texts_beside_their_images(tmp_path, arrays, in_memory):
    limit = 2**20 if in_memory else 0
    source = open_source(written(tmp_path, **arrays), memory_limit=limit)
    transform = TokenIds(5) if "vocab" in arrays else Utf8Bytes(5)
    expected = [transform(text, None) for text in arrays["text"]]
    pipeline = Pipeline(source, seed=0, batch_size=3, length=5)
    batch = pipeline.batch(1)
    assert isinstance(batch["text"], Value) and batch["text"].dtype == np.int32
    for row, example in enumerate(batch["id"]):
        np.testing.assert_array_equal(batch["image"][row], IMAGES[example])
        np.testing.assert_array_equal(batch["text"].data[row], expected[example].data)
        np.testing.assert_array_equal(batch["text"].segments[row], expected[example].segments)
    again = list(pipeline.iterate(1, 3))[0]["text"]
    np.testing.assert_array_equal(again.data, batch["text"].data)
    last = list(epoch(source, 3, length=5))[-1]
    assert last["text"].data.shape == (3, 5) and list(last["valid"]) == [True, False, False]


def test_fingerprints_tell_texts_and_lengths_apart(tmp_path):
    def fingerprint(text, length):
        source = open_source(written(tmp_path, text=np.array(text)))
        return str(Pipeline(source, seed=0, batch_size=2, length=length).fingerprint())

    one = fingerprint(["a", "b", "c", "d"], 4)
    assert one == fingerprint(["a", "b", "c", "d"], 4)
    assert one != fingerprint(["a", "b", "c", "e"], 4)
    assert one != fingerprint(["a", "b", "c", "d"], 5)


def test_text_has_document_frequencies_and_no_deviation(tmp_path):
    source = open_source(written(tmp_path, text=np.char.add(TEXTS, "!")))
    idf, _ = statistics(source)["text"]
    assert idf.shape == (256,) and idf[ord("!")] == 1  # in all of them
    assert idf["é".encode()[0]] == np.float32(np.log(5 / 2) + 1)
    data = ConfigDict({"image_size": 0, "length": 8, "folder": str(tmp_path), "labels": False})
    field = measured_spec(source, data).fields["text"]
    assert field.mean == tuple(idf.tolist()) and field.std == ()
    again = measured_spec(source, data)  # kept in a file
    assert again.fields["text"] == field and Spec.from_json(again.to_json()) == again


def test_a_length_must_be_set(tmp_path):
    source = open_source(written(tmp_path, text=np.char.add(TEXTS, "!")))
    with pytest.raises(UserError, match="the text 'text' of .* set config.data.length, such as"):
        fields_of(source, ConfigDict({"image_size": 0, "length": 0}))
    with pytest.raises(UserError, match="the text 'text' of .* differ in length: set length"):
        Pipeline(source, seed=0, batch_size=2)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"text": TEXTS}, "'text' in .*: the text of example 2 has no token"),
        ({"text": np.full((4, 2), -1), "vocab": 3}, "the text of example 0 has no token"),
        ({"text": IDS, "vocab": 3}, "example 0 has the id 3, and `vocab` is 3: ids are 0 to"),
        ({"text": IDS}, "holds ids; the file must have `vocab` too"),
        ({"text": IDS, "vocab": 0.5}, "holds ids; the file must have `vocab` too"),
        ({"text": IDS[:3], "vocab": 4}, "one for each of 4 examples, there are 3"),
        ({"text": np.array([b"a", b"b", b"c", b"d"])}, "must be strings .* it is |S1 of"),
        ({"text": np.ones((4, 2))}, "must be strings .* it is float64 of \\(4, 2\\)"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, arrays, said):
    with pytest.raises(UserError, match=said):
        open_source(written(tmp_path, **arrays))


def test_a_field_knows_its_special_tokens():
    special = (("pad", 0), ("cls", 2), ("mask", 4))
    field = Field("text", (8,), "int32", vocab=9, ragged=True, special=special)
    assert field.special_id("mask") == 4
    with pytest.raises(UserError, match="config.data.tokenizer gives the text no 'sep' token"):
        field.special_id("sep")
    with pytest.raises(UserError, match="role of a special token"):
        field.special_id("begin")
    spec = Spec({"text": field}, 3)
    found = spec.to_json()
    assert Spec.from_json(found) == spec
    for wrong in ([["mask", 9]], [["mask", -1]], [["mask", True]], [["begin", 1]], ["mask"], 4):
        found["fields"]["text"]["special"] = wrong
        with pytest.raises(ValueError, match="text.special is"):
            Spec.from_json(found)
    del found["fields"]["text"]["special"]  # as versions before wrote it
    assert Spec.from_json(found).fields["text"] == field.replace(special=())
