import numpy as np
import pytest

from ssljax.evaluation.assignments import assignment_entropy
from ssljax.evaluation.hypersphere import alignment, uniformity
from ssljax.evaluation.lidar import lidar
from tests.reference import evaluation as reference


@pytest.fixture
def views():
    generator = np.random.default_rng(0)
    examples = generator.normal(size=(30, 1, 6)) * np.array([3, 2, 1, 1, 0.5, 0.1])
    return examples + generator.normal(size=(30, 4, 6)) + 2


def test_lidar_against_loops(views):
    expected = reference.lidar(views, delta=1e-4, epsilon=1e-7)
    assert lidar(views) == pytest.approx(expected)
    assert lidar(views) < 6


def test_lidar_does_not_depend_on_axes_or_an_offset(views):
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    assert lidar(views @ turn - 5) == pytest.approx(lidar(views))
    assert lidar(views[::-1, ::-1]) == pytest.approx(lidar(views))


def test_lidar_of_examples_in_all_directions_is_their_number():
    # Examples at -1 and 1 on each of 5 axes, whose views agree: Sb = I / 5, Sw = delta I.
    centres = np.concatenate([np.eye(5), -np.eye(5)])
    assert lidar(np.repeat(centres[:, None], 3, axis=1)) == pytest.approx(5, rel=1e-4)


def test_lidar_counts_only_directions_that_views_agree_on():
    # Two axes tell examples apart; on the second the views of one differ ten times as much.
    centres = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    both = np.stack([centres, centres], axis=1)
    assert lidar(both) == pytest.approx(2, rel=1e-4)
    noisy = both + np.array([[0, 10.0], [0, -10]])
    # Eigenvalues 1 / delta and 1 / (100 + delta): shares of 1 - 1e-6 and 1e-6.
    assert lidar(noisy) == pytest.approx(1, abs=1e-4)


def test_lidar_of_collapsed_features():
    line = np.repeat(np.outer(np.arange(1.0, 21), np.ones(4))[:, None], 2, axis=1)
    assert lidar(line) == pytest.approx(1, abs=1e-4)
    assert lidar(np.ones((5, 2, 3))) == 0
    with pytest.raises(ValueError, match=r"got \(5, 1, 3\)"):
        lidar(np.ones((5, 1, 3)))


def test_alignment_and_uniformity_against_loops(views):
    first, second = views[:, 0], views[:, 1]
    assert alignment(first, second) == pytest.approx(reference.alignment(first, second))
    assert uniformity(first) == pytest.approx(reference.uniformity(first, t=2))
    assert uniformity(first, t=3) == pytest.approx(reference.uniformity(first, t=3))
    assert uniformity(first * np.arange(1, 31)[:, None]) == pytest.approx(uniformity(first))


def test_uniformity_of_the_sphere_and_of_a_point():
    dimensions = 64
    sphere = np.random.default_rng(0).normal(size=(2500, dimensions))  # more rows than a block
    assert uniformity(sphere) == pytest.approx(-4 + 8 / dimensions, abs=0.01)
    assert uniformity(np.ones((10, 3))) == pytest.approx(0, abs=1e-9)
    opposite = np.array([[1.0, 0], [-1, 0]])
    assert uniformity(opposite) == pytest.approx(-8)
    assert alignment(opposite, -opposite) == pytest.approx(4)
    assert alignment(sphere[:1000], sphere[1000:2000]) == pytest.approx(2, abs=0.03)


def test_entropy_of_assignments():
    sure = 100 * np.eye(4)[np.arange(40) % 4]
    expected = {"marginal": 1, "conditional": 0, "used": 1}
    assert assignment_entropy([sure]) == pytest.approx(expected)
    assert assignment_entropy([sure[:20], sure[20:21], sure[21:]]) == pytest.approx(expected)
    one = np.tile([100.0, 0, 0, 0], (10, 1))
    expected = {"marginal": 0, "conditional": 0, "used": 0.25}
    assert assignment_entropy([one]) == pytest.approx(expected)
    undecided = assignment_entropy([np.zeros((10, 4))])
    assert undecided["marginal"] == undecided["conditional"] == pytest.approx(1)
    # p = (3/4, 1/4): H = 2 ln 2 - 3/4 ln 3, in parts of ln 2
    found = assignment_entropy([np.array([[np.log(3), 0]])])
    assert found["conditional"] == pytest.approx(2 - 0.75 * np.log2(3))
    with pytest.raises(ValueError, match="no examples"):
        assignment_entropy([])
