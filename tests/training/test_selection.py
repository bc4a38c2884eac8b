"""Parts of a training split: what is held out, and what few labels are drawn."""

import dataclasses

import numpy as np
import pytest

from ssljax.data import open_source
from ssljax.errors import UserError
from ssljax.evaluation.few_labels import draw, draw_of_each
from ssljax.training.config import default_config
from ssljax.training.experiment import build
from ssljax.training.selection import classes_of, parts_of


def data_of(**keys):
    data = default_config().data
    data.update({"labels": True, **keys})
    return data


@pytest.fixture(scope="module")
def digits():
    return open_source("sklearn:digits")


def test_all_of_it_is_the_source_itself(digits):
    assert parts_of(digits, data_of()) == (digits, digits, None)


def test_examples_of_each_class_are_those_of_the_probe(digits):
    labels = classes_of(digits)
    for seed in (0, 1):
        train = parts_of(digits, data_of(per_class=2, draw=seed)).train
        assert np.bincount(classes_of(train)).tolist() == [2] * 10
        wanted = draw_of_each(labels, 2, seed)
        np.testing.assert_array_equal(train.arrays["image"], digits.arrays["image"][wanted])
    part = parts_of(digits, data_of(part=0.01)).train
    assert len(part) == 14
    np.testing.assert_array_equal(part.arrays["image"], digits.arrays["image"][draw(labels, 14, 0)])
    assert parts_of(digits, data_of(part=0.0001)).train.fingerprint() != part.fingerprint()
    assert len(parts_of(digits, data_of(part=0.0001)).train) == 10  # one of each class


def test_draws_of_equal_classes_agree():
    labels = np.repeat(np.arange(3), 5)
    np.testing.assert_array_equal(draw_of_each(labels, 2, 7), draw(labels, 6, 7))
    with pytest.raises(UserError, match="class 2 has 5"):
        draw_of_each(np.append(labels, [0, 1]), 6, 0)


def test_what_is_held_out_is_not_trained_on_and_the_same_for_all_draws(digits):
    one = parts_of(digits, data_of(held_out=0.1, per_class=3, draw=0))
    two = parts_of(digits, data_of(held_out=0.1))
    assert one.held_out.fingerprint() == two.held_out.fingerprint()
    assert len(two.held_out) + len(two.train) == len(digits)
    held = {image.tobytes() for image in two.held_out.arrays["image"]}
    assert not held & {image.tobytes() for image in one.train.arrays["image"]}
    assert np.bincount(classes_of(two.held_out)).min() >= 13


def test_a_batch_may_hold_few_examples_several_times():
    config = default_config()
    config.data.update({"source": "sklearn:digits", "labels": True, "per_class": 1})
    config.batch_size, config.objective = 16, {"name": "supervised"}
    experiment = build(config)
    ids = [set(experiment.pipeline().batch(step)["id"].tolist()) for step in range(3)]
    assert ids[0] == set(range(10)) and len(experiment.source) == 10
    # They are normalised as all images are.
    config.data.per_class = 0
    whole = build(config).objective.run.spec
    assert experiment.objective.run.spec == dataclasses.replace(whole, num_examples=10)
    config.batch_size = 2000
    with pytest.raises(UserError, match="only 1438 examples"):
        build(config)


def test_numbers_to_regress_are_drawn_without_classes(tmp_path):
    np.savez(tmp_path / "x.npz", table=np.zeros((40, 2)), label=np.arange(40) / 2)
    source = open_source(f"npz:{tmp_path / 'x.npz'}")
    assert len(parts_of(source, data_of(part=0.25)).train) == 10
    assert len(parts_of(source, data_of(held_out=0.25)).held_out) == 10
    with pytest.raises(UserError, match="no classes in 'train'; set config.data.part"):
        parts_of(source, data_of(per_class=1))


def test_both_kinds_of_part_are_refused(digits):
    with pytest.raises(UserError, match="both choose examples"):
        parts_of(digits, data_of(per_class=1, part=0.5))


def test_batches_of_a_run_hold_several_examples_of_each_label():
    config = default_config()
    config.batch_size = 16
    config.data.update({"labels": True, "per_label": 4})
    config.objective = {"name": "supcon", "views": {"crop": {"count": 2, "size": 8}}}
    config.encoder = {"name": "resnet", "stage_sizes": (1,), "width": 4, "stem": "small"}
    batch = build(config).pipeline().batch(5)
    assert np.unique(batch["label"], return_counts=True)[1].tolist() == [4] * 4
    config.data.per_label = 5
    with pytest.raises(UserError, match="per_label=5 must divide batch_size=16"):
        build(config).pipeline()
