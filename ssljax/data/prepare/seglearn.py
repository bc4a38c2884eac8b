"""Shoulder exercises seen by a smartwatch (Burns et al. 2018, arXiv:1802.01489; BSD).

140 recordings of 3 accelerations and 3 turning rates at 50 Hz: 10 people, 7 exercises, both arms.
"""

import io
import pathlib

import numpy as np

from ssljax.data.prepare.wheels import Wheel, read_member
from ssljax.data.series import series_field, windows
from ssljax.data.sources.arrays import Arrays

WHEEL = Wheel(
    "seglearn",
    "1.2.5",
    "ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd",
    "BSD",
)
RATE = 50.0  # Hz
LENGTH = 128  # steps of a window: 2.56 s, about one repetition of an exercise
STRIDES = {"train": LENGTH // 2, "test": LENGTH}  # test windows share no step
HELD_OUT = (8, 9, 10)  # the people whose recordings are test


def read_watch(wheel: pathlib.Path) -> Arrays:
    """Return windows of 128 steps of 6 channels, with the exercise as label, split by person.

    "subject" is the person (1 to 10) of each window.
    """
    content = read_member(wheel, "seglearn/data/watch_dataset.npy")
    # A pickle, which could run code: its hash, known beforehand, was checked with the wheel's.
    recorded = np.load(io.BytesIO(content), allow_pickle=True).item()
    splits = {}
    for split, stride in STRIDES.items():
        chosen = np.flatnonzero(np.isin(recorded["subject"], HELD_OUT) == (split == "test"))
        cut = [windows(np.asarray(recorded["X"][i]), LENGTH, stride) for i in chosen]
        counts = [len(one) for one in cut]
        splits[split] = {
            "series": np.concatenate(cut),
            "label": np.repeat(np.asarray(recorded["y"])[chosen], counts).astype(np.int32),
            "subject": np.repeat(np.asarray(recorded["subject"])[chosen], counts).astype(np.int32),
        }
    field = series_field(splits["train"]["series"], RATE)
    return Arrays(splits, {"series": field}, tuple(map(str, recorded["y_labels"])))
