import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ssljax.errors import UserError
from ssljax.evaluation.linear import fit, linear_probe, select, stratified_split
from tests.reference.evaluation import logistic_objective


def standardised(rows):
    scale = rows.std(0)
    return (rows - rows.mean(0)) / np.where(scale > 0, scale, np.inf)


@pytest.mark.parametrize("l2", [1e-1, 1e-3])
def test_the_optimum_is_that_of_scikit_learn(digits, l2):
    train, labels, test, _ = digits
    ours = fit(train, labels, l2=l2)
    rows = standardised(train)
    peer = LogisticRegression(C=1 / (len(rows) * l2), max_iter=5000, tol=1e-6).fit(rows, labels)
    best = logistic_objective(rows, labels, peer.coef_.T, peer.intercept_, l2=l2)
    got = logistic_objective(rows, labels, ours.weights, ours.bias, l2=l2)
    assert ours.converged
    assert got == pytest.approx(best, rel=1e-3)
    agree = peer.predict((test - train.mean(0)) / np.where(train.std(0) > 0, train.std(0), np.inf))
    assert np.mean(ours.predict(test) == agree) > 0.995


def test_scale_and_offset_of_a_dimension_do_not_matter(digits):
    train, labels, test, _ = digits
    factor = np.logspace(-3, 3, train.shape[1], dtype=np.float32)
    plain = fit(train, labels, l2=1e-2).predict(test)
    moved = fit(train * factor + 2 * factor, labels, l2=1e-2).predict(test * factor + 2 * factor)
    assert np.mean(plain == moved) > 0.995


def test_a_dimension_that_does_not_vary_is_ignored(clusters):
    rows, labels = clusters
    rows = np.concatenate([rows, np.full((200, 1), 0.1, np.float32)], axis=1)
    classifier = fit(rows, labels, l2=1e-3)
    assert (np.abs(classifier.weights[-1]) < 1e-6).all()
    rows[:, -1] = 1e6  # on other data it may vary; what was never seen to vary has no say
    assert np.mean(classifier.predict(rows) == labels) == 1


def test_more_dimensions_than_examples(clusters):
    rows, labels = clusters
    wide = np.concatenate([rows, np.random.default_rng(0).normal(size=(200, 300))], axis=1)
    outcome = linear_probe(wide[:100], labels[:100], wide[100:], labels[100:])
    assert outcome["accuracy"] > 0.5 and outcome["converged"]  # chance is 0.25


def test_known_answers(clusters):
    rows, labels = clusters
    outcome = linear_probe(rows[:100], labels[:100], rows[100:], labels[100:])
    assert outcome["accuracy"] == outcome["heldout_accuracy"] == 1.0
    assert (outcome["examples"], outcome["heldout_examples"]) == (100, 20)
    assert not outcome["at_edge"]
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(2000, 8)), generator.integers(0, 4, 2000)
    chance = linear_probe(rows[:1000], labels[:1000], rows[1000:], labels[1000:])["accuracy"]
    assert abs(chance - 0.25) < 0.05  # 3.6 standard errors


def test_digits(digits):
    outcome = linear_probe(*digits)
    assert outcome["accuracy"] > 0.93
    assert outcome["tried"][f"{outcome['l2']:g}"] == max(outcome["tried"].values())


def test_the_same_numbers_twice(digits):
    assert linear_probe(*digits, grid=(1e-2, 1e-1)) == linear_probe(*digits, grid=(1e-2, 1e-1))


def test_the_test_set_changes_nothing_but_the_accuracy(digits):
    train, train_labels, test, test_labels = digits
    grid = (1e-3, 1e-2, 1e-1)
    honest = linear_probe(train, train_labels, test, test_labels, grid=grid)
    other = linear_probe(train, train_labels, -test[:7], test_labels[:7] * 0, grid=grid)
    assert honest.pop("accuracy") != other.pop("accuracy")
    assert len(honest.pop("predictions")) == len(test) and len(other.pop("predictions")) == 7
    assert honest == other


def test_the_fits_that_are_compared_do_not_see_the_held_out_part():
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(300, 400)), generator.integers(0, 3, 300)
    assert np.mean(fit(rows, labels, l2=1e-3).predict(rows) == labels) == 1  # learns them by heart
    assert select(rows, labels, grid=(1e-3,)).accuracy < 0.6  # chance is a third


def test_one_and_eight_devices(digits, rows_over_eight_devices):
    train, labels, test, _ = digits
    train, labels = train[:1344], labels[:1344]  # divisible by eight
    one = fit(train, labels, l2=1e-2)
    eight = fit(jax.device_put(train, rows_over_eight_devices), labels, l2=1e-2)
    np.testing.assert_allclose(one.weights, eight.weights, atol=5e-3)
    assert np.mean(one.predict(test) == eight.predict(test)) > 0.995


def test_the_grid_grows_where_its_best_value_is_the_outermost():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)
    signal = (2 * labels - 1)[:, None] + generator.normal(size=(400, 1))
    noise = generator.normal(size=(400, 200))
    rows = np.concatenate([signal, noise], axis=1)  # wants strong regularisation
    choice = select(rows, labels, grid=(1e-6, 1e-5, 1e-4), holdout=0.5)
    assert choice.l2 > 1e-4 and max(choice.tried) > 5e-4
    assert choice.tried[choice.l2] == max(choice.tried.values())
    assert choice.at_edge == (choice.l2 in (min(choice.tried), max(choice.tried)))
    assert len(choice.tried) <= 3 + 4


def test_split_is_stratified_seeded_and_complete():
    labels = np.repeat([0, 1, 2, 5, 7], [50, 30, 5, 2, 1])
    kept, held = stratified_split(labels, 0.2, seed=0)
    assert sorted([*kept, *held]) == list(range(88))
    assert [int(np.sum(labels[held] == c)) for c in (0, 1, 2, 5, 7)] == [10, 6, 1, 1, 0]
    np.testing.assert_array_equal(held, stratified_split(labels, 0.2, seed=0)[1])
    assert (held != stratified_split(labels, 0.2, seed=1)[1]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": ()}, "grid must hold at least one value"),
        ({"grid": (0.0, 1.0)}, "all above 0"),
        ({"holdout": 1.0}, "holdout must be between 0 and 1"),
        ({"labels": np.zeros(200)}, "two classes or more"),
        ({"labels": np.arange(200)}, "every class has only one"),
    ],
)
def test_what_cannot_be_used_is_refused(clusters, change, message):
    rows, labels = clusters
    with pytest.raises(UserError, match=message):
        select(**{"features": rows, "labels": labels} | change)


def test_features_and_labels_must_fit(clusters):
    rows, labels = clusters
    with pytest.raises(ValueError, match="with n labels"):
        fit(rows, labels[:-1], l2=1.0)


@pytest.mark.parametrize("rank", [1, 3])
def test_collapsed_features_and_weak_regularisation(rank):
    generator = np.random.default_rng(0)
    labels = np.arange(2000) % 2
    factors = generator.normal(size=(2000, rank)) + labels[:, None]
    rows = factors @ generator.normal(size=(rank, 512))
    classifier = fit(rows, labels, l2=1e-9)
    expected = LogisticRegression(C=1e4).fit(factors, labels)
    assert np.mean(classifier.predict(rows) == expected.predict(factors)) > 0.98
