import json

import numpy as np
import pytest

from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocols.masks import grid_of
from ssljax.evaluation.protocols.segmentation import Segmentation
from ssljax.evaluation.subject import NotMeasured
from ssljax.ops.patches import patchify
from tests.evaluation.protocols.subjects import subject_of


@pytest.fixture(scope="module")
def masked(digits):
    """The digits with masks: 0 without ink, 1 with some, 2 with much; the border unmarked."""
    found = []
    for rows in digits[::2]:
        mask = np.digitize(rows.reshape(-1, 8, 8), [4, 12]).astype(np.int32)
        mask[:, 0, :] = -1
        found += [rows, mask]
    return tuple(found)


def _patches(images, output):
    return patchify(images, patch=2) if output == "tokens" else images.reshape(len(images), -1)


def _blind(images, output):
    return 0 * _patches(images, output) + 1


OUTPUTS = {"": (64,), "tokens": (16, 4)}


def test_ink_is_seen_by_tokens_of_pixels(masked):
    subjects = [
        subject_of(masked, row, encode=encode, outputs=OUTPUTS)
        for row, encode in (
            ("pretrained", _patches),
            ("random_init", _blind),
            ("raw_input", _patches),
        )
    ]
    found = measure({"segmentation": Segmentation(pixels=5000)}, subjects)["segmentation"]
    assert found == json.loads(json.dumps(found))
    ours, blind = (found[row]["numbers"] for row in ("pretrained", "random_init"))
    low, high = ours["mIoU"]["interval"]
    assert low < ours["mIoU"]["value"] < high
    assert low > blind["mIoU"]["value"] + 0.15
    gain = found["gains"]["random_init"]["mIoU"]
    assert gain["difference"] == pytest.approx(ours["mIoU"]["value"] - blind["mIoU"]["value"])
    assert 0.1 < gain["interval"][0] < gain["difference"] < gain["interval"][1]
    assert found["gains"]["raw_input"]["mIoU"]["interval"] == [0, 0]
    truth = masked[3][masked[3] >= 0]
    majority = np.mean(truth == np.bincount(truth).argmax())
    assert blind["pixel accuracy"]["value"] == pytest.approx(majority)
    assert ours["pixel accuracy"]["value"] > majority + 0.1
    assert set(found["pretrained"]["iou"]) == {"0", "1", "2"}
    assert found["pretrained"]["l2"] in (float(one) for one in found["pretrained"]["tried"])
    assert found["raw_input"]["numbers"] == ours


def test_what_cannot_be_measured(masked, digits):
    with pytest.raises(NotMeasured, match="needs masks"):
        Segmentation().measure(subject_of(digits))
    with pytest.raises(NotMeasured, match="needs masks"):
        Segmentation().measure(subject_of(digits, labels=False))
    with pytest.raises(NotMeasured, match="no tokens"):
        Segmentation().measure(subject_of(masked))
    one = (masked[0], 0 * masked[1], masked[2], masked[3])
    with pytest.raises(NotMeasured, match="fewer than 2 classes"):
        Segmentation(pixels=2000).measure(subject_of(one, encode=_patches, outputs=OUTPUTS))
    nothing = (*masked[:3], 0 * masked[3] - 1)
    with pytest.raises(NotMeasured, match="no pixel of test has a class"):
        Segmentation(pixels=2000).measure(subject_of(nothing, encode=_patches, outputs=OUTPUTS))


def test_the_grid_has_the_proportions_of_the_image():
    assert grid_of(16, (8, 8)) == (4, 4)
    assert grid_of(6, (20, 30)) == (2, 3)
    assert grid_of(196, (224, 224)) == (14, 14)
    with pytest.raises(NotMeasured, match="17 tokens are no grid on images of 8x8"):
        grid_of(17, (8, 8))
