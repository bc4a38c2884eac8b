"""Data sets that TFDS has prepared as ArrayRecord files; reading them takes no TensorFlow."""

import functools
import logging
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.data.sources.base import Options, Source, fingerprint_of
from ssljax.data.sources.decoded_cache import kept_file, load_kept, save_kept
from ssljax.data.sources.faults import reported
from ssljax.data.sources.in_memory import ArraySource, image_source
from ssljax.data.sources.paths import find_split, hash_of_files
from ssljax.data.sources.tfds_features import Reader, label_of, readers_of
from ssljax.data.sources.tokenized import objects
from ssljax.data.storage import scratch
from ssljax.errors import UserError, optional_package
from ssljax.spec import LABEL


def is_prepared(folder: pathlib.Path) -> bool:
    """Say whether TFDS has finished preparing this folder."""
    return (folder / "dataset_info.json").is_file() and (folder / "features.json").is_file()


def versions(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the prepared versions of a data set or of one of its configs, oldest first."""
    if not folder.is_dir():
        return []
    numbered = [p for p in folder.iterdir() if p.name.replace(".", "").isdigit() and is_prepared(p)]
    return sorted(numbered, key=lambda p: [int(part) for part in p.name.split(".")])


def open_prepared(folder: pathlib.Path, options: Options, chosen: Mapping[str, str]) -> Source:
    """Open one split of a prepared folder; a small one without videos is decoded once.

    Args:
      folder: of the version.
      options: as of every source.
      chosen: features that the user names, see `readers_of`.

    Raises:
      UserError: the folder is damaged, has no such split, or nothing that can be read.
    """
    builder = _builder(folder)
    splits = builder.info.splits
    split = find_split(options, [name for name, info in splits.items() if info.num_examples])
    features = builder.info.features
    readers = readers_of(features, chosen, options.name)
    label = label_of(features, chosen, options.name)
    shards = [pathlib.Path(p) for p in splits[split].filepaths]
    missing = [p for p in shards if not p.is_file()]
    if missing:
        raise UserError(
            f"{missing[0]} is missing, so the data set is incomplete; "
            f"remove {folder} and prepare it again"
        )
    names = getattr(features[label], "names", None) if label else None
    content = hash_of_files(shards)
    content = f"{content}, {sorted(chosen.items())}" if chosen else content
    source = PreparedSource(folder, options, readers, label, names, content=content)
    if _bytes_of(source, int(splits[split].num_bytes)) > options.memory_limit:
        return source
    if set(readers) == {"image"}:
        return _images_in_memory(source, folder, options)
    return _in_memory(source, options)


def _bytes_of(source: "PreparedSource", stored: int) -> float:
    """Return about how much of memory a split takes, decoded; infinity where nobody can tell."""
    fields = source.fields
    if "video" in fields or "image" in fields and None in fields["image"].shape:
        return math.inf
    pixels = len(source) * math.prod(fields["image"].shape) if "image" in fields else 0
    return pixels + (stored if {"text", "audio"} & set(fields) else 0)


def _builder(folder: pathlib.Path) -> Any:
    tfds = optional_package("tensorflow_datasets", "tfds")  # here: it takes a second to import
    from google.protobuf.json_format import ParseError

    logging.getLogger("absl").addFilter(_no_advertisement)
    try:
        return tfds.builder_from_directory(str(folder))
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise UserError(
            f"{folder} has sounds or videos, which TFDS reads with TensorFlow: pip install "
            "tensorflow-cpu"
        ) from error
    except (OSError, ValueError, KeyError, ParseError) as error:
        raise UserError(f"{folder} is no data set that TFDS can read: {error}") from error


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "OpenCV" not in record.getMessage()  # TFDS recommends it on the user's terminal


class PreparedSource:
    """Records that TFDS decodes when they are read."""

    in_memory = False
    report = None

    def __init__(
        self,
        folder: pathlib.Path,
        options: Options,
        readers: Mapping[str, Reader],
        label: str | None,
        class_names: Sequence[str] | None,
        content: str,
    ):
        self.name, self.split = options.name, options.split
        self.class_names = tuple(class_names) if class_names is not None else None
        self.num_classes = len(class_names) if class_names is not None else None
        self.fields = {name: reader.field for name, reader in readers.items()}
        if label:
            self.fields["label"] = LABEL.replace(classes=self.num_classes or 0)
        self._folder, self._readers, self._label = folder, dict(readers), label
        self._content = content

    @functools.cached_property
    def _records(self) -> Any:
        builder = _builder(self._folder)
        try:
            return builder.as_data_source(split=self.split)
        except NotImplementedError as error:
            raise UserError(
                f"{self._folder} is stored as {builder.info.file_format.file_suffix}, which has no "
                "random access; prepare it again with file_format='array_record'"
            ) from error

    def __getstate__(self) -> dict:
        return {
            k: v for k, v in self.__dict__.items() if k != "_records"
        }  # each process opens its own

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        try:
            return self.read(index)
        except ValueError as error:
            raise UserError(f"record {index} of {self.name}, {self.split}: {error}") from error

    def read(self, index: int) -> dict[str, Any]:
        """Return an example; raise a ValueError that says what is wrong with it."""
        record = self._records[int(index)]
        example = {
            name: reader.convert(record[reader.feature]) for name, reader in self._readers.items()
        }
        return example | ({"label": int(record[self._label])} if self._label else {})

    def fingerprint(self) -> dict[str, Any]:
        return fingerprint_of(self, self._content)


def _in_memory(source: PreparedSource, options: Options) -> ArraySource:
    """Return texts and sounds, perhaps with images of one size, in memory."""
    examples, faults = [], []
    for index in range(len(source)):
        try:
            examples.append(source.read(index))
        except ValueError as error:
            faults.append((f"record {index}", str(error)))
    report = reported(faults, len(source), "records", options)
    held = {name: [one[name] for one in examples] for name in source.fields}
    fields = {name: field for name, field in source.fields.items() if name != "label"}
    arrays: dict[str, Any] = {
        name: np.stack(held[name]) if name == "image" else objects(held[name]) for name in fields
    }
    arrays["label"] = _labels(held.get("label"))
    content = source.fingerprint()["content"]
    return ArraySource(
        fields,
        arrays,
        options,
        class_names=source.class_names if arrays["label"] is not None else None,
        content=f"{content}, without {[name for name, _ in faults]}" if faults else content,
        report=report,
    )


def _labels(found: Sequence[int] | None) -> np.ndarray | None:
    """Return the classes; None if an example has none, which TFDS writes as -1."""
    return None if found is None or min(found) < 0 else np.array(found, np.int32)


def _images_in_memory(
    source: PreparedSource, folder: pathlib.Path, options: Options
) -> ArraySource:
    content = source.fingerprint()["content"]
    file = kept_file(folder, options.split)
    arrays = load_kept(file, content)
    if arrays is None:
        examples = [source[i] for i in range(len(source))]
        arrays = {"image": np.stack([e["image"] for e in examples])}
        if "label" in examples[0]:
            arrays["label"] = np.array([e["label"] for e in examples], np.int32)
        try:
            with scratch(folder, file.stem) as unfinished:
                save_kept(unfinished / file.name, content, arrays)
                os.replace(unfinished / file.name, file)
        except UserError:
            pass  # no room or no permission there: only the next start is slower
    return image_source(
        arrays["image"],
        arrays.get("label"),
        options,
        content=content,
        class_names=source.class_names,
    )
