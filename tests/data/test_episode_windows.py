"""Windows of episodes with their actions, by hand, and what is refused."""

import numpy as np
import pytest

from ssljax.data import Pipeline, open_source
from ssljax.errors import UserError

# The last is an episode of its own, and too short for windows of 3 observations.
EPISODES = np.array([7, 7, 7, 7, 3, 3, 3, 7, 7])
NUMBERS = np.arange(9)


def saved(folder, **changes):
    image = np.broadcast_to(NUMBERS.astype(np.uint8)[:, None, None, None] * 10, (9, 4, 5, 2))
    arrays = {
        "image": image,
        "group": EPISODES,
        "label": NUMBERS[:, None] / 3,
        "action": np.stack([NUMBERS / 2, -NUMBERS], axis=1),
    }
    arrays = {key: value for key, value in {**arrays, **changes}.items() if value is not None}
    np.savez(folder / "some.npz", **arrays)
    return f"episodes:{folder / 'some.npz'}"


def test_a_window_has_the_actions_between_its_frames_and_ends_with_its_episode(tmp_path):
    source = open_source(f"{saved(tmp_path)}?frames=3")
    assert {name: field.shape for name, field in source.fields.items()} == {
        "video": (3, 4, 5, 2),
        "action": (2, 2),
        "label": (1,),
    }
    assert source.fields["video"].modality == "video"
    found = [source[i] for i in range(len(source))]
    firsts = [one["video"][:, 0, 0, 0].tolist() for one in found]
    assert firsts == [[0, 10, 20], [10, 20, 30], [40, 50, 60]]
    assert found[1]["action"].tolist() == [[0.5, -1], [1.0, -2]]
    assert found[2]["action"].tolist() == [[2.0, -4], [2.5, -5]]
    np.testing.assert_allclose([one["label"][0] for one in found], [2 / 3, 1, 2], rtol=1e-6)
    assert source.groups.tolist() == [7, 7, 3]
    assert source.report == (
        "1 of 3 episodes in 'train' are shorter than 3 observations, and left out"
    )
    batch = Pipeline(source, 0, 3).batch(0)
    for video, action, one in zip(batch["video"], batch["action"], batch["id"], strict=True):
        assert video[:, 0, 0, 0].tolist() == firsts[one]
        np.testing.assert_array_equal(action, found[one]["action"])


def test_of_frames_further_apart_all_actions_between_them_are_there(tmp_path):
    source = open_source(f"{saved(tmp_path)}?frames=2&stride=3")
    assert len(source) == 1 and source.fields["action"].shape == (1, 6)
    assert source[0]["video"][:, 0, 0, 0].tolist() == [0, 30]
    assert source[0]["action"].tolist() == [[0, 0, 0.5, -1, 1, -2]]


def test_discrete_actions_are_one_hot_of_as_many_as_all_splits_have(tmp_path):
    name = saved(tmp_path, action=NUMBERS % 2)
    assert open_source(f"{name}?frames=3")[1]["action"].tolist() == [[0, 1], [1, 0]]
    arrays = dict(np.load(tmp_path / "some.npz"))
    both = {f"{split}_{key}": value for split in ("train", "test") for key, value in arrays.items()}
    both["test_action"] = both["test_action"] + 1
    np.savez(tmp_path / "some.npz", **both)
    assert open_source(f"{name}?frames=3")[1]["action"].tolist() == [[0, 1, 0], [1, 0, 0]]
    found = open_source(f"{name}?frames=3", split="test")[1]["action"]
    assert found.tolist() == [[0, 0, 1], [0, 1, 0]]


def test_the_action_after_an_episode_may_be_missing_and_numbers_need_no_axis(tmp_path):
    action = NUMBERS / 2
    action[[3, 6, 8]] = np.nan
    source = open_source(f"{saved(tmp_path, action=action)}?frames=3")
    assert source[2]["action"].tolist() == [[2.0], [2.5]]


def test_the_fingerprint_has_windows_and_actions(tmp_path):
    name = saved(tmp_path)
    prints = {
        open_source(f"{name}?{options}").fingerprint()["content"]
        for options in ("stack=3", "frames=3", "frames=2", "frames=2&stride=2")
    }
    saved(tmp_path, action=NUMBERS % 2)
    prints.add(open_source(f"{name}?frames=3").fingerprint()["content"])
    assert len(prints) == 5


ONE_NAN = np.where(NUMBERS == 5, np.nan, 0.0)


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({}, "?frames=1", "frames='1' must be a number of observations, 2 to 64"),
        ({}, "?frames=3&stride=0", "stride='0' must be a number of observations, 1 to 64"),
        ({}, "?frames=3&stack=2", "stack= does not go with frames="),
        ({}, "?stride=2", "stride= does not go with stack="),
        ({}, "?frames=9", "need episodes of 9 observations, and the longest of 'train' has 4"),
        ({"group": None}, "?frames=3", "has no array 'group'"),
        ({"action": None}, "?frames=3", "has no array 'action', the action after each"),
        ({"action": NUMBERS[:-1]}, "?frames=3", "one action for each of 9 .* int64 of .8,."),
        ({"action": NUMBERS[:, None]}, "?frames=3", "whole numbers .n. or floats"),
        ({"action": np.ones((9, 1, 1))}, "?frames=3", "whole numbers .n. or floats"),
        ({"action": NUMBERS - 1}, "?frames=3", "numbered from 0, and one is -1"),
        ({"action": NUMBERS > 3}, "?frames=3", "whole numbers .n. or floats .n, A., it is bool"),
        ({"action": ONE_NAN}, "?frames=3", "the action after observation 5 is .nan."),
    ],
)
def test_what_are_no_windows_is_named(tmp_path, changes, options, said):
    with pytest.raises(UserError, match=said):
        open_source(saved(tmp_path, **changes) + options)
