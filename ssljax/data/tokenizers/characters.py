"""Tokenizers with a fixed alphabet: nothing is learned, and no library is needed."""

import dataclasses
from collections.abc import Sequence

import numpy as np

# The order of ESM-1b and ESM-2, so that ids are those of released models.
_ESM = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWCXBUZO.-",
    *("<null_1>", "<mask>"),
)


@dataclasses.dataclass(frozen=True)
class Bytes:
    """The bytes of a text in UTF-8, each an id from 0 to 255, between a begin and an end token.

    ByT5 (Xue et al. 2021, arXiv:2105.13626) takes such tokens too, in another order.
    """

    vocab = 259
    special = (("cls", 256), ("sep", 257), ("mask", 258))
    begin, end, between = (256,), (257,), ()

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the ids int32[N] of each text; never an unknown one."""
        return [_between(self, np.frombuffer(text.encode(), np.uint8)) for text in texts]

    def places(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the place of each byte's character; -1 of begin and end."""
        return [np.pad(_characters(text), 1, constant_values=-1) for text in texts]

    def definition(self) -> str:
        """Return the name."""
        return "bytes"


@dataclasses.dataclass(frozen=True)
class PlainBytes:
    """The bytes of a text in UTF-8 alone: what strings become where no tokenizer is named."""

    vocab = 256
    special = ()
    begin, end, between = (), (), ()

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the ids int32[N] of each text."""
        return [np.frombuffer(text.encode(), np.uint8).astype(np.int32) for text in texts]

    def places(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the place of each byte's character."""
        return [_characters(text) for text in texts]

    def definition(self) -> str:
        """Return the name."""
        return "plain bytes"


class AminoAcids:
    """Proteins, one id for each residue, `<cls> x <eos>`; the 33 ids of ESM.

    Rives et al. 2021, doi:10.1073/pnas.2016239118; the order of the ids is that of the official
    code (https://github.com/facebookresearch/esm, esm/constants.py and esm/data.py, "ESM-1b").
    Letters may be small; white space and a final "*" (stop) are left out; any other character is
    `<unk>`.
    """

    vocab, names = len(_ESM), _ESM
    special = (("pad", 1), ("unk", 3), ("cls", 0), ("sep", 2), ("mask", 32))
    begin, end, between = (0,), (2,), ()

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the ids int32[N] of each protein."""
        return [_between(self, self._residues(text)) for text in texts]

    def places(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the place of each residue; -1 of begin and end."""
        found = []
        for text in texts:
            # One letter may become two when it is made large.
            letters = [p for p, one in enumerate(text) if not one.isspace() for _ in one.upper()]
            kept = letters[: len(letters) - text.rstrip().endswith("*")]
            found.append(np.array([-1, *kept, -1]))
        return found

    def definition(self) -> str:
        """Return the name."""
        return "amino_acids"

    def _residues(self, text: str) -> np.ndarray:
        letters = "".join(text.split()).removesuffix("*").upper()
        # One byte for each character: those beyond ASCII become "?", which is unknown.
        return _PLACES[np.frombuffer(letters.encode("ascii", "replace"), np.uint8)]


def _characters(text: str) -> np.ndarray:
    """Return the number of the character that each byte of a text is of."""
    return np.repeat(np.arange(len(text)), [len(letter.encode()) for letter in text])


def _places() -> np.ndarray:
    found = np.full(256, _ESM.index("<unk>"), np.int32)
    for place, name in enumerate(_ESM):
        if len(name) == 1:
            found[ord(name)] = place
    return found


_PLACES = _places()


def _between(tokenizer: Bytes | AminoAcids, ids: np.ndarray) -> np.ndarray:
    return np.concatenate([tokenizer.begin, ids, tokenizer.end]).astype(np.int32)
