import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.evaluation.gradient_probe import Schedule, linear_head, logits, train
from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.subject import NotMeasured
from tests.evaluation.protocols.subjects import subject_of


def batches_of(rows, targets, size):
    return lambda number: [
        (jnp.asarray(rows[at : at + size]), targets[at : at + size], np.ones(size, bool))
        for at in range(0, len(rows), size)
    ]


def written_out(rows, targets, size, rate, epochs, classes, seed, factor):
    """SGD with momentum on the softmax's cross entropy, in float64 and loops."""
    generator = np.random.default_rng(seed)
    weights = generator.normal(0.0, 0.01, (rows.shape[1], classes)).astype(np.float32)
    weights, bias = weights.astype(np.float64), np.zeros(classes)
    along, beside = np.zeros_like(weights), np.zeros_like(bias)
    for epoch in range(epochs):
        for step, at in enumerate(range(0, len(rows), size)):
            x, y = rows[at : at + size].astype(np.float64), targets[at : at + size]
            scores = x @ weights + bias
            p = np.exp(scores - scores.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(y)), y] -= 1
            along = 0.9 * along + x.T @ p / len(y)
            beside = 0.9 * beside + p.sum(0) / len(y)
            now = rate * factor(epoch, step * size / len(rows))
            weights, bias = weights - now * along, bias - now * beside
    return weights, bias


@pytest.fixture(scope="module")
def problem():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(24, 5)).astype(np.float32)
    return rows, generator.integers(0, 3, 24)


@pytest.mark.parametrize("by_epoch", [False, True])
def test_every_rate_is_trained_as_it_would_be_alone(problem, by_epoch):
    rows, targets = problem
    schedule = Schedule(3, by_epoch=by_epoch)
    head = linear_head((5,), 3)
    rates = np.array([0.1, 0.7])
    swept = train(head, rates, schedule, batches_of(rows, targets, 8), 3, seed=4)

    def factor(epoch, progress):
        return 0.5 * (1 + np.cos(np.pi * (epoch + (0 if by_epoch else progress)) / 3))

    for number, rate in enumerate(rates):
        weights, bias = written_out(rows, targets, 8, rate, 3, 3, 4, factor)
        np.testing.assert_allclose(swept.params["weights"][number], weights, atol=2e-6)
        np.testing.assert_allclose(swept.params["bias"][number], bias, atol=2e-6)


def test_rows_cut_over_eight_devices_train_the_same_probe(problem, rows_over_eight_devices):
    rows, targets = problem
    head = linear_head((5,), 3, norm=True)
    plain = batches_of(rows, targets, 24)(0)
    cut = [(jax.device_put(one, rows_over_eight_devices), *rest) for one, *rest in plain]
    assert len(cut[0][0].sharding.device_set) == 8
    found = [
        train(head, [0.1, 1.0], Schedule(5), lambda number, of=of: of, 1, seed=0)
        for of in (plain, cut)
    ]
    for one, two in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_rows_that_fill_up_a_batch_count_for_nothing(problem):
    rows, targets = problem
    head = linear_head((5,), 3, norm=True)
    padded = np.concatenate([rows[:6], 100 + rows[:2]])

    def of(x, count):
        weights = np.arange(len(x)) < count
        epoch = lambda number: [(jnp.asarray(x), targets[: len(x)], weights)]  # noqa: E731
        return train(head, np.array([0.5]), Schedule(4), epoch, 1, seed=0)

    for one, two in zip(
        *(jax.tree.leaves(of(*case)[:2]) for case in ((rows[:6], 6), (padded, 6))), strict=True
    ):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_normalisation_is_that_of_the_batch_and_then_of_all(problem):
    rows, targets = problem
    shifted = 50 + 1000 * rows
    head = linear_head((5,), 3, norm=True)
    trained = train(head, [1.0], Schedule(60), batches_of(shifted, targets, 24), 1, seed=0)
    mean, variance = shifted.mean(0), shifted.var(0, ddof=1)
    np.testing.assert_allclose(trained.running.mean, mean, rtol=3e-3)
    np.testing.assert_allclose(trained.running.variance, variance, rtol=3e-3)
    again = train(head, [1.0], Schedule(60), batches_of(rows, targets, 24), 1, seed=0)
    np.testing.assert_allclose(
        logits(head, trained, shifted), logits(head, again, rows), rtol=0.02, atol=0.02
    )


def test_schedule_warms_up_and_ends_at_zero():
    schedule = Schedule(10, warmup_epochs=2)
    assert schedule.factor(0, 0.0) == 0 and schedule.factor(1, 0.0) == 0.5
    assert schedule.factor(2, 0.0) == 1 and schedule.factor(6, 0.0) == pytest.approx(0.5)
    assert schedule.factor(9, 1.0) == pytest.approx(0, abs=1e-12)


def test_the_rate_is_chosen_on_train_and_test_is_scored_once(digits):
    settings = {"epochs": 4, "learning_rates": (1e-4, 1.0), "augment": False}
    found = build_protocol("linear_sgd", settings).measure(subject_of(digits))
    assert found["numbers"]["accuracy"]["value"] > 0.9
    assert found["learning_rate"] == 1.0 and found["tried"]["1"] > found["tried"]["0.0001"]
    assert found["at_edge"] and "outermost" in found["notes"][0]
    # Labels of test change what is scored and nothing that is chosen.
    x, y, test, truth = digits
    other = build_protocol("linear_sgd", settings).measure(
        subject_of((x, y, test, (truth + 1) % 10))
    )
    assert other["tried"] == found["tried"] and other["loss"] == found["loss"]
    assert other["numbers"]["accuracy"]["value"] < 0.1
    with pytest.raises(NotMeasured, match="fewer than 2 classes"):
        build_protocol("linear_sgd", settings).measure(subject_of((x, 0 * y, test, truth)))
    with pytest.raises(NotMeasured, match="only one example: none can be held out"):
        build_protocol("linear_sgd", settings).measure(
            subject_of((x[:9], np.arange(9), test, truth))
        )


def test_classes_of_any_value_and_some_that_train_lacks(digits):
    few = digits[0][:300], 7 * digits[1][:300] - 20, digits[2][:100], 7 * digits[3][:100] - 20
    few[3][::2] = 1_000  # a class of test alone: always wrong
    settings = {"epochs": 12, "learning_rates": (1.0,), "augment": False, "batch_size": 60}
    found = build_protocol("linear_sgd", settings).measure(subject_of(few))
    assert 0.4 < found["numbers"]["accuracy"]["value"] <= 0.5


def test_features_that_make_the_loss_infinite(digits):
    few = tuple(part[:50] for part in digits)
    settings = {"epochs": 1, "learning_rates": (1e9,), "augment": False, "normalize": False}
    encode = lambda images, output: 1e30 * images.reshape(len(images), -1)  # noqa: E731
    with pytest.raises(NotMeasured, match="learning rate 1e.09 is not finite"):
        build_protocol("linear_sgd", {**settings, "epochs": 4}).measure(
            subject_of(few, encode=encode)
        )


def test_augmented_images_are_encoded_anew_in_each_epoch(digits):
    seen = []

    def encode(images, output):
        seen.append(np.asarray(images))
        return images.reshape(len(images), -1)

    few = tuple(part[:60] for part in digits)
    settings = {"epochs": 2, "learning_rates": (0.3,), "batch_size": 60}
    build_protocol("linear_sgd", settings).measure(subject_of(few, encode=encode))
    first, second, tested = seen
    assert first.shape == (60, 8, 8, 1) and 0 <= first.min() and first.max() <= 1
    plain = (16 * few[0]).clip(0, 255).reshape(-1, 8, 8, 1).astype(np.uint8) / 255
    distance = [np.abs(plain[:, None] - one[None]).max((2, 3, 4)).min(0) for one in (first, second)]
    assert (distance[0] > 0.01).mean() > 0.9  # next to no crop is a whole image
    assert np.abs(np.sort(first.ravel()) - np.sort(second.ravel())).max() > 0.01
    whole = (16 * few[2]).clip(0, 255).astype(np.uint8).reshape(-1, 8, 8, 1) / 255
    np.testing.assert_allclose(tested[:60], whole, atol=1e-6)
