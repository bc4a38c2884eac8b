"""The tokenizer that `config.data.tokenizer` names."""

import functools
import pathlib

from ssljax.data.sources.paths import existing
from ssljax.data.tokenizers.base import Tokenizer
from ssljax.data.tokenizers.characters import AminoAcids, Bytes
from ssljax.data.tokenizers.huggingface import from_json, from_vocab_txt
from ssljax.errors import UserError

USAGE = "bytes, amino_acids, wordpiece:PATH (vocab.txt) or json:PATH (tokenizer.json)"
_FIXED = {"bytes": Bytes, "amino_acids": AminoAcids}
_FILES = {"wordpiece": from_vocab_txt, "json": from_json}


def open_tokenizer(name: str) -> Tokenizer | None:
    """Return a tokenizer by its name; None of "".

    Args:
      name: "bytes", "amino_acids", "wordpiece:PATH" of a vocab.txt, or "json:PATH" of a
        tokenizer.json.

    Raises:
      UserError: no such name or file, or the file is damaged.
    """
    if not name:
        return None
    if name in _FIXED:
        return _FIXED[name]()
    kind, colon, path = name.partition(":")
    if not colon or kind not in _FILES:
        raise UserError(f"config.data.tokenizer={name!r} names no tokenizer; write {USAGE}")
    file = existing(path, "tokenizer of config.data.tokenizer")
    if file.is_dir():
        raise UserError(f"config.data.tokenizer={name!r}: {file} is a folder; name the file in it")
    return _read(kind, file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read(kind: str, file: pathlib.Path, changed: int) -> Tokenizer:
    del changed  # of the file; part of the key, so that another content is read anew
    return _FILES[kind](file)
