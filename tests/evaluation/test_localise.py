import numpy as np
import pytest

from ssljax.evaluation.localise import box_iou, boxes_of, lost_box, scaled
from tests.reference import evaluation as reference


def _scene(seed, box, grid=(9, 12), noise=0.3):
    """Return tokens of a background, and of an object in a box, with noise."""
    generator = np.random.default_rng(seed)
    object_, ground = generator.normal(size=(2, 16))
    tokens = np.tile(ground, (*grid, 1))
    tokens[box[0] : box[2], box[1] : box[3]] = object_
    return tokens + noise * generator.normal(size=tokens.shape) + 5


@pytest.mark.parametrize("seed", range(4))
def test_against_a_search(seed):
    tokens = _scene(seed, (2, 3, 6, 7), noise=1.5)
    assert lost_box(tokens) == reference.lost_box(tokens, expand=1 / 12)
    assert lost_box(tokens, expand=0.3) == reference.lost_box(tokens, expand=0.3)


@pytest.mark.parametrize("box", [(0, 0, 3, 3), (2, 3, 6, 7), (5, 8, 9, 12)])
def test_an_object_smaller_than_its_background_is_found(box):
    tokens = _scene(1, box)
    assert lost_box(tokens) == box
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))[0]
    assert lost_box(100 * tokens @ turn - 3) == box


def test_of_two_objects_one_is_found():
    tokens = _scene(0, (1, 1, 3, 3))
    tokens[6:8, 8:11] = tokens[1:3, [1, 2, 1]]
    assert lost_box(tokens) in ((1, 1, 3, 3), (6, 8, 8, 11))


def test_equal_tokens_give_the_whole_image():
    assert lost_box(np.ones((4, 6, 3))) == (0, 0, 4, 6)


def test_boxes():
    mask = np.zeros((6, 8), int)
    mask[1:3, 2:5] = 4
    mask[4, 6:] = 4
    mask[4, 0] = 2
    mask[5, 7] = -1
    assert boxes_of(mask) == [(4, 0, 5, 1), (1, 2, 3, 5), (4, 6, 5, 8)]
    assert boxes_of(np.zeros((3, 3), int)) == []
    assert scaled((1, 0, 2, 3), (4, 6), (64, 48)) == (16, 0, 32, 24)
    assert box_iou((0, 0, 4, 4), (0, 0, 4, 4)) == 1
    assert box_iou((0, 0, 4, 4), (1, 1, 3, 3)) == 0.25
    assert box_iou((0, 0, 1, 1), (2, 2, 3, 3)) == box_iou((0, 0, 1, 1), (1, 0, 2, 1)) == 0
