"""Observations of episodes with those before them, by hand, and what is refused."""

import numpy as np
import pytest

from ssljax.data import Pipeline, open_source
from ssljax.errors import UserError

EPISODES = np.array([7, 7, 7, 3, 3, 7])  # the last is an episode of its own


def saved(folder, **changes):
    image = np.arange(6, dtype=np.uint8)[:, None, None, None] * 10
    image = np.broadcast_to(image, (6, 4, 5, 2)) + np.array([0, 1], np.uint8)
    arrays = {"image": image, "group": EPISODES, "label": np.arange(12.0).reshape(6, 2) / 3}
    arrays = {key: value for key, value in {**arrays, **changes}.items() if value is not None}
    np.savez(folder / "some.npz", **arrays)
    return f"episodes:{folder / 'some.npz'}"


def test_an_observation_stands_behind_those_before_it_in_its_episode(tmp_path):
    source = open_source(f"{saved(tmp_path)}?stack=3")
    assert source.fields["image"].shape == (4, 5, 6) and len(source) == 6
    frames = [source[i]["image"][0, 0].tolist() for i in range(6)]
    assert frames == [
        [0, 1, 0, 1, 0, 1],  # the first stands for those that are not there
        [0, 1, 0, 1, 10, 11],
        [0, 1, 10, 11, 20, 21],
        [30, 31, 30, 31, 30, 31],
        [30, 31, 30, 31, 40, 41],
        [50, 51, 50, 51, 50, 51],
    ]
    np.testing.assert_allclose(source[4]["label"], [8 / 3, 3], rtol=1e-6)
    assert source.groups.tolist() == EPISODES.tolist()
    batch = Pipeline(source, 0, 6).batch(0)
    assert batch["image"].dtype == np.uint8
    for image, one in zip(batch["image"], batch["id"], strict=True):
        assert image[0, 0].tolist() == frames[one]


def test_the_number_of_observations_is_part_of_the_fingerprint(tmp_path):
    name = saved(tmp_path)
    assert open_source(f"{name}?stack=1")[1]["image"][0, 0].tolist() == [10, 11]
    prints = {open_source(f"{name}?stack={n}").fingerprint()["content"] for n in (1, 2, 3)}
    assert len(prints) == 3
    assert open_source(name).fields["image"].shape == (4, 5, 6)  # 3 by default


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"group": None}, "", "has no array 'group' that says which episode"),
        ({}, "?stack=0", "stack='0' must be a number of observations, 1 to 64"),
        ({}, "?stack=x", "stack='x' must be"),
        ({}, "?frames=3", "frames"),
        ({"image": None}, "", "has no array 'image'"),
    ],
)
def test_what_is_no_episode_is_named(tmp_path, changes, options, said):
    with pytest.raises(UserError, match=said):
        open_source(saved(tmp_path, **changes) + options)
