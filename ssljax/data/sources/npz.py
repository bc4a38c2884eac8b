"""`npz:PATH`: arrays in NumPy's own format.

PATH is a folder with one file per split, `train.npz`, `test.npz`, ..., each with the keys `image`
and, if it has labels, `label`; or one file with the keys `train_image`, `train_label`,
`test_image`, ...; or one file with just `image` and `label`, which is all train. `images` and
`labels` are understood as well. Images are uint8 [n, h, w, c] or [n, h, w].
"""

import pathlib
import zipfile
import zlib

import numpy as np

from ssljax.data.sources.base import ArraySource, Options
from ssljax.data.sources.paths import existing, require_split
from ssljax.errors import MissingSplit, UserError

_ENDINGS = ("", "s")


def open_npz(path: str, options: Options) -> ArraySource:
    """Open the arrays of one split."""
    root = existing(path, "npz file or folder")
    if root.is_dir():
        splits = sorted(p.stem for p in root.glob("*.npz"))
        if not splits:
            raise UserError(f"no .npz file in the folder {root}")
        require_split(options, splits)
        file, prefix = root / f"{options.split}.npz", ""
    else:
        file, prefix = root, f"{options.split}_"
    arrays = load_arrays(file)
    if options.split == "train" and not any(f"train_image{s}" in arrays for s in _ENDINGS):
        prefix = ""
    pixels_key = _first(arrays, f"{prefix}image")
    if pixels_key is None:
        raise MissingSplit(
            f"{file} has no array {prefix + 'image'!r} for the split {options.split!r}; "
            f"it has: {', '.join(sorted(arrays)) or 'none'}"
        )
    pixels = _checked_pixels(arrays[pixels_key], f"{pixels_key!r} in {file}")
    label_key = _first(arrays, f"{prefix}label")
    if label_key is None:
        return ArraySource(pixels, None, options)
    labels = _checked_labels(arrays[label_key], len(pixels), f"{label_key!r} in {file}")
    return ArraySource(pixels, labels, options, num_classes=int(labels.max()) + 1)


def _first(arrays: dict[str, np.ndarray], name: str) -> str | None:
    return next((name + ending for ending in _ENDINGS if name + ending in arrays), None)


def load_arrays(file: pathlib.Path) -> dict[str, np.ndarray]:
    """Return all arrays of an .npz file; a UserError if it is damaged or holds Python objects."""
    try:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(f"cannot read {file} as an .npz file: it is a single array (.npy)")
        with archive:
            return {key: archive[key] for key in archive.files}
    except UserError:
        raise
    except ValueError as error:
        if "pickle" in str(error):
            raise UserError(
                f"{file} holds Python objects (a pickle), which could run code when loaded and are "
                "refused; store plain arrays"
            ) from error
        raise UserError(f"cannot read {file}: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, AttributeError) as error:
        raise UserError(f"cannot read {file} as an .npz file: {error}") from error


def _checked_pixels(pixels: np.ndarray, what: str) -> np.ndarray:
    if pixels.dtype != np.uint8:
        raise UserError(f"{what} must be uint8 (0 to 255), it is {pixels.dtype}")
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.ndim != 4 or 0 in pixels.shape:
        raise UserError(
            f"{what} must have the shape [n, h, w, c] or [n, h, w], it has {pixels.shape}"
        )
    return pixels


def _checked_labels(labels: np.ndarray, count: int, what: str) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise UserError(
            f"{what} must be one label for each of the {count} images, its shape is {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
        raise UserError(f"{what} must be integers from 0, it is {labels.dtype} from {labels.min()}")
    return labels
