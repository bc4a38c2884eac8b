"""A tokenizer learned from texts."""

from collections.abc import Iterable, Iterator

from ssljax.data.sources.base import Source
from ssljax.data.sources.only import only
from ssljax.data.tokenizers.huggingface import LibraryTokenizer, add_bert_template
from ssljax.errors import UserError, optional_package, unknown

KINDS = ("bpe", "wordpiece")
_BPE = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")  # ids of RoBERTa's first tokens
_WORDPIECE = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def texts_of(source: Source) -> Iterator[str]:
    """Yield the texts of a data set, all captions of each example.

    Raises:
      UserError: it has no text as strings.
    """
    names = [name for name, field in source.fields.items() if field.dtype == "str"]
    if not names:
        raise UserError(f"{source.name} has no text as strings to learn a tokenizer from")
    source = only(source, names)
    for index in range(len(source)):
        example = source[index]
        for name in names:
            found = example[name]
            yield from found if isinstance(found, tuple) else (str(found),)


def train_tokenizer(
    texts: Iterable[str], size: int, kind: str = "bpe", *, lower: bool = False
) -> LibraryTokenizer:
    """Learn a vocabulary.

    Args:
      texts: to learn from.
      size: of the vocabulary, special tokens and the alphabet of bytes (bpe) included.
      kind: "bpe", byte-level pair encoding (Sennrich et al. 2016, arXiv:1508.07909; Radford et al.
        2019) with the special tokens of RoBERTa, `<s> x </s>`; or "wordpiece" (Schuster and
        Nakajima 2012) with those of BERT, `[CLS] x [SEP]`.
      lower: whether text is made lower-case and loses its accents; wordpiece only.

    Raises:
      UserError: an unknown kind, a size that is too small, or no text.
    """
    if kind not in KINDS:
        raise unknown("kind of tokenizer", kind, KINDS)
    least = 256 + len(_BPE) if kind == "bpe" else 64
    if size < least:
        raise UserError(f"--size {size} is too small for {kind}: {least} at least")
    library = optional_package("tokenizers", "text")
    if kind == "bpe":
        if lower:
            raise UserError("--lower is for --kind wordpiece; byte-level BPE keeps every byte")
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(_BPE),
            initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
    else:
        tokenizer = library.Tokenizer(library.models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = library.normalizers.BertNormalizer(lowercase=lower)
        tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = library.decoders.WordPiece()
        trainer = library.trainers.WordPieceTrainer(
            vocab_size=size, special_tokens=list(_WORDPIECE), show_progress=False
        )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() <= (least if kind == "bpe" else len(_WORDPIECE)):
        raise UserError("there is no text to learn a tokenizer from")
    if kind == "bpe":
        ids = {name: tokenizer.token_to_id(name) for name in ("<s>", "</s>")}
        tokenizer.post_processor = library.processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[*ids.items()]
        )
    else:
        add_bert_template(tokenizer)
    return LibraryTokenizer(tokenizer.to_str())
