import jax
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits():
    """(train features, labels, test features, labels): 8x8 pixels, every fourth held out."""
    pixels, labels = load_digits(return_X_y=True)
    pixels = pixels.astype(np.float32)
    test = np.arange(len(pixels)) % 4 == 3
    return pixels[~test], labels[~test], pixels[test], labels[test]


@pytest.fixture(scope="session")
def rows_over_eight_devices():
    assert jax.device_count() == 8
    return NamedSharding(Mesh(np.array(jax.devices()), ("data",)), PartitionSpec("data"))


@pytest.fixture
def clusters():
    """Four far-apart clusters with labels 3, 5, 8, 11: [200, 16] and [200]."""
    generator = np.random.default_rng(0)
    centres = 8 * np.eye(4, 16)
    index = np.arange(200) % 4
    rows = centres[index] + generator.normal(size=(200, 16))
    return rows.astype(np.float32), np.array([3, 5, 8, 11])[index]
