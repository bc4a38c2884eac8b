"""Data sets and batches, by NumPy and grain; batch k is a function of (source, seed, k)."""

from ssljax.data.pipeline import Pipeline, epoch
from ssljax.data.prepare.registry import Prepared, prepare
from ssljax.data.sources import KINDS, Source, Subset, open_source
from ssljax.data.statistics import statistics
from ssljax.data.storage import data_directory

__all__ = [
    "KINDS",
    "Pipeline",
    "Prepared",
    "Source",
    "Subset",
    "data_directory",
    "epoch",
    "open_source",
    "prepare",
    "statistics",
]
