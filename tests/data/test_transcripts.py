"""What is said in sounds: files beside them, the letters of these, and what is wrong with them."""

import json

import numpy as np
import pytest
import soundfile

from ssljax.data import Pipeline, open_source
from ssljax.errors import UserError
from ssljax.spec import target_kind
from ssljax.training.config import complete, default_config
from ssljax.training.data_sets import open_data, open_training_data, spelled
from tests.data.sounds import tone, write_tones

WORDS = {"19/198/19-198-0000": "A BAD CAB", "19/198/19-198-0001": "A  CAB", "26/5/26-5-0": "BAD"}


def librispeech(folder, said=WORDS):
    """Write sounds in LibriSpeech's layout, half a second each."""
    write_tones(folder, {f"{name}.flac": (440, 8000) for name in said})
    for name, text in said.items():
        one = folder / name
        with open(one.parent / f"{one.parent.name}.trans.txt", "a", encoding="utf-8") as file:
            file.write(f"{one.name} {text}\n")


def config_of(source, length=4000, **data):
    config = default_config()
    config.data.source, config.data.length, config.data.sound = source, length, "wave"
    config.data.labels = "letters"
    config.data.update(data)
    config.encoder = {"name": "wave_transformer", "width": 8, "depth": 1, "heads": 1}
    config.objective = {"name": "ctc"}
    return complete(config)


def read(source, labels):
    return ["".join(source.class_names[k] for k in row if k >= 0) for row in labels]


@pytest.mark.parametrize("memory", [2**30, 0])
def test_letters_are_those_of_librispeechs_lists(tmp_path, memory):
    librispeech(tmp_path)
    spec = f"audio:{tmp_path}?transcripts=trans.txt"
    source = open_source(spec, memory_limit=memory)
    assert [source[i]["text"] for i in range(3)] == ["A BAD CAB", "A CAB", "BAD"]
    assert source.in_memory == bool(memory)
    made = spelled(config_of(spec), source)
    field = made.fields["label"]
    assert target_kind(field) == "letters" and field.letters == " ABCD" and field.shape == (9,)
    assert [*made.fields] == ["audio", "label"] and read(made, made.labels) == [
        "A BAD CAB",
        "A CAB",
        "BAD",
    ]
    batch = Pipeline(made, seed=0, batch_size=3, length=4000, labels=True).batch(0)
    assert batch["audio"].shape == (3, 4000) and batch["label"].dtype == np.int32
    np.testing.assert_array_equal(batch["label"], made.labels[batch["id"]])


def test_letters_of_files_beside_and_of_manifests(tmp_path):
    write_tones(tmp_path, {"a.wav": (440, 8000), "b/c.wav": (440, 8000)})
    (tmp_path / "a.txt").write_text("\ufeffgo\n\non\n", encoding="utf-8")
    (tmp_path / "b/c.txt").write_text("né", encoding="utf-8")
    made = open_training_data(config_of(f"audio:{tmp_path}?transcripts=txt"))
    assert read(made, made.labels) == ["go on", "né"]
    lines = [{"audio": "a.wav", "text": "go on"}, {"audio": "b/c.wav", "text": "né"}]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, lines)))
    again = open_training_data(config_of(f"pairs:{tmp_path}/all.jsonl"))
    np.testing.assert_array_equal(again.labels, made.labels)
    lines[0]["text"] = ["go on", "go"]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(UserError, match="several texts .* each must have one transcript"):
        open_training_data(config_of(f"pairs:{tmp_path}/all.jsonl"))


def test_the_fingerprint_knows_transcripts_and_letters(tmp_path):
    librispeech(tmp_path)
    config = config_of(f"audio:{tmp_path}?transcripts=trans.txt")
    before = open_training_data(config).fingerprint()
    assert before["letters"] == " ABCD" and before == open_training_data(config).fingerprint()
    file = tmp_path / "26/5/5.trans.txt"
    file.write_text(file.read_text().replace("BAD", "DAB"))
    assert open_training_data(config).fingerprint() != before


def test_letters_of_test_are_numbered_as_those_of_train(tmp_path):
    librispeech(tmp_path / "train", {"1/1/a": "AB"})
    librispeech(tmp_path / "test", {"2/2/b": "BÉ A", "2/2/c": "B"})
    config = config_of(f"audio:{tmp_path}?transcripts=trans.txt")
    train = open_training_data(config)
    test = spelled(config, open_data(config, config.data.source, "test"), "AB")
    assert test.labels.tolist() == [[1, 2, 2, 0], [1, -1, -1, -1]]
    assert test.fields["label"].vocab == train.fields["label"].vocab == 2
    assert "2 letters of 'test' are absent" in test.report and "' ' 'É'; in 1 of 2" in test.report


@pytest.mark.parametrize(
    "line, why",
    [
        (b"", "x.wav: has no transcript: no line of a .trans.txt"),
        (b"x", "x.wav: its transcript is empty"),
        (b"x  \t ", "x.wav: its transcript is empty"),
        (b"x \xff", "x.wav: its transcript, line 1 of 1.trans.txt, is no UTF-8"),
        (b"x A\nx B", "x.wav: has two transcripts, the second in line 2 of 1.trans.txt"),
    ],
)
@pytest.mark.parametrize("memory", [2**30, 0])
def test_sounds_without_a_transcript_are_named(tmp_path, line, why, memory):
    write_tones(tmp_path, {"x.wav": (440, 8000), "y.wav": (440, 8000)})
    (tmp_path / "1.trans.txt").write_bytes(line + b"\ny NO")
    spec = f"audio:{tmp_path}?transcripts=trans.txt"
    with pytest.raises(UserError, match=f"1 of 2 sound files .*{why}"):
        open_source(spec, memory_limit=memory)
    with pytest.warns(UserWarning, match="left out 1 of 2"):
        source = open_source(spec, broken="skip", memory_limit=memory)
    assert len(source) == 1 and source[0]["text"] == "NO"


def test_files_beside_that_are_missing_or_no_text(tmp_path):
    write_tones(tmp_path, {"x.wav": (440, 8000)})
    with pytest.raises(UserError, match=r"x.wav: has no transcript: there is no file x.txt beside"):
        open_source(f"audio:{tmp_path}?transcripts=txt")
    (tmp_path / "x.txt").write_bytes(b"\xe9")
    with pytest.raises(UserError, match="x.wav: its transcript x.txt is no UTF-8"):
        open_source(f"audio:{tmp_path}?transcripts=txt")
    with pytest.raises(UserError, match=r"form of transcripts of .*'tx'"):
        open_source(f"audio:{tmp_path}?transcripts=tx")
    with pytest.raises(UserError, match=r"audio:PATH\?transcripts=txt"):
        open_training_data(config_of(f"audio:{tmp_path}"))


@pytest.mark.parametrize("memory", [2**30, 0])
def test_sounds_longer_than_the_window_are_refused_or_left_out(tmp_path, memory):
    librispeech(tmp_path)
    soundfile.write(tmp_path / "26/5/26-5-0.flac", tone(440, 8000, 5000), 8000)
    spec = f"audio:{tmp_path}?transcripts=trans.txt"
    source = open_source(spec, memory_limit=memory)
    with pytest.raises(
        UserError, match=r"1 of 3 sounds .*26-5-0.flac: 5,000 .* config.data.length=5000, .*'skip'"
    ):
        spelled(config_of(spec), source)
    with pytest.warns(UserWarning, match="left out 1 of 3 sounds"):
        made = spelled(config_of(spec, broken="skip"), source)
    assert len(made) == 2 and "left out" in made.report
    assert made.fields["label"].letters == " ABCD" and len(made[1]["audio"]) == 4000
    with pytest.raises(UserError, match="3 of 3 sounds"):
        spelled(config_of(spec, length=10, broken="skip"), source)
