"""Retrieval and zero-shot classification, by hand and against loops."""

import dataclasses
import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from ssljax.errors import UserError
from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.protocols.retrieval import chance_of, places
from ssljax.evaluation.protocols.zero_shot import mean_over_classes
from ssljax.evaluation.subject import Examples, NotMeasured, Subject
from ssljax.spec import Field, Value

IMAGE, TEXT = Field("image", (1, 1, 2), "uint8"), Field("text", (3,), "int32", vocab=9, ragged=True)
WAYS = ("image to text", "text to image")
OUTPUTS = {"": (2,), "projected/image": (2,), "projected/text": (2,)}
# Of three classes, at 0, 90 and 180 degrees, and where images and texts of four examples lie.
ANGLES = {"cat": 0, "big dog": 90, "owl": 180}
IMAGES, TEXTS = [5, 85, 170, 100], [0, 90, 180, 0]
LABELS = np.array([0, 1, 2, 2])


def vectors(degrees):
    return 3 * np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def subject(
    *,
    text=True,
    labels=LABELS,
    names=("cat", "big_dog", "owl"),
    captions=(1, 2, 3, 1),
    images=range(4),
):
    """Features of unit length are what objectives give; these are three times as long."""
    ids = np.array([[one, one, 7 + i] for i, one in enumerate(captions)], np.int32)
    segments = np.broadcast_to(np.array([1, 1, 0], np.int32), ids.shape)  # the last id is padding

    def read(part, order=None, batch_size=0, shorter=0, size=0, also=()):
        shown = np.zeros((4, 1, 1, 2), np.uint8) + np.array(images, np.uint8)[:, None, None, None]
        batch = {"image": shown, "id": np.arange(4)}
        if "text" in also:
            batch["text"] = Value(ids, segments)
        yield batch | {"valid": np.ones(4, bool)}

    def encode(batch, output, transform, seed):
        assert output != "projected/text" or "text" in batch
        return jnp.asarray(vectors(TEXTS if output == "projected/text" else IMAGES)) / 3

    def given(output, examples):
        assert output == "projected/text" and set(examples) == {"text"}
        return vectors([_angle(prompt) for prompt in examples["text"]]).astype(np.float32)

    examples = Examples(
        {"image": IMAGE},
        {"train": 4, "test": 4},
        read,
        lambda part: labels,
        further={"text": TEXT} if text else {},
        class_names=names,
    )
    fields = {"image": IMAGE, "text": TEXT}
    return Subject("pretrained", examples, encode, OUTPUTS, given=given, fields=fields)


def _angle(prompt):
    """A template turns the classes: by 50 degrees to the left or to the right."""
    turn = {"left ": 50, "right ": -50}.get(prompt.partition("|")[0], 0)
    return ANGLES[prompt.rpartition("|")[2]] + turn


def test_retrieval_by_hand():
    """Texts at 0, 90, 180 and 0 degrees; the first and the last are the same, word by word.

    Image 0 at 5 and image 1 at 85 find theirs first. So does image 2 at 170. Image 3 at 100 is
    closer to 90 and 180 than to its own at 0, which is the third of three. Each of the three texts
    is closest to an image of its own: the first to image 0.
    """
    found = build_protocol("retrieval", {"ranks": (1, 2, 3)}).measure(subject())
    values = {name: one["value"] for name, one in found["numbers"].items()}
    assert values == {
        **{f"image to text R@{k}": v for k, v in ((1, 0.75), (2, 0.75), (3, 1.0))},
        **{f"text to image R@{k}": v for k, v in ((1, 1.0), (2, 1.0), (3, 1.0))},
    }
    assert [found["numbers"][f"{way} R@1"]["examples"] for way in WAYS] == [4, 3]
    # One of three texts is right; a text has two of four images, 1 - C(2, k) / C(4, k), or one.
    chance = [found["chance"][f"{way} R@{k}"] for way in WAYS for k in (1, 2)]
    np.testing.assert_allclose(chance, [1 / 3, 2 / 3, 1 / 3, (1 - 1 / 6 + 2 / 4 + 2 / 4) / 3])
    said = "4 examples of 3 different texts; chance: image to text R@1 33.3%, "
    assert found["notes"][0].startswith(said)


def test_the_words_and_not_the_padding_make_texts_the_same():
    apart = build_protocol("retrieval", {}).measure(subject(captions=(1, 2, 3, 4)))
    values = {name: one["value"] for name, one in apart["numbers"].items()}
    # The twins are as similar as each other's partner, and so stand before it.
    assert values["image to text R@1"] == 0.5 and values["text to image R@1"] == 0.75
    np.testing.assert_allclose([apart["chance"][f"{way} R@1"] for way in WAYS], 0.25)
    with pytest.raises(NotMeasured, match="all test examples have the same text"):
        build_protocol("retrieval", {}).measure(subject(captions=(1, 1, 1, 1)))


def test_an_image_of_several_examples_counts_once():
    """Images 0 and 3 are the same, at 5 degrees; their texts are both at 0, and not the same.

    So each of three images is closest to a text of its own, and each of four texts to its image.
    Of the texts, two share their image: they are resampled together.
    """
    alike = subject(captions=(1, 2, 3, 4), images=(0, 1, 2, 0))
    found = build_protocol("retrieval", {"ranks": (1,)}).measure(alike)
    there, back = (found["numbers"][f"{way} R@1"] for way in WAYS)
    assert (there["value"], there["examples"]) == (1.0, 3) and "resamples" not in there
    assert (back["value"], back["examples"]) == (1.0, 4) and len(back["resamples"]) == 200
    np.testing.assert_allclose(
        [found["chance"][f"{way} R@1"] for way in WAYS], [(2 / 4 + 1 / 4 + 1 / 4) / 3, 1 / 3]
    )
    assert found["notes"][0].startswith("4 examples of 3 different images and 4 different texts")


def test_the_fields_that_are_compared_may_be_chosen():
    both = build_protocol("retrieval", {"fields": ("text", "image"), "ranks": (1,)})
    assert list(both.measure(subject())["numbers"]) == [f"{way} R@1" for way in reversed(WAYS)]
    with pytest.raises(UserError, match="unknown field of retrieval.fields 'audio'"):
        build_protocol("retrieval", {"fields": ("audio", "image")}).measure(subject())
    with pytest.raises(UserError, match="must name two fields"):
        build_protocol("retrieval", {"fields": ("image",)}).measure(subject())


def test_places_against_loops():
    rng = np.random.default_rng(0)
    queries, keys = rng.integers(-2, 3, (30, 3)), rng.integers(-2, 3, (20, 3))  # many ties
    of_keys = rng.permutation(np.arange(20) % 12)
    of_queries = rng.integers(0, 12, 30)
    expected = []
    for i in range(30):
        scores = [queries[i] @ keys[j] for j in range(20)]
        best = max(scores[j] for j in range(20) if of_keys[j] == of_queries[i])
        wrong = [j for j in range(20) if of_keys[j] != of_queries[i] and scores[j] >= best]
        expected.append(len(wrong))
    partners = np.argwhere(of_queries[:, None] == of_keys)
    found = places(queries.astype(float), keys.astype(float), partners)
    np.testing.assert_array_equal(found, expected)
    alike = places(np.ones((5, 2)), np.ones((5, 2)), np.repeat(np.arange(5), 2).reshape(5, 2))
    np.testing.assert_array_equal(alike, 4)  # collapsed features find nothing


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_chance_is_that_of_all_orders(k):
    """Four candidates, and queries of two and of one partner among them."""
    orders = list(itertools.permutations(range(4)))
    found = [np.mean([any(one < m for one in order[:k]) for order in orders]) for m in (2, 1)]
    np.testing.assert_allclose(chance_of(np.array([2, 1]), 4, k), np.mean(found))


def test_zero_shot_by_hand():
    """Images at 5, 85, 170 and 100 degrees, of the classes at 0, 90, 180 and 180."""
    found = build_protocol("zero_shot", {}).measure(subject())
    assert found["numbers"]["accuracy"]["value"] == 0.75
    np.testing.assert_allclose([found["chance"], found["most_frequent"]], [1 / 3, 0.5])
    assert found["templates"] == ["{}"]
    # Classes 0 and 1 are right, of the two examples of class 2 one is.
    values = [one["value"] for one in found["numbers"].values()]
    np.testing.assert_allclose(values, [3 / 4, (1 + 1 + 1 / 2) / 3, 2 / 4])
    assert "the most frequent one of test is 'owl'" in found["notes"][0]


def test_the_mean_over_classes_counts_each_class_once():
    """90 of 100 examples are of one class: to name it always is right in 90%, or in one of two."""
    labels = np.repeat([0, 3], [90, 10])
    assert mean_over_classes(labels == 0, labels) == 0.5
    rng = np.random.default_rng(0)
    labels, right = rng.integers(0, 7, 60), rng.random(60) < 0.4
    found = mean_over_classes(right, labels)
    expected = [right[labels == one].mean() for one in range(7)]
    np.testing.assert_allclose(found, np.mean(expected))
    truth = np.where(right, labels, (labels + 1) % 7)
    np.testing.assert_allclose(balanced_accuracy_score(labels, truth), found)


@pytest.mark.parametrize(
    ("lines", "right", "templates"),
    [
        ("left |{}", 0.25, ["left |{}"]),
        ("left |{}\n\nright |{}\n", 0.75, ["left |{}", "right |{}"]),
    ],
)
def test_an_ensemble_of_templates_is_the_mean_of_unit_vectors(tmp_path, lines, right, templates):
    """Turned by 50 to the left, classes are at 50, 140 and 230: of the images at 5, 85, 170 and 100
    that of class 0 is right alone; turned both ways the mean is as without a template."""
    path = tmp_path / "templates.txt"
    path.write_text(lines)
    found = build_protocol("zero_shot", {"templates": str(path)}).measure(subject())
    assert found["numbers"]["accuracy"]["value"] == right
    assert found["templates"] == templates


def test_names_may_come_from_a_file(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("owl\nbig dog\ncat\n")
    found = build_protocol("zero_shot", {"names": str(path)}).measure(subject(names=None))
    assert found["numbers"]["accuracy"]["value"] == 0.25


@pytest.mark.parametrize(
    ("settings", "content", "options", "said"),
    [
        (
            {},
            "",
            {"names": None},
            "do not name their classes; set config.evaluation.protocols.zero",
        ),
        ({}, "", {"names": ("cat",)}, "the data names 1 classes, and labels go up to 2"),
        ({"templates": "FILE"}, "a photo\n", {}, "template 'a photo' has no {} where the name"),
        ({"templates": "FILE"}, "\n \n", {}, "zero_shot.templates='.*': the file has no line"),
        ({"templates": "none.txt"}, "", {}, "zero_shot.templates='none.txt': .*No such file"),
        ({"names": "FILE"}, "cat\n", {}, "names 1 classes, and labels go up to 2"),
    ],
)
def test_bad_settings_are_named(tmp_path, settings, content, options, said):
    path = tmp_path / "lines.txt"
    path.write_text(content)
    settings = {key: str(path) if one == "FILE" else one for key, one in settings.items()}
    with pytest.raises(UserError, match=said):
        build_protocol("zero_shot", settings).measure(subject(**options))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("retrieval", {"text": False}, "the data that are evaluated on have no text"),
        ("zero_shot", {"labels": None}, "one class label per test example"),
        ("zero_shot", {"labels": np.ones((4, 3), np.uint8)}, "one class label per test example"),
    ],
)
def test_what_makes_no_sense_is_not_measured(name, options, said):
    with pytest.raises(NotMeasured, match=said):
        build_protocol(name, {}).measure(subject(**options))


@pytest.mark.parametrize("name", ["retrieval", "zero_shot"])
def test_an_encoder_of_one_field_is_not_measured(name):
    one = Subject("raw_input", subject().examples, None, {"": (2,)})
    with pytest.raises(NotMeasured, match="raw input has no projected features of two fields"):
        build_protocol(name, {}).measure(one)


@pytest.mark.parametrize(("evaluated", "right"), [("audio", 0.5), ("image", 0.75)])
def test_of_several_fields_zero_shot_takes_the_evaluated_one(evaluated, right):
    """Sounds at 5, 95, 5 and 5 degrees, of the classes at 0, 90, 180 and 180."""
    one, sound = subject(text=False, labels=LABELS), Field("audio", (2,), "int16", rate=8000.0)
    outputs = {"": (2,), **{f"projected/{name}": (2,) for name in ("image", "text", "audio")}}
    given = {"image": IMAGE, "audio": sound}
    examples = dataclasses.replace(
        one.examples,
        fields={evaluated: given[evaluated]},
        further={name: field for name, field in given.items() if name != evaluated},
    )

    def encode(batch, output, transform, seed):
        return jnp.asarray(vectors({"projected/audio": [5, 95, 5, 5]}.get(output, IMAGES)))

    three = Subject(
        "pretrained", examples, encode, outputs, given=one.given, fields={**one.fields, **given}
    )
    found = build_protocol("zero_shot", {}).measure(three)
    assert found["numbers"]["accuracy"]["value"] == right
    assert found["notes"][0] == f"classes are told by {evaluated}"


def test_a_folder_of_classes_without_texts_is_enough_for_zero_shot():
    found = build_protocol("zero_shot", {}).measure(subject(text=False))
    assert found["numbers"]["accuracy"]["value"] == 0.75
