"""Sounds and videos of TFDS, which TFDS writes and reads with TensorFlow."""

import pickle

import numpy as np
import pytest
import tensorflow_datasets as tfds

from ssljax.data import open_source
from ssljax.errors import UserError
from tests.data import tfds_sets

RNG = np.random.default_rng(0)
WAVES = [RNG.integers(-3000, 3000, 400 + 40 * i) for i in range(4)]
VIDEOS = [RNG.integers(0, 256, (3 + i, 8, 6, 3), np.uint8) for i in range(3)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("tfds")
    label = tfds.features.ClassLabel(names=["no", "yes"])
    tfds_sets.write(
        "words",
        {"audio": tfds.features.Audio(sample_rate=8000), "label": label},
        {
            "train": lambda: ({"audio": one, "label": i % 2} for i, one in enumerate(WAVES)),
            "test": lambda: ({"audio": one, "label": 0} for one in (WAVES[0], 0 * WAVES[1])),
        },
        folder,
    )
    tfds_sets.write(
        "spoken",
        {"speech": tfds.features.Audio(sample_rate=8000), "text": tfds.features.Text()},
        {"train": lambda: ({"speech": one, "text": f"word {len(one)}"} for one in WAVES)},
        folder,
    )
    tfds_sets.write(
        "moves",
        {"video": tfds.features.Video(shape=(None, 8, 6, 3)), "label": label},
        {"train": lambda: ({"video": list(one), "label": 1} for one in VIDEOS)},
        folder,
    )
    return str(folder)


@pytest.mark.parametrize("memory_limit", [2**20, 0], ids=["in memory", "by record"])
def test_sounds_are_their_samples(data_dir, memory_limit):
    source = open_source("tfds:words", data_dir=data_dir, memory_limit=memory_limit)
    field = source.fields["audio"]
    assert source.in_memory == bool(memory_limit)
    assert (field.rate, field.dtype, source.class_names) == (8000.0, "int16", ("no", "yes"))
    for i, wave in enumerate(WAVES):
        np.testing.assert_array_equal(source[i]["audio"], wave)
        assert source[i]["label"] == i % 2
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source))[1]["audio"], WAVES[1])


def test_sounds_are_resampled_and_have_texts(data_dir):
    source = open_source("tfds:spoken?rate=16000", data_dir=data_dir)
    assert source.fields["audio"].rate == 16_000.0
    assert [len(one) for one in source.arrays["audio"]] == [2 * len(one) for one in WAVES]
    assert list(source.arrays["text"]) == [f"word {len(one)}" for one in WAVES]


def test_silence_is_named(data_dir):
    with pytest.raises(UserError, match="record 1: silent"):
        open_source("tfds:words", split="test", data_dir=data_dir)


def test_videos_are_their_frames(data_dir):
    source = open_source("tfds:moves?fps=12", data_dir=data_dir)
    field = source.fields["video"]
    assert (field.shape, field.dtype, field.rate) == ((None, 8, 6, 3), "uint8", 12.0)
    assert not source.in_memory and len(source) == 3
    for i, video in enumerate(VIDEOS):
        np.testing.assert_array_equal(source[i]["video"], video)
