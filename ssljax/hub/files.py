"""Folders with config.json and model.safetensors, read without running any code in them."""

import contextlib
import json
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ssljax.errors import UserError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl", ".th")


class Tensors(Mapping[str, np.ndarray]):
    """Tensors by name, each read from its file when it is asked for.

    Args:
      place: a .safetensors file, or a folder with model.safetensors or with the index of several
        such files.

    Raises:
      UserError: no such file, one that is damaged, a pickle, or an index that names what is not
        there.
    """

    def __init__(self, place: pathlib.Path):
        self.place = place
        self._files = {name: file for file in _files(place) for name in _names(file)}
        if not self._files:
            raise UserError(f"{place} holds no tensor")
        if place.is_dir() and (index := place / INDEX).exists():
            absent = [name for name in _weight_map(index) if name not in self._files]
            if absent:
                raise UserError(f"{index} names the tensor {absent[0]}, which no file has")

    def __getitem__(self, name: str) -> np.ndarray:
        with _opened(self._files[name]) as file:
            return file.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, without reading it."""
        with _opened(self._files[name]) as file:
            return tuple(file.get_slice(name).get_shape())


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
      UserError: there is none, or it is no object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no {path}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not readable as JSON: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds a {type(found).__name__}, not an object")
    return found


@contextlib.contextmanager
def new_folder(path: pathlib.Path, flag: str) -> Iterator[pathlib.Path]:
    """Give a folder to write into, which becomes `path` at the end; of a failure nothing is left.

    Raises:
      UserError: `path` exists, or cannot be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{flag} {path} is there already; give another name, or remove it first")
    missing = [one for one in path.absolute().parents if not one.exists()]
    being_made = path.absolute().with_name(f".{path.name}.being-written")
    try:
        shutil.rmtree(being_made, ignore_errors=True)
        being_made.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"cannot write {flag} {path}: {error.strerror}") from error
    try:
        yield being_made
        being_made.replace(path)
    except BaseException:
        shutil.rmtree(being_made, ignore_errors=True)
        for one in missing:
            with contextlib.suppress(OSError):
                one.rmdir()
        raise


def write_weights(
    folder: pathlib.Path, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> None:
    """Write config.json and model.safetensors; "format" is what transformers asks for."""
    write_json(folder / "config.json", config)
    save_file(dict(tensors), folder / WEIGHTS, metadata={"format": "pt"})


def write_json(path: pathlib.Path, values: Mapping[str, Any]) -> None:
    """Write an object into a file of a folder that is being made."""
    path.write_text(json.dumps(dict(values), indent=2) + "\n", encoding="utf-8")


def _files(place: pathlib.Path) -> list[pathlib.Path]:
    if place.suffix in PICKLES:
        raise _pickle(place)
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise UserError(f"there is no {place}")
    if (place / WEIGHTS).exists():
        return [place / WEIGHTS]
    if (place / INDEX).exists():
        return _shards(place)
    for path in sorted(place.iterdir()):
        if path.suffix in PICKLES:
            raise _pickle(path)
    raise UserError(f"{place} has no {WEIGHTS}")


def _shards(place: pathlib.Path) -> list[pathlib.Path]:
    files = [place / name for name in dict.fromkeys(_weight_map(place / INDEX).values())]
    for file in files:
        if file.parent != place:
            raise UserError(f"{place / INDEX} names a file outside of its folder: {file}")
        if not file.is_file():
            raise UserError(f"{place / INDEX} names {file.name}, which is not there")
    return files


def _weight_map(index: pathlib.Path) -> dict[str, str]:
    found = read_json(index).get("weight_map")
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise UserError(f"{index} has no weight_map from tensors to files")
    return found


def _names(file: pathlib.Path) -> list[str]:
    with _opened(file) as opened:
        return list(opened.keys())


@contextlib.contextmanager
def _opened(file: pathlib.Path) -> Iterator[Any]:
    try:
        with safe_open(file, "np") as opened:
            yield opened
    except (SafetensorError, OSError) as error:
        raise UserError(f"cannot read {file} as safetensors: {error}") from error


def _pickle(path: pathlib.Path) -> UserError:
    out = path.parent / WEIGHTS
    return UserError(
        f"{path} is a pickle, which can run code when it is read. Convert it, if you trust it, "
        "where PyTorch and safetensors are installed:\n"
        f'  tensors = torch.load("{path}", map_location="cpu", weights_only=True)\n'
        "  safetensors.torch.save_file({k: v.contiguous() for k, v in tensors.items()}, "
        f'"{out}")'
    )
