"""What an evaluation is shown: whole images, of the size of training, of any source and split."""

import types

import jax
import numpy as np
import pytest
from PIL import Image

from ssljax.data import images
from ssljax.errors import UserError
from ssljax.evaluation import input_features, protocol, table
from ssljax.training import evaluate
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.config import complete
from ssljax.training.data_record import DataRecord
from ssljax.training.experiment import Experiment, build
from ssljax.training.tree_paths import named_leaves
from tests.objectives.cases import config_of

STATE = types.SimpleNamespace(step=0, params=None, objective_state=None)


@pytest.fixture(autouse=True)
def no_linear_probe(monkeypatch, tmp_path):
    """The probe has tests of its own, and takes seconds; what stands for it is not remembered."""
    monkeypatch.setenv("SSLJAX_DATA_DIR", str(tmp_path / "data"))
    outcome = {"accuracy": 0.5, "predictions": 0, "at_edge": False, "converged": True}
    monkeypatch.setattr(protocol, "linear_probe", lambda *args, **kept: dict(outcome))


@pytest.fixture
def by_pixels(monkeypatch):
    """The encoder of every experiment gives the pixels: nothing is compiled."""
    monkeypatch.setattr(Experiment, "init", lambda self: STATE)
    monkeypatch.setattr(Experiment, "embed", lambda self, params, memory, batch: _seen(batch))
    monkeypatch.setattr(Experiment, "put", lambda self, batch: batch)
    return complete(config_of("simclr"))


def _seen(batch):
    SHAPES.add(batch["image"].shape[1:])
    return input_features(batch)


SHAPES: set = set()


def _full(config):
    SHAPES.clear()
    lines = []
    result = evaluate.full_evaluation(build(config), STATE, say=lines.append)
    return result, table(result)


def _striped(count, height, width, seed):
    """Images of four classes that differ in the left sixth alone."""
    labels = np.arange(count) % 4
    images = np.full((count, height, width, 3), 128, np.uint8)
    images[:, :, : width // 6] = np.array([0, 80, 160, 240], np.uint8)[labels][:, None, None, None]
    noise = np.random.default_rng(seed).integers(-9, 9, images.shape)
    return (images + noise).clip(0, 255).astype(np.uint8), labels


@pytest.mark.parametrize("test_size", [(16, 48), (32, 96)])
def test_wide_images_are_seen_whole(by_pixels, tmp_path, test_size):
    config = by_pixels
    for name, size, count in (("train", (16, 48), 80), ("test", test_size, 40)):
        images, labels = _striped(count, *size, seed=count)
        np.savez(tmp_path / f"{name}.npz", image=images, label=labels)
    config.data.source = f"npz:{tmp_path}"
    result, _ = _full(config)
    assert SHAPES == {(16, 48, 3)}
    assert result["raw_input"]["knn"]["accuracy"] == 1
    scores = evaluate.quick_evaluation(build(config), STATE)
    assert scores["knn"] == 1


@pytest.mark.parametrize("stored", ["of mixed sizes", "of another size"])
def test_quick_evaluations_of_images_of_other_sizes(by_pixels, tmp_path, stored):
    config = by_pixels
    for number in range(36):
        size = (20 + number, 50 - number) if stored == "of mixed sizes" else (20, 30)
        green = number % 2
        path = tmp_path / f"{'green' if green else 'blue'}/{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", size, (number, 190 * green, 190 - 190 * green)).save(path)
    config.data.update({"source": f"folder:{tmp_path}", "image_size": 16})
    config.evaluation.knn_k = 3
    experiment = build(config)
    SHAPES.clear()
    scores = evaluate.quick_evaluation(experiment, STATE)
    assert SHAPES == {(16, 16, 3)} and scores["knn"] == 1
    result, text = _full(config)
    assert result["data"]["test"] == "20% of train, held out"
    assert "pretraining saw the held-out examples too" in text
    assert result["raw_input"]["knn"]["accuracy"] == 1


@pytest.mark.parametrize(
    ("labelled", "tested"),
    [
        ({"train", "test"}, "test"),
        ({"train"}, "20% of train, held out"),
        ({"test"}, "20% of test, held out"),
        (set(), None),
    ],
)
def test_labels_of_one_split_suffice(by_pixels, tmp_path, labelled, tested):
    config = by_pixels
    for name, count in (("train", 80), ("test", 40)):
        images, labels = _striped(count, 8, 12, seed=count)
        kept = {"label": labels} if name in labelled else {}
        np.savez(tmp_path / f"{name}.npz", image=images, **kept)
    config.data.source = f"npz:{tmp_path}"
    result, text = _full(config)
    assert result["data"]["test"] == tested
    assert ("knn" in result["pretrained"]) == bool(labelled)
    assert ("no labels" in text) == (not labelled)
    assert result["pretrained"]["collapse"]["rankme"] > 1


def test_data_that_changed_since_training_are_told(by_pixels):
    experiment = build(by_pixels)
    then = DataRecord({"source": experiment.source.fingerprint()}, None)
    changed = DataRecord({"source": then.fingerprint["source"] | {"content": "other"}}, None)
    told = [
        "has changed since the run was trained on it"
        in str(evaluate.full_evaluation(experiment, STATE, record=record, say=lambda line: None))
        for record in (None, then, changed)
    ]
    assert told == [False, False, True]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"knn_k": 0}, "config.evaluation.knn_k=0; it must be at least 1"),
        ({"knn_temperature": 0.0}, "config.evaluation.knn_temperature=0.0; it must be above 0"),
        ({"batch_size": 0}, "config.evaluation.batch_size=0; it must be at least 1"),
        ({"source": "npz:/nowhere"}, "/nowhere"),
        ({"train_split": "tarin"}, "no split 'tarin'; it has: test, train"),
        ({"test_split": "val"}, "no split 'val'; it has: test, train"),
    ],
)
def test_what_an_evaluation_lacks_is_told_before_training(changes, message):
    config = complete(config_of("simclr"))
    config.evaluation.update(changes)
    with pytest.raises(UserError, match=message):
        evaluate.require_evaluable(build(config), final=True)


def test_images_of_other_channels_or_sizes_than_the_encoder_takes(tmp_path):
    config = complete(config_of("mae"))
    np.savez(tmp_path / "color.npz", image=np.zeros((40, 8, 8, 3), np.uint8))
    config.evaluation.source = f"npz:{tmp_path}/color.npz"
    with pytest.raises(UserError, match="have 3 channels, those .* trained on have 1"):
        evaluate.require_evaluable(build(config), final=False)
    np.savez(tmp_path / "odd.npz", image=np.zeros((40, 8, 9, 1), np.uint8))
    config.evaluation.source, config.data.source = "", f"npz:{tmp_path}/odd.npz"
    with pytest.raises(UserError, match="whole examples, of 8x9x1, .* choose another"):
        evaluate.require_evaluable(build(config), final=False)


@pytest.mark.parametrize("mesh", [{"fsdp": 8}, {"data": 2, "fsdp": 2, "tensor": 2}])
def test_a_run_is_evaluated_on_other_devices_than_it_was_trained_on(mesh, tmp_path):
    config = complete(config_of("mae"))
    config.mesh.update({"fsdp_min_size": 16, **mesh})
    config.sharding_rules = (("encoder/patch_embed/linear/kernel$", (None, "fsdp")),)
    trained = build(config)
    state = trained.init()
    checkpoints = Checkpointer(tmp_path, keep_last=1)
    moments = {"of an older version": jax.numpy.zeros(3)}
    checkpoints.save(0, state.replace(opt_state=moments), meta={}, wait=True)
    checkpoints.close()
    three = jax.devices()[:3]  # of which 32 examples are no multiple
    inputs = trained.objective.run.spec
    experiment = evaluate.build_for_evaluation(config, inputs, devices=three)
    assert experiment.mesh.size == 3 and experiment.source is None
    restored = evaluate.restore_for_evaluation(experiment, tmp_path, None)
    found = named_leaves(restored)
    assert all(leaf.sharding.device_set == {*three} for leaf in found.values())
    for path, leaf in named_leaves(state.replace(opt_state=None)).items():
        np.testing.assert_array_equal(np.asarray(leaf), np.asarray(found[path]), err_msg=path)
    if mesh == {"fsdp": 8}:
        scores = evaluate.quick_evaluation(experiment, restored)
        result = evaluate.full_evaluation(experiment, restored, say=lambda line: None)
        assert 0.2 < scores["knn"] <= 1
        assert result["pretrained"]["knn"] == result["random_init"]["knn"]


@pytest.mark.parametrize(("dtype", "channels"), [("uint16", 1), ("float32", 5)])
def test_images_of_all_types_are_resized_and_cropped(dtype, channels, tmp_path):
    ramp = np.linspace(0.2, 0.9, 20)[None, None, :, None] * np.ones((40, 16, 1, channels))
    pixels = ramp * np.random.default_rng(0).uniform(0.5, 1.0, (40, 1, 1, channels))
    pixels = pixels.astype(np.float32)
    if dtype == "uint16":
        pixels = np.rint(pixels * 65_535).astype(np.uint16)
    np.savez(tmp_path / "x.npz", image=pixels, label=np.arange(40) % 2)
    config = config_of("simclr").to_dict()
    config["objective"] |= {"views": {"crop": {"count": 2, "crop_scale": (0.3, 1.0)}}}
    config["data"] |= {"source": f"npz:{tmp_path / 'x.npz'}", "image_size": (8, 12)}
    config["evaluation"] = {"resize": 12, "size": 8, "knn_k": 5, "batch_size": 16}
    experiment = build(complete(config))
    evaluate.require_evaluable(experiment, final=True)
    state = experiment.init()
    (found, *_) = evaluate._batches(experiment, experiment.source, labels=True)
    expected = np.stack([images.resize_and_crop(image, 8, 12) for image in pixels[:16]])
    assert found["image"].dtype == dtype and found["image"].shape == (16, 8, 8, channels)
    np.testing.assert_array_equal(found["image"], expected)
    features = evaluate._embed(experiment, state)(found)
    assert np.isfinite(features).all() and np.std(np.asarray(features), axis=0).max() > 0
    result = evaluate.full_evaluation(experiment, state, say=lambda line: None)
    assert 0 <= result["pretrained"]["knn"]["accuracy"] <= 1
