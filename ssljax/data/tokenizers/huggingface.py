"""Tokenizers of the library `tokenizers`: WordPiece, BPE, Unigram, of a file."""

import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.errors import UserError, optional_package

# Names of special tokens in released tokenizers, by role; the first that is in the vocabulary.
_NAMES = {
    "pad": ("[PAD]", "<pad>", "<|pad|>"),
    "unk": ("[UNK]", "<unk>"),
    "cls": ("[CLS]", "<s>", "<cls>", "<|startoftext|>", "<bos>"),
    "sep": ("[SEP]", "</s>", "<eos>", "<|endoftext|>"),
    "mask": ("[MASK]", "<mask>"),
}
_TEXTS = 2**12  # encoded at once, so that memory is bounded


class LibraryTokenizer:
    """A tokenizer that the `tokenizers` library reads.

    Begin and end tokens are those that its definition adds to a text. Where it adds none and has
    an end token, as the definition of GPT-2 does, that token ends a text.
    """

    def __init__(self, definition: str, what: str = "the tokenizer"):
        """Read a tokenizer.

        Args:
          definition: the JSON of a tokenizer.json.
          what: for messages.

        Raises:
          UserError: it is none, or the library is not installed.
        """
        tokenizer = _read(definition, what)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._definition = tokenizer.to_str()
        self.vocab = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
        found = {
            role: next((i for i in map(tokenizer.token_to_id, names) if i is not None), None)
            for role, names in _NAMES.items()
        }
        self.begin, self.end = _around(tokenizer)
        self._adds = bool(self.begin or self.end)
        if not self._adds and found["sep"] is not None:
            self.end = (found["sep"],)
        self.between = _between(tokenizer, self.begin, self.end) if self._adds else ()
        # What its definition adds counts for more than a name.
        if self.begin:
            found["cls"] = self.begin[0]
        if self.end:
            found["sep"] = self.end[-1]
        self.special = tuple((role, i) for role, i in found.items() if i is not None)

    @functools.cached_property
    def _tokenizer(self) -> Any:
        return _read(self._definition, "the tokenizer")

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_tokenizer"}

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the ids int32[N] of each text."""
        after = () if self._adds else self.end
        ids: list[np.ndarray] = []
        for first in range(0, len(texts), _TEXTS):
            some = [str(text) for text in texts[first : first + _TEXTS]]
            encoded = self._tokenizer.encode_batch_fast(some)
            ids += [np.array([*one.ids, *after], np.int32) for one in encoded]
        return ids

    def places(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the place of each token's last character; -1 of what is added to a text."""
        after = () if self._adds else (-1,) * len(self.end)
        found = []
        for one in self._tokenizer.encode_batch([str(text) for text in texts]):
            ends = [end - 1 if end > start else -1 for start, end in one.offsets]
            found.append(np.array([*ends, *after], np.int64))
        return found

    def definition(self) -> str:
        """Return its JSON, as the library writes it."""
        return self._definition


def from_vocab_txt(path: pathlib.Path) -> LibraryTokenizer:
    """Return the WordPiece tokenizer of BERT with the vocabulary of a vocab.txt.

    Text is split and normalised as in BERT's official code (tokenization.py). It is made lower-case
    unless the vocabulary has pieces with capitals beside the special tokens.

    Raises:
      UserError: the file is no such vocabulary.
    """
    lines = _text(path).splitlines()
    places = {token: place for place, token in enumerate(lines)}
    missing = [token for token in ("[UNK]", "[CLS]", "[SEP]") if token not in places]
    if missing or len(places) != len(lines):
        twice = next((token for at, token in enumerate(lines) if places[token] != at), "")
        raise UserError(
            f"{path} is no vocabulary of WordPiece, one token in each line: "
            + (f"{missing[0]} is missing" if missing else f"{twice!r} is there twice")
        )
    library = optional_package("tokenizers", "text")
    cased = any(token != token.lower() for token in lines if not token.startswith("["))
    tokenizer = library.Tokenizer(
        library.models.WordPiece(places, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    tokenizer.normalizer = library.normalizers.BertNormalizer(lowercase=not cased)
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([t for t in lines if t in {n for v in _NAMES.values() for n in v}])
    add_bert_template(tokenizer)
    return LibraryTokenizer(tokenizer.to_str(), str(path))


def add_bert_template(tokenizer: Any) -> None:
    """Let a tokenizer of the library put a text between [CLS] and [SEP]."""
    library = optional_package("tokenizers", "text")
    tokenizer.post_processor = library.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )


def from_json(path: pathlib.Path) -> LibraryTokenizer:
    """Return the tokenizer of a tokenizer.json.

    Raises:
      UserError: the file is none.
    """
    return LibraryTokenizer(_text(path), str(path))


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no UTF-8 text: {error}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _read(definition: str, what: str) -> Any:
    library = optional_package("tokenizers", "text")
    try:
        return library.Tokenizer.from_str(definition)
    except Exception as error:  # the library raises no class of its own
        raise UserError(f"{what} is no tokenizer.json: {str(error).splitlines()[0]}") from error


def _around(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids that a tokenizer adds before and after a text."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    full = tokenizer.encode("a").ids
    added = len(full) - len(plain)
    for before in range(added + 1):
        if full[before : before + len(plain)] == plain:
            return tuple(full[:before]), tuple(full[before + len(plain) :])
    return (), ()


def _between(tokenizer: Any, begin: tuple[int, ...], end: tuple[int, ...]) -> tuple[int, ...]:
    """Return the ids that a tokenizer adds between two sentences, beside the end of the first."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    first, second = [*begin, *plain, *end], [*plain, *end]
    full = tokenizer.encode("a", "a").ids
    middle = len(full) - len(first) - len(second)
    if middle >= 0 and full[: len(first)] == first and full[len(first) + middle :] == second:
        return tuple(full[len(first) : len(first) + middle])
    return ()
