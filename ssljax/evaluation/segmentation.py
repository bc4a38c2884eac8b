"""Classes of pixels from tokens: a linear head, upsampled, and how its masks are scored."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.evaluation.linear import Classifier

NONE = -1  # a pixel without a class, which counts nowhere
_VALUES = 2**26  # logits of pixels held at a time
_DRAWS = 1000  # of the bootstrap


class Counts(NamedTuple):
    """Pixels by image and class, int64[n, K] each."""

    both: np.ndarray  # of the class and taken for it
    truth: np.ndarray  # of the class
    taken: np.ndarray  # taken for it


def resize_matrix(grid: int, size: int) -> np.ndarray:
    """Return float32[size, grid]: bilinear weights of the tokens of a row in each of its pixels.

    Token i has its centre at pixel (i + 1/2) size / grid - 1/2; beyond the outermost centres the
    outermost token counts alone. As torch.nn.functional.interpolate with align_corners=False.

    >>> resize_matrix(2, 4)[:, 1].tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    at = np.clip((np.arange(size) + 0.5) * grid / size - 0.5, 0, grid - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(grid))).astype(np.float32)


def pixel_features(
    tokens: np.ndarray, grid: tuple[int, int], size: tuple[int, int], at
) -> np.ndarray:
    """Return float32[m, d], the bilinear features of some pixels of one image.

    A linear head on them gives the same logits as upsampling the logits of the tokens: so to fit it
    on a random sample of pixels is to minimise an unbiased estimate of the loss of all pixels.

    Args:
      tokens: [N, d], row by row of the grid.
      grid: rows and columns of tokens.
      size: height and width in pixels.
      at: (rows, columns) of the pixels, int[m] each.
    """
    rows, columns = at
    down, across = resize_matrix(grid[0], size[0])[rows], resize_matrix(grid[1], size[1])[columns]
    return np.einsum("mi,mj,ijd->md", down, across, tokens.reshape(*grid, -1), optimize=True)


def predict_masks(
    classifier: Classifier, tokens: np.ndarray, grid: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Return int[n, h, w], the class of the greatest bilinearly upsampled logit of each pixel.

    Args:
      classifier: fitted on `pixel_features`.
      tokens: [n, N, d].
      grid, size: as `pixel_features` takes them.
    """
    per_image = max(1, size[0] * size[1] * len(classifier.classes))
    block = min(len(tokens), max(1, _VALUES // per_image))
    found = []
    for start in range(0, len(tokens), block):
        part = np.asarray(tokens[start : start + block], np.float32)
        short = block - len(part)  # filled up, so that one program serves all
        part = np.pad(part, ((0, short), (0, 0), (0, 0)))
        part = (part - classifier.mean) / classifier.scale
        best = _upsampled(part, classifier.weights, classifier.bias, grid, size)
        found.append(np.asarray(best)[: block - short])
    return classifier.classes[np.concatenate(found)]


@functools.partial(jax.jit, static_argnums=(3, 4))
def _upsampled(tokens, weights, bias, grid, size):
    logits = jnp.einsum("bnd,dk->bnk", tokens, weights, precision="highest") + bias
    logits = logits.reshape(len(tokens), *grid, -1)
    down, across = resize_matrix(grid[0], size[0]), resize_matrix(grid[1], size[1])
    logits = jnp.einsum("yi,bijk->byjk", down, logits, precision="highest")
    return jnp.argmax(jnp.einsum("xj,byjk->byxk", across, logits, precision="highest"), axis=-1)


def count_pixels(truth: np.ndarray, predicted: np.ndarray, classes: Sequence[int]) -> Counts:
    """Count the pixels of masks [n, ...]; those whose truth is below 0 are left out.

    Args:
      truth, predicted: int[n, ...], alike.
      classes: ascending; a prediction or a truth of another one is an error.
    """
    marked = truth > NONE
    counts = np.zeros((3, len(truth), len(classes)), np.int64)
    axes = tuple(range(1, truth.ndim))
    for place, label in enumerate(classes):
        of, taken = truth == label, (predicted == label) & marked
        for row, where in enumerate((of & taken, of, taken)):
            counts[row, :, place] = where.sum(axis=axes)
    return Counts(*counts)


def class_iou(counts: Counts) -> np.ndarray:
    """Return float[K], intersection over union of each class over all images; NaN where none is.

    IoU_k = both_k / (truth_k + taken_k - both_k)
    """
    both, truth, taken = (one.sum(axis=0) for one in counts)
    return _iou(both, truth, taken)


def _iou(both, truth, taken):
    union = truth + taken - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)


class Scores(NamedTuple):
    """The mean IoU and the accuracy of pixels; and those of resampled images, float[draws]."""

    miou: float
    accuracy: float
    mious: np.ndarray
    accuracies: np.ndarray


def mask_scores(counts: Counts, *, seed: int = 0) -> Scores:
    """Return the mean IoU over classes and the accuracy of pixels.

    Pixels of one image are not independent: images are resampled, 1,000 times, the same for all who
    are scored. The mean is over the classes that occur in the truth or are predicted somewhere.

    Args:
      counts: of all images.
      seed: of the resamples.

    Everingham et al., The Pascal visual object classes challenge (2015), section 4.2; Long,
    Shelhamer and Darrell, Fully convolutional networks for semantic segmentation (2015).
    """
    images = len(counts.both)
    draws = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), _DRAWS)
    both, truth, taken = (draws @ one for one in counts)  # [draws, K]
    return Scores(
        float(np.nanmean(class_iou(counts))),
        float(counts.both.sum() / max(1, counts.truth.sum())),
        np.nanmean(_iou(both, truth, taken), axis=1),
        both.sum(axis=1) / np.maximum(truth.sum(axis=1), 1),
    )
