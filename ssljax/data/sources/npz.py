"""`npz:PATH`: arrays in NumPy's own format.

PATH is a folder with one file per split, `train.npz`, `test.npz`, ..., each with the keys `image`
and, if it has labels, `label`; or one file with the keys `train_image`, `train_label`,
`test_image`, ...; or one file with just `image` and `label`, which is all train. `images` and
`labels` are understood as well. Images are [n, h, w, c] or [n, h, w], of any number of
channels: uint8, uint16 (65,535 is white) or float32 in [0, 1]. Labels are numbers of classes from
0, or strings, which are numbered in their sorted order; or other targets, see `targets`. `text`,
if there is one, belongs to the image: strings [n]; or token ids int [n, N] with -1 after the end of
a text, beside `vocab`, the number of ids. `group`, numbers or strings [n], says who or what each
example is of, such as a person; `ssljax evaluate --protocol shift` holds out whole groups.
"""

import pathlib
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ssljax.data.sources import labels, targets
from ssljax.data.sources.base import Options
from ssljax.data.sources.in_memory import ArraySource, image_source
from ssljax.data.sources.paths import existing, find_split, kind_of_split
from ssljax.data.sources.texts import checked_text
from ssljax.errors import MissingSplit, UserError
from ssljax.spec import Field

_ENDINGS = ("", "s")


class Split(NamedTuple):
    """The arrays of a file that holds a split.

    Attributes:
      file: the file.
      arrays: all of its arrays, by key.
      prefix: with what the keys of the split begin, such as "train_"; "" where the file is it.
      files: those of all splits by name, where each has its own; {} for one file.
    """

    file: pathlib.Path
    arrays: dict[str, np.ndarray]
    prefix: str
    files: dict[str, pathlib.Path]

    def key(self, name: str) -> str | None:
        """Return the key of the array of a name in this split; None: there is none."""
        return _first(self.arrays, f"{self.prefix}{name}")

    def every(self, name: str) -> list[np.ndarray]:
        """Return the arrays of a name in all splits."""
        endings = tuple(f"{name}{ending}" for ending in _ENDINGS)
        found = [array for key, array in self.arrays.items() if key.endswith(endings)]
        for other in self.files.values():
            found += load_arrays(other, lambda key: key.endswith(endings)).values()
        return found


def open_npz(path: str, options: Options) -> ArraySource:
    """Open the arrays of one split."""
    return source_of(load_split(path, options), options)


def load_split(path: str, options: Options) -> Split:
    """Read the file of one split.

    Raises:
      UserError: there is none, or it is damaged.
    """
    root = existing(path, "npz file or folder")
    if root.is_dir():
        files = {p.stem: p for p in sorted(root.glob("*.npz"))}
        if not files:
            raise UserError(f"no .npz file in the folder {root}")
        file = files[find_split(options, files)]
        return Split(file, load_arrays(file), "", files)
    arrays = load_arrays(root)
    return Split(root, arrays, _prefix(arrays, options), {})


def source_of(split: Split, options: Options) -> ArraySource:
    """Return the images of a split, with what belongs to them."""
    file, arrays, prefix, _ = split
    pixels_key = _first(arrays, f"{prefix}image")
    if pixels_key is None:
        text_alone = any(key.rpartition("_")[2] == "text" for key in arrays)
        raise MissingSplit(
            f"{file} has no array {prefix + 'image'!r} for the split {options.split!r}; "
            f"it has: {', '.join(sorted(arrays)) or 'none'}"
            + ("; texts alone are read by jsonl: or parquet:" if text_alone else "")
        )
    pixels = _checked_pixels(arrays[pixels_key], f"{pixels_key!r} in {file}")
    beside = _text(arrays, prefix, len(pixels), file)
    groups = checked_groups(arrays.get(_first(arrays, f"{prefix}group")), len(pixels), str(file))
    label_key = _first(arrays, f"{prefix}label")
    if label_key is None:
        return image_source(pixels, None, options, beside=beside, groups=groups)
    what = f"{label_key!r} in {file}"
    own = arrays[label_key]
    every = [own]
    if labels.are_names(own) or own.dtype.kind == "f":
        # Names are numbered over all splits, so that one missing from a split shifts no other; and
        # of numbers, all splits say whether they are classes.
        every += split.every("label")
    if not labels.are_names(own):
        own = targets.as_targets(own, targets.kind_of_arrays(every, what), what)
        targets.require_one_for_each(own, pixels, what)
        classes = int(own.max()) + 1 if own.ndim == 1 else None
        return image_source(pixels, own, options, beside=beside, groups=groups, num_classes=classes)
    own = _one_for_each(own, len(pixels), what)
    if not all(map(labels.are_names, every)):
        raise UserError(f"{what} has strings, and the labels of another split are numbers")
    names = labels.class_names(array.ravel() for array in every)
    numbers = labels.numbers_of(own, names)
    return image_source(pixels, numbers, options, beside=beside, groups=groups, class_names=names)


def checked_groups(groups: np.ndarray | None, count: int, what: str) -> np.ndarray | None:
    """Return who each of `count` examples is of, see `groups_of`; None stays None.

    Raises:
      UserError: they are not numbers or strings, one for each example.
    """
    if groups is not None and (groups.shape != (count,) or groups.dtype.kind not in "iuUS"):
        raise UserError(
            f"'group' of {what} must be whole numbers or strings, one for each of {count} examples;"
            f" it is {groups.dtype} of {groups.shape}"
        )
    return groups


def _text(
    arrays: dict[str, np.ndarray], prefix: str, count: int, file: pathlib.Path
) -> dict[str, tuple[Field, np.ndarray]]:
    """Return the texts that belong to the images, by the name of their field; {} without any."""
    key = _first(arrays, f"{prefix}text")
    if key is None:
        return {}
    vocab = arrays.get(f"{prefix}vocab", arrays.get("vocab"))
    return {"text": checked_text(arrays[key], vocab, count, f"{key!r} in {file}")}


def _prefix(arrays: dict[str, np.ndarray], options: Options) -> str:
    """Return with what the keys of the split begin in a file of several."""
    splits = {
        key.removesuffix(f"_image{ending}")
        for ending in _ENDINGS
        for key in arrays
        if key.endswith(f"_image{ending}")
    }
    to_train = kind_of_split(options.split) == "train"
    if to_train and "train" not in map(kind_of_split, splits):
        return ""
    return f"{find_split(options, splits) if splits else options.split}_"


def _first(arrays: dict[str, np.ndarray], name: str) -> str | None:
    return next((name + ending for ending in _ENDINGS if name + ending in arrays), None)


def load_arrays(
    file: pathlib.Path, wanted: Callable[[str], bool] = lambda key: True
) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file whose keys are wanted.

    Raises:
      UserError: the file is damaged or holds Python objects.
    """
    try:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(f"cannot read {file} as an .npz file: it is a single array (.npy)")
        with archive:
            return {key: archive[key] for key in archive.files if wanted(key)}
    except UserError:
        raise
    except ValueError as error:
        if "pickle" in str(error):
            raise UserError(
                f"{file} holds Python objects (a pickle), which could run code when loaded and are "
                "refused; store plain arrays (strings as np.array(names, dtype=str))"
            ) from error
        raise UserError(f"cannot read {file}: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, AttributeError) as error:
        raise UserError(f"cannot read {file} as an .npz file: {error}") from error


def _checked_pixels(pixels: np.ndarray, what: str) -> np.ndarray:
    if pixels.dtype not in (np.uint8, np.uint16, np.float32):
        hint = "; store it as x.astype(np.float32)" if pixels.dtype.kind == "f" else ""
        raise UserError(
            f"{what} must be uint8 (0 to 255), uint16 (0 to 65535) or float32 (0 to 1), it is "
            f"{pixels.dtype}{hint}"
        )
    if pixels.dtype == np.float32 and pixels.size:
        least, most = pixels.min(), pixels.max()
        if not (least >= 0 and most <= 1):  # NaN is neither
            raise UserError(
                f"{what} must lie in [0, 1], it is from {least} to {most}; bring it there by its "
                "own range, the same for every split"
            )
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.ndim != 4 or 0 in pixels.shape:
        raise UserError(
            f"{what} must have the shape [n, h, w, c] or [n, h, w], it has {pixels.shape}"
        )
    if _has_channels_first(*pixels.shape[1:]):
        raise UserError(
            f"{what} must have the shape [n, h, w, c]; it has {pixels.shape}, which looks like "
            "[n, c, h, w]. Bring the channels to the end: np.moveaxis(x, 1, -1)"
        )
    return pixels


def _has_channels_first(first: int, second: int, third: int) -> bool:
    """Say whether the axes look like (c, h, w); many channels at the end are allowed.

    A square image tells: [h, h, c] has its channels last and [c, h, h] first. Of others, those of
    at most 4 rows and more than 4 channels are no images.
    """
    if first >= third or first == second:
        return False
    return second == third or (first <= 4 < third)


def _one_for_each(labels: np.ndarray, count: int, what: str) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise UserError(
            f"{what} must be one label for each of the {count} images, its shape is {labels.shape}"
        )
    return labels
