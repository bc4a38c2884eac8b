"""Sounds out of Debian packages: what is kept, and how it is split."""

import doctest

import numpy as np
import pytest
import soundfile
from PIL import Image

from ssljax.data import open_source, prepare
from ssljax.data.prepare import asterisk, debian, klettres, packaged, sonicpi, spoken_stamps
from ssljax.data.sources.arrays import Arrays, load, save
from ssljax.data.sources.packaged import file_of
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError
from ssljax.spec import Field
from tests.data.sounds import tone, write_tones


def test_waves_of_any_lengths_are_written_and_read_back(tmp_path):
    waves = [np.arange(n, dtype=np.int16) - 3 for n in (5, 1, 300, 300)]
    field = Field("audio", (None,), "int16", rate=8000.0)
    save(Arrays({"train": {"audio": objects(waves)}}, {"audio": field}), tmp_path / "a.npz")
    found = load(tmp_path / "a.npz")
    assert found.fields["audio"] == field
    for one, two in zip(found.splits["train"]["audio"], waves, strict=True):
        assert one.dtype == np.int16 and one.tolist() == two.tolist()


def test_prompts_are_asked_of_another_voice(tmp_path, monkeypatch):
    top = tmp_path / "package" / asterisk.FOLDER
    voices = {asterisk.VOTES: ["yes", "no", "digits/1", "alone"], asterisk.ASKS: ["no", "digits/1"]}
    voices["en_US_f_Allison"] = ["yes", "digits/1"]
    for number, (voice, said) in enumerate(voices.items()):
        names = [*said, "beep", "silence/1"]
        write_tones(top / voice, {f"{name}.wav": (300 + 90 * number, 8000) for name in names})
    monkeypatch.setattr(packaged, "fetch_package", lambda *names, **_: tmp_path / "package")
    assert prepare("asterisk", tmp_path / "data").name == "debian:asterisk"
    found = load(file_of("debian:asterisk", tmp_path / "data"))
    assert found.class_names == ("digits/1", "no")
    for split, voice in (("train", asterisk.VOTES), ("test", asterisk.ASKS)):
        assert found.splits[split]["label"].tolist() == [0, 1]
        assert set(found.splits[split]["group"]) == {voice}
    assert (
        len(found.splits["unlabelled"]["audio"]) == 6 and "label" not in found.splits["unlabelled"]
    )
    source = open_source("debian:asterisk", split="test", data_dir=tmp_path / "data")
    assert source.fields["audio"].rate == 8000 and source[0]["audio"].shape == (4000,)
    assert source.num_classes == 2 and source.groups.tolist() == [asterisk.ASKS] * 2


def test_languages_are_held_out(tmp_path):
    top = tmp_path / klettres.FOLDER
    files = ["en/alpha/A", "en/syllab/ba", "it/alpha/b", "fr/alpha/a-1", "nb/alpha/U0061"]
    files += [
        "de/alpha/sz",
        "de/alpha/b",
        "ru/alpha/be",
        "de/syllab/ab",
        "it/syllab/ciao",
        "fr/syllab/ad-1",
    ]
    for file in files:
        (top / file).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(
            top / f"{file}.ogg", np.stack([tone(400, 44_100, 9000)] * 2, axis=1), 44_100
        )
    found = klettres.read_klettres(tmp_path)
    assert found.class_names == ("a", "b")
    assert found.splits["test"]["group"].tolist() == ["en", "it"]
    assert found.splits["train"]["group"].tolist() == ["de", "fr", "nb"]
    assert found.splits["train"]["label"].tolist() == [1, 1, 0]
    assert sorted(found.splits["unlabelled"]["group"]) == ["de"] * 3 + ["fr", "fr", "nb", "ru"]
    assert len(found.splits["test"]["audio"][0]) == pytest.approx(9000 * 16 / 44.1, abs=2)
    spelled = klettres.read_syllables(tmp_path)
    assert spelled.class_names == ("ab", "ba", "ciao")
    assert spelled.splits["train"]["group"].tolist() == ["de", "en"]
    assert spelled.splits["test"]["label"].tolist() == [2]
    assert not doctest.testmod(klettres).failed
    assert not {*klettres.TRAIN} & {*klettres.TEST}


def test_samples_of_large_classes_are_labelled(tmp_path):
    top = tmp_path / sonicpi.FOLDER
    names = [f"bd_{n}" for n in range(9)] + [f"tabla_{n}" for n in range(12)] + ["vinyl_hiss"]
    write_tones(top, {f"{name}.flac": (500, 44_100) for name in names})
    found = sonicpi.read_sonicpi(tmp_path)
    assert found.class_names == ("bd", "tabla")
    counts = {split: len(own["audio"]) for split, own in found.splits.items()}
    assert counts["train"] + counts["test"] == 21
    assert counts["unlabelled"] == counts["train"] + 1 and counts["test"] > 2


def test_spoken_stamps_have_every_language_or_none(tmp_path):
    top = tmp_path / spoken_stamps.FOLDER / "food"
    languages = (*spoken_stamps.LANGUAGES, spoken_stamps.FURTHER)
    for number in range(40):
        write_tones(top, {f"{number}_desc_{one}.ogg": (300, 16_000) for one in languages})
        Image.new("RGBA", (8, 8), "red").save(top / f"{number}.png")
        (top / f"{number}.txt").write_text(f"Cake {number}.")
    (top / "3_desc_ro.ogg").unlink()
    found = spoken_stamps.read_spoken_stamps(tmp_path)
    save(found, tmp_path / "a.npz")
    found = load(tmp_path / "a.npz")
    assert found.fields["audio"].shape == (None, None)
    splits = found.splits
    everyone = {text: split for split in splits for text in splits[split]["text"]}
    three = everyone["Cake 3."]
    assert three in ("train", "validation")
    at = list(splits[three]["text"]).index("Cake 3.")
    flags = splits[three]["audio.present"]
    assert not flags[at] and flags.sum() == len(flags) - 1
    for audio, flag in zip(splits[three]["audio"], flags, strict=True):
        assert len(audio) == (4 if flag else 1)  # where there is none, another stands
        assert all(one.dtype == np.int16 and len(one) == 8000 for one in audio)
    groups = splits["test"]["group"].tolist()
    assert (
        groups == [*spoken_stamps.LANGUAGES] * (len(groups) // 4)
        and splits["test"]["audio.present"].all()
    )
    assert not {*splits["test"]["text"]} & {*splits["train"]["text"], *splits["validation"]["text"]}
    assert {*splits["spanish"]["text"]} == {*splits["train"]["text"]} - {"Cake 3."}
    with pytest.raises(UserError, match="holds no spoken stamps"):
        spoken_stamps.read_spoken_stamps(tmp_path / "none")


def test_a_package_without_the_sounds_is_refused(tmp_path):
    for read in (asterisk.read_asterisk, klettres.read_klettres, sonicpi.read_sonicpi):
        with pytest.raises(UserError, match="does not hold the sounds that are expected"):
            read(tmp_path)


def test_several_packages_are_unpacked_into_one_folder(tmp_path, monkeypatch):
    ran = []

    def run(command, folder, timeout):
        ran.append([command[0], command[-2 if command[0] == "dpkg" else -1]])
        if command[-2:-1] == ["download"]:
            (folder / f"{command[-1]}_1_all.deb").write_bytes(b"")

    monkeypatch.setattr(debian, "run_tool", run)
    monkeypatch.setattr(debian.shutil, "which", lambda tool: tool)
    debian.fetch_package("a", tmp_path, further=("b",))
    assert [name for tool, name in ran if tool == "dpkg"] == [
        str(tmp_path / f"{one}_1_all.deb") for one in "ab"
    ]
