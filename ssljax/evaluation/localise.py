"""The box of the main object of an image, from its tokens alone, and how boxes are scored."""

import numpy as np
import scipy.ndimage

Box = tuple[float, float, float, float]  # top, left, bottom, right; the last two are just outside


def lost_box(tokens: np.ndarray, *, expand: float = 1 / 12) -> Box:
    """Return the box that LOST finds, in tokens.

    With A_pq = <f_p, f_q> of features centred over the image, the seed is the token that resembles
    the fewest others (A_pq > 0): objects are smaller than backgrounds. Of the tokens that resemble
    the fewest others, those that resemble the seed join it, and the box is that of the connected
    region around the seed in which sum_s A_sq > 0 over them.

    Args:
      tokens: [rows, columns, d].
      expand: part of the tokens that may join the seed; the paper's 100 of about 1,200.

    Returns:
      The box; that of the whole image where all tokens are equal.

    Siméoni et al., Localizing objects with self-supervised transformers and no labels (2021);
    valeoai/LOST, object_discovery.py. The paper takes the keys of the last attention of a ViT,
    without centring. Here they are the tokens that an encoder gives, of whatever kind it is: after
    a last normalisation nearly all of them resemble each other, and centring makes them differ.
    """
    rows, columns, _ = tokens.shape
    features = np.asarray(tokens, np.float64).reshape(rows * columns, -1)
    features = features - features.mean(axis=0)
    alike = features @ features.T
    scale = np.trace(alike) / len(alike)
    if not scale > 0:
        return 0, 0, rows, columns
    similar = alike > 1e-9 * scale  # not what is 0 but for rounding
    degree = similar.sum(axis=1) - similar.diagonal()
    order = np.argsort(degree, kind="stable")
    seed = order[0]
    first = order[: max(1, round(expand * len(order)))]
    joined = first[similar[seed, first]]
    around = alike[joined].sum(axis=0).reshape(rows, columns) > 1e-9 * scale
    regions, _ = scipy.ndimage.label(around)
    number = regions[np.unravel_index(seed, (rows, columns))]
    if not number:  # the seed is of the mean, and resembles nothing
        return 0, 0, rows, columns
    return _bounds(scipy.ndimage.find_objects(regions)[number - 1])


def scaled(box: Box, grid: tuple[int, int], size: tuple[int, int]) -> Box:
    """Return a box in tokens of a grid as one in pixels of an image of a size."""
    down, across = size[0] / grid[0], size[1] / grid[1]
    return box[0] * down, box[1] * across, box[2] * down, box[3] * across


def boxes_of(mask: np.ndarray) -> list[Box]:
    """Return the box of each connected region of one class of a mask int[h, w]; 0 is background.

    >>> boxes_of(np.array([[1, 1, 0], [0, 0, 2]]))
    [(0, 0, 1, 2), (1, 2, 2, 3)]
    """
    found = []
    for label in np.unique(mask[mask > 0]):
        regions, _ = scipy.ndimage.label(mask == label)
        found += [_bounds(one) for one in scipy.ndimage.find_objects(regions)]
    return found


def box_iou(one: Box, other: Box) -> float:
    """Return the intersection over the union of two boxes.

    >>> box_iou((0, 0, 2, 2), (1, 0, 3, 2))
    0.3333333333333333
    """
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0, height) * max(0, width)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)


def _bounds(region: tuple[slice, slice]) -> Box:
    down, across = region
    return down.start, across.start, down.stop, across.stop
