import jax
import numpy as np
import pytest
import sklearn.metrics

from ssljax.evaluation.bootstrap import percentiles
from ssljax.evaluation.linear import fit
from ssljax.evaluation.segmentation import (
    class_iou,
    count_pixels,
    mask_scores,
    pixel_features,
    predict_masks,
    resize_matrix,
)


@pytest.mark.parametrize(("grid", "size"), [(3, 12), (4, 7), (1, 5), (5, 5)])
def test_weights_against_jax(grid, size):
    rows = np.random.default_rng(0).normal(size=(grid, 2)).astype(np.float32)
    expected = jax.image.resize(rows, (size, 2), "linear")
    np.testing.assert_allclose(resize_matrix(grid, size) @ rows, expected, atol=1e-5)


def test_a_head_on_pixels_is_a_head_on_tokens_upsampled():
    generator = np.random.default_rng(0)
    tokens = generator.normal(size=(3, 6, 4)).astype(np.float32)  # a grid of 2 x 3
    rows, columns = np.mgrid[:8, :9].reshape(2, -1)
    pixels = np.stack([pixel_features(one, (2, 3), (8, 9), (rows, columns)) for one in tokens])
    labels = np.array([1, 4, 9])[generator.integers(0, 3, pixels.shape[:2])]
    classifier = fit(pixels.reshape(-1, 4), labels.ravel(), l2=1e-2)
    expected = classifier.predict(pixels.reshape(-1, 4)).reshape(3, 8, 9)
    found = predict_masks(classifier, tokens, (2, 3), (8, 9))
    assert (found == expected).mean() > 0.99  # ties of logits apart
    assert set(np.unique(found)) <= {1, 4, 9}


def test_masks_in_blocks(monkeypatch):
    generator = np.random.default_rng(0)
    tokens = generator.normal(size=(5, 4, 3)).astype(np.float32)
    classifier = fit(tokens.reshape(-1, 3), np.arange(20) % 2, l2=1e-2)
    whole = predict_masks(classifier, tokens, (2, 2), (6, 6))
    monkeypatch.setattr("ssljax.evaluation.segmentation._VALUES", 2 * 6 * 6 * 2)
    np.testing.assert_array_equal(predict_masks(classifier, tokens, (2, 2), (6, 6)), whole)


def test_scores_against_scikit_learn():
    generator = np.random.default_rng(0)
    truth = generator.integers(-1, 4, (30, 9, 9))
    predicted = np.where(generator.random(truth.shape) < 0.6, truth, generator.integers(0, 4))
    predicted = np.maximum(predicted, 0)
    counts = count_pixels(truth, predicted, range(4))
    marked = truth >= 0
    expected = sklearn.metrics.jaccard_score(truth[marked], predicted[marked], average=None)
    np.testing.assert_allclose(class_iou(counts), expected)
    scores = mask_scores(counts)
    assert scores.miou == pytest.approx(expected.mean())
    assert scores.accuracy == pytest.approx(np.mean(truth[marked] == predicted[marked]))
    for value, drawn in zip(scores[:2], scores[2:], strict=True):
        low, high = percentiles(drawn)
        assert low < value < high and high - low < 0.1


def test_scores_by_hand():
    truth = np.array([[[0, 0], [1, -1]]])
    counts = count_pixels(truth, np.array([[[0, 1], [1, 1]]]), (0, 1, 2))
    np.testing.assert_array_equal(counts.both, [[1, 1, 0]])
    np.testing.assert_array_equal(counts.taken, [[1, 2, 0]])  # the unmarked pixel counts nowhere
    np.testing.assert_allclose(class_iou(counts), [1 / 2, 1 / 2, np.nan])
    scores = mask_scores(counts)  # of one image
    assert scores[:2] == pytest.approx((0.5, 2 / 3))
    assert (scores.mious == 0.5).all() and scores.accuracies.std() < 1e-9


def test_the_interval_is_over_images():
    # 50 images, wholly right or wholly wrong: many pixels do not make it narrow.
    truth = np.zeros((50, 20, 20), int)
    wrong = (np.arange(50) < 25)[:, None, None]
    scores = mask_scores(count_pixels(truth, truth + wrong, (0, 1)))
    low, high = percentiles(scores.accuracies)
    assert scores.accuracy == 0.5
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 50), rel=0.1)
