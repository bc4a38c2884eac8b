"""A data set whose texts are ids of a tokenizer instead of strings."""

import importlib.metadata
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.data.host.text import require_separated
from ssljax.data.sources import tags
from ssljax.data.sources.base import Source, groups_of
from ssljax.data.sources.encoded import EncodedSource
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.targets import target_field
from ssljax.data.sources.token_cache import LEAST, kept_ids
from ssljax.data.tokenizers.base import Tokenizer, digest, encode_pairs, field_of
from ssljax.data.tokenizers.huggingface import LibraryTokenizer
from ssljax.errors import UserError
from ssljax.spec import target_kind

Keep = Callable[[Callable[[], Sequence[np.ndarray]]], Sequence[np.ndarray]]


def tokenized(source: Source, tokenizer: Tokenizer, folder: pathlib.Path | None = None) -> Source:
    """Return the source with the strings of its text fields as ids: itself if it has none.

    Of a source whose texts are in memory, all are encoded at once, else each when it is read.

    Args:
      source: to read.
      tokenizer: what encodes its texts.
      folder: where the ids of large sets are kept for the next start, see `kept_ids`; or None.

    Raises:
      UserError: a text field holds ids already, or a text has no token.
    """
    texts = [name for name, field in source.fields.items() if field.modality == "text"]
    for name in texts:
        if source.fields[name].dtype != "str":
            raise UserError(
                f"config.data.tokenizer is for strings, and the text {name!r} of {source.name} is "
                f"ids of a vocabulary of {source.fields[name].vocab} already; leave it out"
            )
    if not texts:
        return source
    if isinstance(source, ArraySource):
        fields, arrays = dict(source.fields), dict(source.arrays)
        for name in texts:
            fields[name] = field_of(tokenizer, fields[name])
            what = f"{name!r} of {source.name}"
            require_separated(fields[name])
            paired = fields[name].sentences == 2
            keep = _keep(source, tokenizer, name, folder)
            arrays[name] = _encoded(arrays[name], tokenizer, what, paired=paired, keep=keep)
        if has_tags(source):
            words, places = source.arrays["text"], tokenizer.places(list(source.arrays["text"]))
            arrays["label"] = tags.of_tokens(words, arrays["label"], places)
            fields["label"] = target_field(arrays["label"], fields["label"].classes)
        return source.replaced(fields, arrays, f"tokenizer {digest(tokenizer)}")
    if isinstance(source, EncodedSource):
        what = f"'text' of {source.name}"
        keep = _keep(source, tokenizer, "text", folder)
        ids = _encoded(source.texts, tokenizer, what, keep=keep)
        field = field_of(tokenizer, source.fields["text"])
        return source.with_texts(field, ids, f"tokenizer {digest(tokenizer)}")
    return _Tokenized(source, tokenizer, texts)


def has_tags(source: Source) -> bool:
    """Say whether the labels of a source are a class for each word of its texts."""
    label = source.fields.get("label")
    return label is not None and target_kind(label) == "tokens"


class _Tokenized:
    in_memory = False

    def __init__(self, source: Source, tokenizer: Tokenizer, texts: Sequence[str]):
        self._source, self._tokenizer, self._texts = source, tokenizer, tuple(texts)
        self.name, self.split, self.report = source.name, source.split, source.report
        self.num_classes, self.class_names = source.num_classes, source.class_names
        self.groups = groups_of(source)
        self.fields = {
            name: field_of(tokenizer, field) if name in texts else field
            for name, field in source.fields.items()
        }

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._with_ids(self._source[index], index)

    def _with_ids(self, example: Mapping[str, Any], index: int) -> dict[str, Any]:
        example = dict(example)
        for name in self._texts:
            what = f"{name!r} of example {index} of {self.name}"
            example[name] = _encoded([example[name]], self._tokenizer, what)[0]
        return example

    def fingerprint(self) -> dict[str, Any]:
        found = self._source.fingerprint()
        found["content"] += f", tokenizer {digest(self._tokenizer)}"
        return found


def _keep(source: Source, tokenizer: Tokenizer, name: str, folder: pathlib.Path | None) -> Keep:
    """Return what keeps the ids of a field in a folder, if it has many texts and a tokenizer of a
    file, which is slower than reading the ids."""
    texts = source.texts if isinstance(source, EncodedSource) else source.arrays[name]
    many = sum(len(text) if isinstance(text, str) else sum(map(len, text)) for text in texts)
    if folder is None or many < LEAST or not isinstance(tokenizer, LibraryTokenizer):
        return lambda make: make()
    content, version = source.fingerprint()["content"], importlib.metadata.version("tokenizers")
    key = f"{content} {source.split} {name} {digest(tokenizer)} {version}"
    return lambda make: kept_ids(folder, key, make)


def _encoded(
    texts: Sequence[Any],
    tokenizer: Tokenizer,
    what: str,
    *,
    paired: bool = False,
    keep: Keep = lambda make: make(),
) -> np.ndarray:
    """Return ids int32[N] by text, object[n]; of several captions, tuples of them.

    Args:
      texts: strings, or tuples of them: captions, or the two sentences of a pair.
      tokenizer: what encodes them.
      what: for messages.
      paired: whether tuples are pairs of sentences, which become one text.
      keep: returns what it is given to make, which may be kept from before.
    """
    if paired:
        flat = found = keep(lambda: encode_pairs(tokenizer, texts))
    elif len(texts) and isinstance(texts[0], tuple):
        flat = keep(lambda: tokenizer.encode([one for captions in texts for one in captions]))
        ends = np.cumsum([len(captions) for captions in texts])
        found = [tuple(flat[e - len(c) : e]) for c, e in zip(texts, ends, strict=True)]
    else:
        flat = found = keep(lambda: tokenizer.encode(list(texts)))
    if not all(map(len, flat)):
        at = next(i for i, one in enumerate(flat) if not len(one))
        raise UserError(f"{what}: text {at} has no token")
    return objects(found)


def objects(values: Sequence[Any]) -> np.ndarray:
    """Return object[n] that holds the values as they are, whatever they are."""
    found = np.empty(len(values), object)
    for at, value in enumerate(values):
        found[at] = value
    return found
