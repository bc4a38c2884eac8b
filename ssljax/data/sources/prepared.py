"""Data sets that TFDS has prepared as ArrayRecord files; reading them takes no TensorFlow."""

import functools
import logging
import os
import pathlib
from typing import Any

import numpy as np

from ssljax.data.sources.base import Options, Source, fingerprint_of
from ssljax.data.sources.decoded_cache import kept_file, load_kept, save_kept
from ssljax.data.sources.in_memory import ArraySource, image_source
from ssljax.data.sources.paths import find_split, hash_of_files
from ssljax.data.storage import scratch
from ssljax.errors import UserError, optional_package
from ssljax.spec import LABEL, Field


def is_prepared(folder: pathlib.Path) -> bool:
    """Say whether TFDS has finished preparing this folder."""
    return (folder / "dataset_info.json").is_file() and (folder / "features.json").is_file()


def versions(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the prepared versions of a data set or of one of its configs, oldest first."""
    if not folder.is_dir():
        return []
    numbered = [p for p in folder.iterdir() if p.name.replace(".", "").isdigit() and is_prepared(p)]
    return sorted(numbered, key=lambda p: [int(part) for part in p.name.split(".")])


def open_prepared(folder: pathlib.Path, options: Options) -> Source:
    """Open one split of a prepared folder; a small one is decoded once and kept as arrays."""
    builder = _builder(folder)
    splits = builder.info.splits
    split = find_split(options, [name for name, info in splits.items() if info.num_examples])
    features = builder.info.features
    if "image" not in features or getattr(features["image"], "np_dtype", None) != np.uint8:
        raise UserError(f"{folder} has no 8-bit feature 'image'; it has: {', '.join(features)}")
    shards = [pathlib.Path(p) for p in splits[split].filepaths]
    missing = [p for p in shards if not p.is_file()]
    if missing:
        raise UserError(
            f"{missing[0]} is missing, so the data set is incomplete; "
            f"remove {folder} and prepare it again"
        )
    label = features["label"] if "label" in features else None
    names = tuple(label.names) if hasattr(label, "names") else None
    source = PreparedSource(
        folder,
        options,
        names,
        features["image"].shape,
        label is not None and label.shape == (),
        content=hash_of_files(shards),
    )
    shape = source.fields["image"].shape
    if None not in shape and len(source) * int(np.prod(shape)) <= options.memory_limit:
        return _in_memory(source, folder, options)
    return source


def _builder(folder: pathlib.Path) -> Any:
    tfds = optional_package("tensorflow_datasets", "tfds")  # here: it takes a second to import
    from google.protobuf.json_format import ParseError

    logging.getLogger("absl").addFilter(_no_advertisement)
    try:
        return tfds.builder_from_directory(str(folder))
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
        class_names: tuple[str, ...] | None,
        shape: tuple[int | None, ...],
        labelled: bool,
        content: str,
    ):
        self.name, self.split = options.name, options.split
        self.class_names = class_names
        self.num_classes = len(class_names) if class_names else None
        self.fields = {"image": Field("image", tuple(shape), "uint8")}
        if labelled:
            self.fields["label"] = LABEL.replace(classes=self.num_classes or 0)
        self._folder, self._labelled, self._content = folder, labelled, content

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
        record = self._records[int(index)]
        example = {"image": record["image"]}
        if self._labelled:
            example["label"] = int(record["label"])
        return example

    def fingerprint(self) -> dict[str, Any]:
        return fingerprint_of(self, self._content)


def _in_memory(source: PreparedSource, folder: pathlib.Path, options: Options) -> ArraySource:
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
