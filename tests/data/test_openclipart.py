"""Open Clip Art: which drawings stay, their classes, and who is in which split."""

import sys

import numpy as np
import pytest

from ssljax.data import groups_of, open_source, prepare
from ssljax.data.prepare import openclipart, packaged
from ssljax.data.prepare.debian import Unavailable
from ssljax.errors import UserError

SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:dc="dc">
<dc:title>{title}</dc:title><dc:creator id="x"><Agent><dc:title>{creator}</dc:title></Agent>
</dc:creator><!--{colour}--></svg>"""


def svg(colour, title="a  fox &amp; a hen", creator="Ann Lee (ann@example.org)"):
    return SVG.format(title=title, creator=creator, colour=colour).encode()


def render(content):
    """A square of the colour and the place that the comment names."""
    if b"broken" in content:
        raise IndexError("no such path")
    red, place = map(int, content.partition(b"<!--")[2].partition(b"-->")[0].split())
    image = np.full((64, 64, 3), 255, np.uint8)
    row, column = divmod(place, 8)
    image[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = (red, 0, 0)
    return image


def write(folder, files):
    for name, content in files.items():
        path = folder / openclipart.FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def small(monkeypatch):
    for name, value in {"LEAST": 2, "MOST": 4, "OF_ONE_CREATOR": 2, "PROLIFIC": 3}.items():
        monkeypatch.setattr(openclipart, name, value)
    monkeypatch.setattr(openclipart, "renderer", lambda: render)


def titles(arrays, splits=("train", "validation", "test")):
    """Of the drawings with labels, or of the named splits."""
    found = (arrays.splits[split] for split in splits if split in arrays.splits)
    return {str(title) for part in found for title in part["text"]}


def test_copies_count_once_and_a_drawing_of_two_folders_has_no_class(tmp_path):
    one, two, three = svg("1 1"), svg("2 2"), svg("3 3")
    files = {"food/a.svg": one, "food/b/c.svg": one, "food/d.svg": two, "tools/d.svg": two}
    write(tmp_path, {**files, "unsorted/e.svg": three, "special/patterns/f.svg": three})
    first, *others = openclipart.drawings(tmp_path / openclipart.FOLDER)
    assert (first.paths, first.category) == (("food/a.svg", "food/b/c.svg"), "food")
    assert first.title == "a fox & a hen" and first.creator == "ann lee"
    assert [(one.paths[0], one.category) for one in others] == [
        ("food/d.svg", ""),
        ("special/patterns/f.svg", ""),
    ]


def test_without_a_title_the_file_name_serves_and_the_creator_is_unknown():
    found = openclipart.Drawing(("food/red_apple.svg",), b"<svg><dc:title/></svg>")
    assert found.title == "red apple" and found.creator == ""


def test_the_text_is_the_title_or_for_a_collection_the_file_name_with_keywords():
    subject = "<dc:subject><rdf:Bag>{}</rdf:Bag></dc:subject>"
    words = ["", "HASH(0x8a393fc)", "hash", "Mammal", "ann lee", "red_fox", "mammal", "fox"]
    own = subject.format("".join(f"<rdf:li>{word}</rdf:li>" for word in words)).encode()
    fox = openclipart.Drawing(("animals/f.svg",), svg("0 0", "A fox") + own)
    assert fox.keywords == ("mammal", "red fox", "fox")
    icons = [
        openclipart.Drawing((f"computer/open_{i}.svg",), svg(f"0 {i}", "icons"))
        for i in range(openclipart.OF_ONE_TITLE + 1)
    ]
    assert openclipart.texts_of([fox, *icons[1:]]) == ["A fox, mammal, red fox"] + 5 * ["icons"]
    assert openclipart.texts_of(icons) == [f"open {i}" for i in range(6)]


def test_what_is_blank_broken_or_alike_is_left_out(small, tmp_path):
    def named(colour, title):
        return svg(colour, title, "")

    drawn = {"food/a.svg": named("9 1", "first"), "food/b.svg": named("9 2", "second")}
    # Between "first" and "like": |x - y| = 20 of |x| = 364 or so.
    left_out = {"food/c.svg": named("29 1", "like"), "food/d.svg": named("broken", "broken")}
    write(tmp_path, drawn | left_out)
    assert titles(openclipart.read_openclipart(tmp_path)) == {"first", "second"}
    blank = np.full((2, 64, 64, 3), 255, np.uint8)
    assert openclipart.distinct(blank) == []


def test_drawings_alike_by_hand():
    images = np.full((4, 16, 16, 3), 255, np.uint8)
    for i, value in enumerate((155, 175, 174, 176)):  # ink of 100, 80, 81, 79
        images[i, 0, 0] = value
    assert openclipart.distinct(images) == [0, 3]  # 20 of 100 are alike, 21 are not


def test_no_class_is_too_large_or_too_small_nor_of_one_creator(small, tmp_path):
    files = {f"food/{i}.svg": svg(f"0 {i}", f"ann {i}", "Ann Lee") for i in range(5)}
    files |= {f"food/x{i}.svg": svg(f"0 {9 + i}", f"x {i}", "") for i in range(5)}
    files |= {"tools/a.svg": svg("0 30", "saw", "Bob")}
    write(tmp_path, files)
    found = openclipart.read_openclipart(tmp_path)
    assert found.class_names == ("food",)
    kept = titles(found)
    assert len(kept) == 4 and sum(title.startswith("ann") for title in kept) <= 2
    assert titles(found, ["unlabelled"]) >= {f"x {i}" for i in range(5)}  # of an unknown creator


def test_what_has_no_class_is_unlabelled_but_not_of_the_creators_of_test(small, tmp_path):
    parts = {openclipart.part_of(name, 1): name for name in map("{} painter".format, range(20))}
    files = {f"food/{name}.svg": svg(f"0 {i}", name, name) for i, name in enumerate(parts.values())}
    files |= {
        f"unsorted/{part}.svg": svg(f"0 {9 + i}", part, name)
        for i, (part, name) in enumerate(parts.items())
    }
    # Like the one of test: this is the one that goes.
    files |= {"special/copy.svg": svg(f"1 {list(parts).index('test')}", "copied", "")}
    write(tmp_path, files)
    found = openclipart.read_openclipart(tmp_path)
    assert titles(found, ["test"]) == {parts["test"]}
    assert titles(found, ["unlabelled"]) == {parts["train"], "train"}
    assert "label" not in found.splits["unlabelled"]


def test_no_creator_is_in_two_splits():
    parts = {openclipart.part_of(f"person {i}", 1) for i in range(50)}
    assert parts == {"train", "validation", "test"}
    everyone = {openclipart.part_of(f"person {i}", openclipart.PROLIFIC) for i in range(50)}
    assert everyone == {"train"} == {openclipart.part_of("", 1)}
    assert openclipart.same_persons(["lee ann", "ann lee smith", "lee"]) == {
        "lee ann": "lee ann",
        "ann lee smith": "lee ann",
        "lee": "lee",
    }


def test_it_is_prepared_whole_and_opened_at_any_size(small, tmp_path, monkeypatch):
    names = [f"{letter} painter" for letter in "abcdefghijklmnop"]
    write(tmp_path, {f"food/{n}.svg": svg(f"0 {i}", n, n) for i, n in enumerate(names)})
    monkeypatch.setattr(openclipart, "MOST", 16)
    monkeypatch.setattr(packaged, "fetch_package", lambda name, folder: tmp_path)
    found = prepare("openclipart", tmp_path / "data")
    assert found.name == "debian:openclipart"
    assert "openclipart-svg (Debian)" in found.sentence and "public domain" in found.sentence
    source = open_source(found.name, split="validation", image_size=32, data_dir=tmp_path / "data")
    assert source.fields["image"].shape == (32, 32, 3) and source.fields["image"].mean
    assert source[0]["text"].endswith("painter") and source.class_names == ("food",)
    assert set(source[0]) == {"image", "text", "label"}
    assert list(groups_of(source)) == [example["text"] for example in source]  # as titles are here
    assert "already prepared" in prepare("debian:openclipart", tmp_path / "data").sentence


def test_an_interrupted_rendering_leaves_nothing(small, tmp_path, monkeypatch):
    def cut_off(content):
        raise KeyboardInterrupt

    write(tmp_path, {"food/a.svg": svg("0 1")})
    monkeypatch.setattr(packaged, "fetch_package", lambda name, folder: tmp_path)
    monkeypatch.setattr(openclipart, "renderer", lambda: cut_off)
    with pytest.raises(KeyboardInterrupt):
        prepare("openclipart", tmp_path / "data")
    left = [path.name for path in (tmp_path / "data" / "debian").iterdir()]
    assert left == [".openclipart.lock"]


def test_without_the_renderer_nothing_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    monkeypatch.setattr(packaged, "fetch_package", None)
    with pytest.raises(UserError, match=r"'cairosvg'.*pip install -e '.\[svg\]'"):
        prepare("openclipart", tmp_path)


def test_without_the_package(small, tmp_path, monkeypatch):
    def refuse(name, folder):
        raise Unavailable("apt-get is not on this machine")

    monkeypatch.setattr(packaged, "fetch_package", refuse)
    with pytest.raises(UserError, match=r"openclipart-svg \(apt-get is not on this machine\)"):
        prepare("openclipart", tmp_path)
    with pytest.raises(UserError, match="is not prepared in .* data prepare debian:openclipart"):
        open_source("debian:openclipart", data_dir=tmp_path)


def test_a_drawing_is_rendered_on_white():
    pytest.importorskip("cairosvg")
    square = '<svg xmlns="http://www.w3.org/2000/svg" width="10cm" height="5cm">{}</svg>'
    content = square.format('<rect width="50%" height="100%" style="fill:#ff0000"/>').encode()
    image = openclipart.renderer()(content)
    assert image.shape == (64, 64, 3) and image[0, 0].tolist() == [255, 255, 255]
    assert image[32, 8].tolist() == [255, 0, 0] and image[32, 56].tolist() == [255, 255, 255]
