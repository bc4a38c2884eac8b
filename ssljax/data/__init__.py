"""Data sets and batches, by NumPy and grain; batch k is a function of (source, seed, k)."""

from ssljax.data.described import Described
from ssljax.data.host import sides
from ssljax.data.known import (
    EVERY_SPECIAL,
    KNOWN,
    SPELLED,
    UNLABELLED,
    with_beside,
    with_ids,
)
from ssljax.data.mixture import Mixture, mixture_of
from ssljax.data.packing import Packed
from ssljax.data.packing_texts import packed_texts
from ssljax.data.pipeline import Pipeline, epoch
from ssljax.data.prepare.listing import listing
from ssljax.data.prepare.registry import Prepared, prepare
from ssljax.data.sources import (
    KINDS,
    ArraySource,
    Beside,
    ByGroup,
    Joined,
    Source,
    Spelled,
    Subset,
    groups_of,
    names_of,
    only,
    open_source,
    spelled_classes,
    spelled_texts,
    transcripts_of,
    whole,
    whole_sounds,
)
from ssljax.data.statistics import assumed_spec, fields_of, measured_spec, statistics
from ssljax.data.storage import data_directory
from ssljax.data.together import Together
from ssljax.data.tokenizers import open_tokenizer, texts_of, train_tokenizer

__all__ = [
    "ArraySource",
    "Beside",
    "ByGroup",
    "EVERY_SPECIAL",
    "KINDS",
    "KNOWN",
    "SPELLED",
    "UNLABELLED",
    "Described",
    "Joined",
    "Mixture",
    "Packed",
    "Pipeline",
    "Prepared",
    "Source",
    "Spelled",
    "Subset",
    "Together",
    "assumed_spec",
    "data_directory",
    "epoch",
    "fields_of",
    "groups_of",
    "listing",
    "measured_spec",
    "mixture_of",
    "names_of",
    "only",
    "spelled_classes",
    "spelled_texts",
    "transcripts_of",
    "whole_sounds",
    "whole",
    "with_beside",
    "with_ids",
    "open_source",
    "open_tokenizer",
    "packed_texts",
    "prepare",
    "sides",
    "statistics",
    "texts_of",
    "train_tokenizer",
]
