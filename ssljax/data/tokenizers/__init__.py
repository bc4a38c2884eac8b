"""What makes ids of texts; `config.data.tokenizer` names one."""

from ssljax.data.tokenizers.base import Tokenizer
from ssljax.data.tokenizers.characters import AminoAcids, Bytes
from ssljax.data.tokenizers.huggingface import LibraryTokenizer
from ssljax.data.tokenizers.opening import open_tokenizer
from ssljax.data.tokenizers.training import texts_of, train_tokenizer

__all__ = [
    "AminoAcids",
    "Bytes",
    "LibraryTokenizer",
    "Tokenizer",
    "open_tokenizer",
    "texts_of",
    "train_tokenizer",
]
