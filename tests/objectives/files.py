"""Data sets that tests write once, of scikit-learn's digits."""

import functools

import numpy as np
from sklearn.datasets import load_digits

from tests.conftest import CACHE

NAMES = "zero one two three four five six seven eight nine".split()


def tint(images: np.ndarray) -> np.ndarray:
    """Return RGB of grey images uint8[N, H, W, 1]: red at the top, blue at the bottom."""
    down = np.linspace(0, 1, images.shape[1])
    ramps = np.stack([1 - down, np.full_like(down, 0.5), down], axis=1)
    return (images * ramps[:, None]).astype(np.uint8)


def caption(digit: int) -> str:
    """Return a text of a digit."""
    return f"the {NAMES[digit]}"


@functools.cache
def tinted_digits() -> str:
    """Return the data source of a file with digits in colour."""
    digits = load_digits()
    images = tint((digits.images[..., None] * 15).astype(np.uint8))
    return _written("tinted_digits", image=images, label=digits.target)


@functools.cache
def captioned_digits() -> str:
    """Return the data source of a file with digits, each with a text."""
    digits = load_digits()
    texts = np.array([caption(digit) for digit in digits.target])
    images = (digits.images[..., None] * 15).astype(np.uint8)
    return _written("captioned_digits", image=images, text=texts, label=digits.target)


def _written(name: str, **arrays: np.ndarray) -> str:
    path = CACHE / f"{name}.npz"
    path.parent.mkdir(exist_ok=True)
    # Written beside it and moved: another worker may be reading.
    with open(path.with_suffix(f".{np.random.default_rng().integers(1 << 32)}"), "wb") as file:
        np.savez(file, **arrays)
    (path.parent / file.name).replace(path)
    return f"npz:{path}"
