import numpy as np
import pytest

from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocols.corloc import CorLoc
from ssljax.evaluation.subject import NotMeasured
from ssljax.ops.patches import patchify
from tests.evaluation.protocols.subjects import subject_of


def _patches(images, output):
    return patchify(images, patch=1) if output == "tokens" else images.reshape(len(images), -1)


def _blind(images, output):
    return 0 * _patches(images, output)


OUTPUTS = {"": (64,), "tokens": (64, 1)}


@pytest.fixture(scope="module")
def scenes():
    """Bright rectangles on a dark ground, with their masks; some images are empty."""
    generator, found = np.random.default_rng(0), []
    for count in (5, 40):
        images, masks = np.zeros((count, 8, 8), np.float32), np.zeros((count, 8, 8), np.int32)
        for one in range(count):
            top, left = generator.integers(0, 5, 2)
            images[one, top : top + 3, left : left + 3] = 12
            masks[one, top : top + 3, left : left + 3] = 1 + one % 2
        images[0], masks[0] = 0, 0
        found += [images.reshape(count, 64) + generator.random((count, 64)), masks]
    return tuple(found)


def test_bright_objects_are_found(scenes):
    subjects = [
        subject_of(scenes, row, encode=encode, outputs=OUTPUTS)
        for row, encode in (
            ("pretrained", _patches),
            ("random_init", _blind),
            ("raw_input", _patches),
        )
    ]
    found = measure({"corloc": CorLoc()}, subjects)["corloc"]
    numbers = found["pretrained"]["numbers"]
    assert numbers["CorLoc"]["value"] == 1 and numbers["CorLoc"]["examples"] == 39
    assert numbers["CorLoc of the whole image"]["value"] == 0  # 9 of 64 pixels
    assert found["random_init"]["numbers"]["CorLoc"]["value"] == 0
    assert found["gains"]["random_init"]["CorLoc"]["difference"] == 1


def test_what_cannot_be_measured(scenes, digits):
    with pytest.raises(NotMeasured, match="needs masks"):
        CorLoc().measure(subject_of(digits))
    with pytest.raises(NotMeasured, match="no tokens"):
        CorLoc().measure(subject_of(scenes))
    empty = (*scenes[:3], 0 * scenes[3])
    with pytest.raises(NotMeasured, match="no mask of test has a class above 0"):
        CorLoc().measure(subject_of(empty, encode=_patches, outputs=OUTPUTS))
