"""Where data come from: one file per kind of source, and `open_source` to choose by prefix."""

from ssljax.data.sources.base import MEMORY_LIMIT, Source, groups_of
from ssljax.data.sources.beside import Beside
from ssljax.data.sources.by_group import ByGroup
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.joined import Joined
from ssljax.data.sources.only import only, whole
from ssljax.data.sources.registry import KINDS, open_source
from ssljax.data.sources.spelled import Spelled, spelled_classes, spelled_texts
from ssljax.data.sources.subset import Subset
from ssljax.data.sources.transcripts import names_of, transcripts_of, whole_sounds

__all__ = [
    "KINDS",
    "MEMORY_LIMIT",
    "ArraySource",
    "Beside",
    "ByGroup",
    "Joined",
    "Source",
    "Spelled",
    "Subset",
    "groups_of",
    "names_of",
    "only",
    "spelled_classes",
    "spelled_texts",
    "transcripts_of",
    "whole_sounds",
    "whole",
    "open_source",
]
