"""The field "label" of every kind: from a file to a batch, and what is refused."""

import numpy as np
import pytest

from ssljax.commands.main import main
from ssljax.data import Pipeline, epoch, measured_spec, open_source
from ssljax.data.sources.targets import as_targets, kind_of_arrays
from ssljax.errors import UserError
from ssljax.spec import LABEL, Field, Spec, target_kind
from ssljax.training.config import default_config

N = 6
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (N, 4, 4, 1), np.uint8)
ROWS = RNG.normal(size=(N, 3)).astype(np.float32)

# (array of a file, kind, what a batch of all examples holds)
CASES = {
    "class": (np.arange(N) % 3, "class", (np.arange(N) % 3).astype(np.int32)),
    "class, whole floats": (np.arange(6.0), "class", np.arange(6, dtype=np.int32)),
    "class, from 1": (1 + np.arange(N) % 3, "class", (1 + np.arange(N) % 3).astype(np.int32)),
    "several": (np.eye(N, 4, dtype=int), "multi_label", np.eye(N, 4, dtype=np.uint8)),
    "several, bool": (np.eye(N, 4, dtype=bool), "multi_label", np.eye(N, 4, dtype=np.uint8)),
    "numbers": (np.arange(N) / 2, "regression", (np.arange(N, dtype=np.float32) / 2)[:, None]),
    "whole numbers": (
        np.arange(6.0)[:, None],
        "regression",
        np.arange(6, dtype=np.float32)[:, None],
    ),
    "vectors": (ROWS.astype(np.float64)[:, :2], "regression", ROWS[:, :2]),
}


def save(tmp_path, **arrays):
    np.savez(tmp_path / "data.npz", **arrays)
    return f"npz:{tmp_path / 'data.npz'}"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("inputs", ("image", "table"))
def test_targets_of_a_file_are_shipped(tmp_path, name, inputs):
    given, kind, wanted = CASES[name]
    examples = IMAGES if inputs == "image" else ROWS
    source = open_source(save(tmp_path, **{inputs: examples, "label": given}))
    assert target_kind(source.fields["label"]) == kind
    assert source.fields["label"].shape == wanted.shape[1:]
    (batch,) = epoch(source, N, labels=True)
    np.testing.assert_array_equal(batch["label"], wanted)
    assert batch["label"].dtype == wanted.dtype
    drawn = Pipeline(source, seed=1, batch_size=4, labels=True).batch(0)
    np.testing.assert_array_equal(drawn["label"], wanted[drawn["id"]])
    assert "label" not in Pipeline(source, seed=1, batch_size=4).batch(0)
    # Only classes are what k-NN and the linear probe take for labels.
    assert (source.num_classes is None) == (kind != "class")
    if kind == "class":
        assert source.fields["label"].classes == source.num_classes == wanted.max() + 1


def test_one_split_says_what_the_others_are(tmp_path):
    name = save(
        tmp_path,
        train_image=IMAGES,
        train_label=np.arange(N) + 0.5,
        test_image=IMAGES,
        test_label=np.arange(N).astype(float),
    )
    assert target_kind(open_source(name, split="test").fields["label"]) == "regression"


def test_masks_follow_their_images(tmp_path):
    masks = np.repeat(np.repeat(np.array([[0, 1], [2, 255]], np.uint8), 2, 0), 2, 1)
    masks = np.broadcast_to(masks, (N, 4, 4))
    name = save(tmp_path, image=IMAGES, label=masks)
    source = open_source(name)
    assert source.fields["label"] == Field("label", (4, 4), "int32", classes=3)
    (batch,) = epoch(source, N, labels=True)
    np.testing.assert_array_equal(batch["label"], np.where(masks == 255, -1, masks.astype(int)))
    (small,) = epoch(source, N, 2, labels=True)
    assert small["image"].shape == (N, 2, 2, 1)
    np.testing.assert_array_equal(small["label"], np.broadcast_to([[0, 1], [2, -1]], (N, 2, 2)))
    # Of a wide crop the centre stays, of image and mask alike.
    (wide,) = epoch(source, N, (2, 4), labels=True)
    np.testing.assert_array_equal(wide["label"][0], [[0, 0, 1, 1], [2, 2, -1, -1]])
    tight = Pipeline(source, seed=0, batch_size=2, image_size=2, labels=True).batch(0)
    np.testing.assert_array_equal(tight["label"][0], [[0, 1], [2, -1]])
    one_by_one = open_source(name, memory_limit=1)
    (again,) = epoch(one_by_one, N, 2, labels=True)
    np.testing.assert_array_equal(again["label"], small["label"])


@pytest.mark.parametrize(
    ("arrays", "match"),
    (
        ({"label": np.full((N, 2), 7)}, r"there \(1\) or not \(0\); it has 7 to 7"),
        ({"label": np.array([0.5, np.nan] * 3)}, "3 of 6 examples are not .*first of example 1"),
        ({"label": np.full((N, 2), 1e300)}, "finite 32-bit numbers"),
        ({"label": np.array([0, 1, np.nan] * 2)}, "2 of 6 are NaN"),
        ({"label": np.zeros((N, 4, 5), int)}, "masks of 4x5 pixels, and the images are of 4x4"),
        ({"label": np.full((N, 4, 4), -2)}, "-1 where there is none; it has -2 to -2"),
        ({"label": np.full((N, 4, 4), 0.5)}, "must be classes, whole numbers from 0"),
        ({"label": np.zeros((N, 4, 4, 2), int)}, r"its shape is \(6, 4, 4, 2\)"),
        ({"label": np.zeros(N - 1, int)}, "one label for each of the 6 images"),
        ({"label": np.full((N, 4, 4), "a")}, "one label for each of the 6 images"),
        ({"label": np.arange(N) - 1}, "must be integers from 0"),
    ),
)
def test_bad_labels_are_refused(tmp_path, arrays, match):
    with pytest.raises(UserError, match=match):
        open_source(save(tmp_path, image=IMAGES, **arrays))


def test_kinds_must_agree():
    with pytest.raises(UserError, match="of several kinds: class, multi_label"):
        kind_of_arrays([np.zeros(3, int), np.zeros((3, 2), int)], "label")
    with pytest.raises(UserError, match="must be numbers for targets of the kind regression"):
        as_targets(np.array(["a"]), "regression", "label")


def test_a_spec_carries_targets(tmp_path):
    source = open_source(save(tmp_path, table=ROWS, label=ROWS[:, :2]))
    data = default_config().data
    assert "label" not in measured_spec(source, data).fields
    data.labels = True
    spec = measured_spec(source, data)
    label = spec.fields["label"]
    np.testing.assert_allclose(label.mean, ROWS[:, :2].mean(0), rtol=1e-5)
    np.testing.assert_allclose(label.std, ROWS[:, :2].std(0), rtol=1e-5)
    assert Spec.from_json(spec.to_json()) == spec
    assert spec.batch(5)["label"].shape == (5, 2)
    older = spec.to_json()
    del older["fields"]["label"]["classes"]  # as versions before wrote it
    assert Spec.from_json(older) == spec
    older["fields"]["label"]["classes"] = -1
    with pytest.raises(ValueError, match="label.classes is -1"):
        Spec.from_json(older)


def test_what_is_no_target():
    assert target_kind(LABEL) == "class"
    assert target_kind(Field("label", (), "float32")) == "regression"
    for field in (Field("image", (2, 2), "int32"), Field("label", (2,), "int64")):
        with pytest.raises(UserError, match="is no target"):
            target_kind(field)


def test_targets_of_a_csv_file(tmp_path):
    (tmp_path / "homes.csv").write_text("size,price,town\n1,2.5,A\n2,3,B\n3,4,A\n")
    name = f"csv:{tmp_path}/homes.csv"
    source = open_source(f"{name}?target=price")
    assert source.fields["table"].shape == (2,)
    (batch,) = epoch(source, 3, labels=True)
    np.testing.assert_array_equal(batch["label"], np.array([[2.5], [3], [4]], np.float32))
    assert open_source(f"{name}?target=price,size").fields["label"].shape == (2,)
    with pytest.raises(UserError, match="either a label.*or targets"):
        open_source(f"{name}?target=price&label=town")
    with pytest.raises(UserError, match="the target 'town' of row 1 is 'A', not a finite number"):
        open_source(f"{name}?target=town")
    with pytest.raises(UserError, match="column"):
        open_source(f"{name}?target=prize")


@pytest.mark.parametrize(
    ("label", "line"),
    (
        (np.arange(N), "classes: 6"),
        (np.eye(N, 4, dtype=int), "labels: 4, each there or not"),
        (np.arange(N) / 2, "targets: 1 to regress"),
        (np.zeros((N, 4, 4), int), "masks: each pixel of one of 1 classes"),
    ),
)
def test_show_says_what_the_labels_are(tmp_path, capsys, label, line):
    assert main(["data", "show", save(tmp_path, image=IMAGES, label=label)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == line
