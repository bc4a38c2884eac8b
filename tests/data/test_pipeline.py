import json
import pickle
import threading
import time

import numpy as np
import pytest

from ssljax.data import Pipeline, epoch, open_source
from ssljax.errors import UserError
from tests.data.conftest import picture


def assert_equal(one, two):
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].dtype == two[name].dtype
        np.testing.assert_array_equal(one[name], two[name])


@pytest.fixture
def mixed(tmp_path):
    """Twenty images, each of its own size."""
    for number in range(20):
        picture(number, 20 + number, 50 - number).save(tmp_path / f"{number:02}.png")
    return open_source(f"folder:{tmp_path}")


@pytest.fixture(params=["arrays", "random crop", "centre crop"])
def pipeline(request, digits, mixed):
    """Both ways of making batches: rows of arrays, and example by example."""
    if request.param == "arrays":
        return Pipeline(digits, seed=3, batch_size=16, labels=True)
    crop = (0.3, 1.0) if request.param == "random crop" else None
    return Pipeline(mixed, seed=3, batch_size=8, image_size=16, host_crop=crop)


KEPT = ("source", "seed", "batch_size", "image_size", "host_crop", "labels")


def with_hosts(pipeline, count):
    keep = {name: getattr(pipeline, name) for name in KEPT}
    size = pipeline.batch_size // count
    return [Pipeline(**keep, rows=range(i * size, (i + 1) * size)) for i in range(count)]


def test_a_batch_has_the_promised_form(digits):
    batch = Pipeline(digits, seed=0, batch_size=12, labels=True).batch(5)
    assert {k: (v.shape, str(v.dtype)) for k, v in batch.items()} == {
        "image": ((12, 8, 8, 1), "uint8"),
        "id": ((12,), "int32"),
        "label": ((12,), "int32"),
    }
    assert "label" not in Pipeline(digits, seed=0, batch_size=12).batch(5)


def test_ids_name_the_examples(digits):
    pipeline = Pipeline(digits, seed=0, batch_size=12, labels=True)
    batch = pipeline.batch(7)
    np.testing.assert_array_equal(batch["id"], pipeline.ids(7))
    for row, number in enumerate(batch["id"]):
        np.testing.assert_array_equal(batch["image"][row], digits[number]["image"])
        assert batch["label"][row] == digits[number]["label"]


def test_a_batch_is_a_function_of_its_number(pipeline):
    again = with_hosts(pipeline, 1)[0]
    for step in (9, 0, 1000, 9):
        assert_equal(pipeline.batch(step), again.batch(step))
    assert (pipeline.batch(9)["image"] != pipeline.batch(10)["image"]).any()


def test_the_seed_decides(digits):
    orders = [Pipeline(digits, seed=s, batch_size=64).ids(0).tolist() for s in range(3)]
    assert orders[0] != orders[1] != orders[2] != orders[0]


@pytest.mark.parametrize("hosts", [2, 4])
def test_the_global_batch_does_not_depend_on_the_hosts(pipeline, hosts):
    for step in (0, 11, 500):
        parts = [host.batch(step) for host in with_hosts(pipeline, hosts)]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        assert_equal(joined, pipeline.batch(step))


@pytest.mark.parametrize("start", [0, 7])
def test_iterating_resumes_at_any_step(pipeline, start):
    batches = list(pipeline.iterate(start, start + 6))
    assert len(batches) == 6
    for step, batch in enumerate(batches, start):
        assert_equal(batch, pipeline.batch(step))


def test_a_host_whose_rows_do_not_follow_one_another(pipeline):
    rows = np.array([0, 1, 6, 7])
    keep = {name: getattr(pipeline, name) for name in KEPT}
    host = Pipeline(**keep, rows=rows)
    for step, batch in enumerate(host.iterate(4, 7), 4):
        whole = pipeline.batch(step)
        assert_equal(batch, {name: whole[name][rows] for name in whole})


def test_iterating_on_a_second_host(pipeline):
    host = with_hosts(pipeline, 2)[1]
    for step, batch in enumerate(host.iterate(4, 7), 4):
        assert_equal(batch, host.batch(step))


def test_every_epoch_sees_every_image_once_and_drops_none(digits):
    pipeline = Pipeline(digits, seed=1, batch_size=100)  # 1438 images: batches cross the epochs
    ids = np.concatenate([pipeline.ids(step) for step in range(60)])
    for number in range(4):
        epoch_ids = ids[number * 1438 : (number + 1) * 1438]
        assert sorted(epoch_ids.tolist()) == list(range(1438))
    assert (ids[:1438] != ids[1438 : 2 * 1438]).mean() > 0.99


def grain_threads():
    return [t for t in threading.enumerate() if t.name.startswith("grain")]


def test_closing_ends_the_threads(pipeline):
    def none_left():
        deadline = time.monotonic() + 5
        while grain_threads() and time.monotonic() < deadline:
            time.sleep(0.01)
        return not grain_threads()

    assert none_left()
    batches = pipeline.iterate(0)  # endless
    next(batches)
    assert grain_threads()
    batches.close()
    assert none_left()
    assert len(list(pipeline.iterate(0, 3))) == 3
    assert none_left()
    assert len(list(epoch(pipeline.source, 8, 16))) > 0
    assert none_left()


def test_random_crops_differ_by_visit_and_centre_crops_do_not(mixed):
    def first_sight_and_second(host_crop):
        pipeline = Pipeline(mixed, seed=0, batch_size=20, image_size=16, host_crop=host_crop)
        return [b["image"][np.argsort(b["id"])] for b in (pipeline.batch(0), pipeline.batch(1))]

    one, two = first_sight_and_second((0.3, 1.0))
    assert (one != two).any(axis=(1, 2, 3)).all()
    one, two = first_sight_and_second(None)
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, next(epoch(mixed, 20, 16))["image"])


def test_a_resized_source_is_still_cropped_from_all_its_pixels(mixed, tmp_path):
    square = open_source(mixed.name, image_size=16)
    for size in (None, 16):
        one = Pipeline(square, seed=0, batch_size=8, image_size=size)
        assert_equal(one.batch(2), Pipeline(mixed, seed=0, batch_size=8, image_size=16).batch(2))
    centre = Pipeline(square, seed=0, batch_size=8, host_crop=None).batch(2)
    np.testing.assert_array_equal(centre["image"][0], square[centre["id"][0]]["image"])


def test_worker_processes_give_the_same_batches(mixed):
    threads = Pipeline(mixed, seed=0, batch_size=4, image_size=8)
    processes = Pipeline(mixed, seed=0, batch_size=4, image_size=8, workers=2)
    for step, batch in enumerate(processes.iterate(1, 4), 1):
        assert_equal(batch, threads.batch(step))


def test_sources_travel_to_processes(mixed, fashion_mnist_dir):
    records = open_source(
        "tfds:fashion_mnist", split="test", data_dir=fashion_mnist_dir, memory_limit=0
    )
    for source in (mixed, records):
        source[1]  # opens its files
        copy = pickle.loads(pickle.dumps(source))
        np.testing.assert_array_equal(copy[1]["image"], source[1]["image"])


# --- one pass in order ----------------------------------------------------------------------------


@pytest.mark.parametrize("image_size", [None, 5])
@pytest.mark.parametrize("hosts", [1, 2])
def test_an_epoch_is_in_order_and_padded(digits, image_size, hosts):
    parts = [
        list(epoch(digits, 100, image_size, labels=True, rows=rows))
        for rows in np.split(np.arange(100), hosts)
    ]
    batches = [
        {name: np.concatenate([p[name] for p in at_once]) for name in at_once[0]}
        for at_once in zip(*parts, strict=True)
    ]
    assert len(batches) == 15 and all(len(b["id"]) == 100 for b in batches)
    valid = np.concatenate([b["valid"] for b in batches])
    assert valid.dtype == bool and valid.sum() == 1438 and valid[:1438].all()
    assert np.concatenate([b["id"] for b in batches])[valid].tolist() == list(range(1438))
    np.testing.assert_array_equal(
        np.concatenate([b["label"] for b in batches])[valid], digits.arrays["label"]
    )
    side = image_size or 8
    assert batches[0]["image"].shape == (100, side, side, 1)


def test_fashion_mnist_in_one_epoch(fashion_mnist_dir):
    source = open_source("tfds:fashion_mnist", data_dir=fashion_mnist_dir)
    pipeline = Pipeline(source, seed=0, batch_size=256)
    seen = np.concatenate([b["id"] for b in pipeline.iterate(0, 235)])[:60_000]
    assert np.unique(seen).size == 60_000


# --- bad input ------------------------------------------------------------------------------------


def test_the_fingerprint_names_all_that_batches_depend_on(digits, mixed):
    base = Pipeline(digits, seed=0, batch_size=16).fingerprint()
    assert json.loads(json.dumps(base)) == base
    for other in (
        Pipeline(digits, seed=1, batch_size=16),
        Pipeline(digits, seed=0, batch_size=32),
        Pipeline(digits, seed=0, batch_size=16, image_size=9),
        Pipeline(open_source("sklearn:digits", split="test"), seed=0, batch_size=16),
    ):
        assert other.fingerprint() != base
    assert Pipeline(digits, seed=0, batch_size=16, rows=range(4)).fingerprint() == base


def test_images_of_one_size_are_resized_once_and_whole(digits):
    resized = open_source("sklearn:digits", image_size=4)
    assert resized.in_memory and resized.fields["image"].shape == (4, 4, 1)
    assert resized.fingerprint() != digits.fingerprint()
    one = Pipeline(digits, seed=0, batch_size=8, image_size=4, labels=True).batch(3)
    assert_equal(one, Pipeline(resized, seed=0, batch_size=8, labels=True).batch(3))
    not_kept = open_source("sklearn:digits", image_size=4, memory_limit=10_000)
    assert not not_kept.in_memory
    assert_equal(one, Pipeline(not_kept, seed=0, batch_size=8, labels=True).batch(3))
    assert one["label"][0] == digits[one["id"][0]]["label"]


def test_settings_that_do_not_fit(digits, mixed):
    for options, message in (
        ({"batch_size": 2000}, "batch_size is 2000 but sklearn:digits has only 1438 examples"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"batch_size": 10, "host_crop": (0.5, 2.0)}, "host_crop must be"),
        ({"batch_size": 10, "image_size": -3}, "image_size must be at least 1, got -3"),
    ):
        with pytest.raises(UserError, match=message):
            Pipeline(digits, seed=0, **options)
    for rows in ([], [3, 2], [0, 10], [-1, 2]):
        with pytest.raises(ValueError, match="rows must be ascending numbers from 0 to 9"):
            Pipeline(digits, seed=0, batch_size=10, rows=rows)
    with pytest.raises(UserError, match="differ in size: set image_size"):
        Pipeline(mixed, seed=0, batch_size=4)
    with pytest.raises(UserError, match="differ in size: set image_size"):
        epoch(mixed, 4)
    with pytest.raises(UserError, match="has no labels in 'train'"):
        Pipeline(mixed, seed=0, batch_size=4, image_size=8, labels=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: {**e, "image": e["image"] / 255}, "uint8 .* a source gave float64"),
        (lambda e: {**e, "label": 2**31}, r"less than 2\*\*31"),
        (lambda e: {**e, "label": -1}, "'label' must be integers from 0"),
    ],
)
def test_a_source_that_gives_something_else_is_named(digits, change, message, monkeypatch):
    monkeypatch.setattr(digits, "gather", lambda ids: change(digits[0]))
    with pytest.raises(UserError, match=message):
        Pipeline(digits, seed=0, batch_size=4, labels=True).batch(0)


def test_damage_met_in_the_background_is_told_in_one_line(class_folder):
    source = open_source(f"folder:{class_folder}", memory_limit=0)
    (class_folder / "train/ant/3.png").write_bytes(b"overwritten meanwhile")
    with pytest.raises(UserError, match="cannot decode ant/3.png"):
        list(Pipeline(source, seed=0, batch_size=5, image_size=8).iterate(0, 2))
