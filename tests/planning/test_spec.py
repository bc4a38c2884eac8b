"""What the data are like, at hand or not."""

import json

import numpy as np
import pytest

from ssljax.commands.config_file import load
from ssljax.data import KNOWN, measured_spec, open_source
from ssljax.errors import UserError
from ssljax.planning.spec import spec_of
from ssljax.spec import LABEL, SPECIAL, Field, Spec
from ssljax.training.config import complete
from ssljax.training.data_record import DataRecord, write_data_record


def _config(source: str, **data):
    return complete({"data": {"source": source, **data}})


def test_a_source_that_is_here_is_asked():
    spec = spec_of(_config("sklearn:digits"))
    assert spec.fields["image"].shape == (8, 8, 1) and spec.num_examples == 1438


def test_a_well_known_one_need_not_be_here(tmp_path):
    spec = spec_of(_config("tfds:imagenet2012", image_size=224, folder=str(tmp_path)))
    assert spec.fields["image"].shape == (224, 224, 3) and spec.num_examples == 1_281_167
    assert len(spec.fields["image"].mean) == len(spec.fields["image"].std) == 3
    spec = spec_of(_config("tfds:fashion_mnist", folder=str(tmp_path)))
    assert spec.fields["image"].shape == (28, 28, 1) and spec.num_examples == 60_000
    spec = spec_of(_config("seglearn:watch", folder=str(tmp_path), length=64, labels=True))
    assert spec.fields["series"].shape == (64, 6) and spec.fields["label"] == LABEL.replace(
        classes=7
    )
    spec = spec_of(_config("uci:adult", folder=str(tmp_path)))
    assert list(spec.fields) == ["table"] and len(spec.fields["table"].mean) == 14
    options = {"image_size": 32, "folder": str(tmp_path), "split": "unlabelled"}
    spec = spec_of(_config("debian:openclipart", **options))
    assert list(spec.fields) == ["image"] and spec.num_examples == 3_020


def test_pairs_of_recipes_need_neither_the_images_nor_the_tokenizer():
    for name, length, vocab in (("clip", 77, 49_408), ("siglip", 16, 32_000)):
        config = load(f"experiments/pairs/paper/{name}_laion_vit_b16.py", [])
        spec = spec_of(config)
        assert spec.num_examples == 407_332_084 and list(spec.fields) == ["image", "text"]
        assert spec.fields["image"].shape == (224, 224, 3)
        special = tuple(zip(SPECIAL, range(5), strict=True))
        text = Field("text", (length,), "int32", vocab=vocab, ragged=True, special=special)
        assert spec.fields["text"] == text


def test_recipes_of_text_and_sound_are_planned_without_data_and_tokenizer():
    audio, text = "experiments/audio/paper", "experiments/text/paper"
    for path, name, size, vocab in (
        (f"{audio}/wav2vec2_librispeech_base.py", "audio", 281_241, 0),
        (f"{audio}/finetune_ctc_librispeech100_base.py", "label", 28_539, 28),
        (f"{text}/bert_wikipedia_books_base.py", "text", 10_000_000, 30_522),
        (f"{text}/gpt_openwebtext_124m.py", "text", 8_013_769, 50_257),
        ("experiments/protein/paper/roberta_uniref50_esm1b.py", "text", 27_100_000, 33),
    ):
        spec = spec_of(load(path, []))
        assert (spec.num_examples, spec.fields[name].vocab) == (size, vocab)


def test_what_is_known_of_a_set_is_so():
    source, known = open_source("sklearn:digits"), KNOWN["sklearn:digits"]
    assert {**source.fields} == {**known.fields} and len(source) == len(known)


def test_the_spec_but_for_statistics_is_the_one_that_is_measured(tmp_path):
    rng = np.random.default_rng(0)
    table = rng.standard_normal((20, 3)).astype(np.float32)
    table[:, 1] = rng.integers(0, 4, 20)
    np.savez(tmp_path / "t.npz", table=table, cardinalities=[0, 4, 0], label=np.arange(20) % 2)
    for name in (f"npz:{tmp_path / 't.npz'}", "sklearn:digits"):
        for labels in (False, True):
            data = _config(name, labels=labels, folder=str(tmp_path)).data
            planned = spec_of(_config(name, labels=labels))
            measured = measured_spec(open_source(name), data)
            assert _shapes(planned) == _shapes(measured)


def _shapes(spec):
    plain = {name: field.replace(mean=(), std=()) for name, field in spec.fields.items()}
    return plain, spec.num_examples


@pytest.mark.parametrize(
    "text, field, count",
    [
        ("image:256x192x4:5000", Field("image", (256, 192, 4), "uint8"), 5_000),
        ("series:128x6:2460", Field("series", (128, 6), "float32"), 2_460),
        ("table:3:99", Field("table", (3,), "float32", cardinalities=(0, 0, 0)), 99),
    ],
)
def test_what_is_given_comes_first(text, field, count):
    fields, found = _shapes(spec_of(_config("folder:/nowhere"), text))
    assert fields == {field.modality: field} and found == count


def test_texts_are_given_by_the_number_of_ids(tmp_path):
    """At the length of the config, or in rows of several; with every special token."""
    spec = spec_of(_config("text:/nowhere", length=32), "text:100:9")
    field = spec.fields["text"]
    assert (field.shape, field.dtype, field.vocab, field.ragged) == ((32,), "int32", 100, True)
    assert [role for role, _ in field.special] == [*SPECIAL] and spec.num_examples == 9
    assert all(number < 100 for _, number in field.special)
    packed = spec_of(_config("text:/nowhere", pack=64), "text:100:9").fields["text"]
    assert packed.shape == (64,) and packed.ragged


def test_several_fields_are_joined_by_a_plus():
    config = _config("pairs:/nowhere", length=77, image_size=24)
    spec = spec_of(config, "image:32x32x3+text:500:1000")
    assert {name: field.shape for name, field in spec.fields.items()} == {
        "image": (24, 24, 3),
        "text": (77,),
    }
    assert spec.fields["text"].vocab == 500 and spec.num_examples == 1000
    with pytest.raises(UserError, match="not understood"):
        spec_of(config, "image:32x32x3+image:32x32x3:1000")


def test_what_is_given_is_cut_to_the_size_of_the_config():
    spec = spec_of(_config("sklearn:digits", image_size=16), "image:8x8x1:7")
    assert spec.fields["image"].shape == (16, 16, 1)


def test_the_record_of_a_run_is_read_from_its_workdir_or_by_name(tmp_path):
    field = Field("series", (90, 2), "float32", mean=(3.0, 4.0), std=(1.0, 2.0), rate=20.0)
    spec = Spec({"series": field}, 77)
    write_data_record(tmp_path, DataRecord({"source": {}}, spec))
    for given in (tmp_path, tmp_path / "data.json"):
        assert spec_of(_config("folder:/nowhere"), str(given)) == spec
    labelled = spec_of(_config("folder:/nowhere", labels=True), str(tmp_path))
    assert labelled.fields == {"series": field, "label": LABEL}


USAGE = "MODALITY:SHAPE:NUMBER, such as image:256x256x3:1281167"


@pytest.mark.parametrize(
    "source, given, message",
    [
        ("tfds:imagenet2012", "", "set config.data.image_size"),
        ("tfds:unheard_of", "", f"is not prepared in .* --spec .*{USAGE}"),
        ("ucr:GunPoint", "", f"is not prepared in .* --spec .*{USAGE}"),
        ("sklearn:digits", "224", f"neither there nor understood; .*{USAGE}"),
        ("sklearn:digits", "image:0x8x1:9", USAGE),
        ("sklearn:digits", "table:8x8:9", USAGE),
        ("sklearn:digits", "{empty}", "data.json is missing"),
        ("sklearn:digits", "{old}", "data.json has no spec"),
        ("sklearn:digits", "{damaged}", "data.json is damaged"),
    ],
)
def test_what_is_not_known_is_asked_for(source, given, message, tmp_path):
    for name, content in {"old": json.dumps({"source": {}}), "damaged": "{"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.json").write_text(content)
    (tmp_path / "empty").mkdir()
    if given.startswith("{"):
        given = str(tmp_path / given.strip("{}"))
    with pytest.raises(UserError, match=message) as error:
        spec_of(_config(source, folder=str(tmp_path)), given)
    assert "\n" not in str(error.value)


def test_labels_that_are_spelled_have_as_many_letters_as_is_said():
    config = _config("audio:nowhere", labels="letters", length=400_000)
    config.encoder.name = "wave_transformer"
    spec = spec_of(config, "audio:400000+letters:420x28:28539")
    label = Field("label", (420,), "int32", vocab=28, classes=28)
    assert spec.fields["label"] == label and spec.num_examples == 28_539
    with pytest.raises(UserError, match=r"--spec 'audio:400000:28539' .* \+letters:LONGESTxDIFF"):
        spec_of(config, "audio:400000:28539")
    config.data.labels = ""
    with pytest.raises(UserError, match="has letters, and config.data.labels=''"):
        spec_of(config, "audio:400000+letters:420x28:28539")
