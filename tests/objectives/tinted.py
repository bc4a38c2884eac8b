"""Digits in colour, for objectives that need it."""

import functools

import numpy as np
from sklearn.datasets import load_digits

from tests.conftest import CACHE


def tint(images: np.ndarray) -> np.ndarray:
    """Return RGB of grey images uint8[N, H, W, 1]: red at the top, blue at the bottom."""
    down = np.linspace(0, 1, images.shape[1])
    ramps = np.stack([1 - down, np.full_like(down, 0.5), down], axis=1)
    return (images * ramps[:, None]).astype(np.uint8)


@functools.cache
def tinted_digits() -> str:
    """Return the data source of a file with them."""
    digits = load_digits()
    images = tint((digits.images[..., None] * 15).astype(np.uint8))
    path = CACHE.parent / "tinted_digits.npz"
    path.parent.mkdir(exist_ok=True)
    # Written beside it and moved: another worker may be reading.
    with open(path.with_suffix(f".{np.random.default_rng().integers(1 << 32)}"), "wb") as file:
        np.savez(file, image=images, label=digits.target)
    (path.parent / file.name).replace(path)
    return f"npz:{path}"
