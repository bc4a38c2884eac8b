"""How good frozen features are. Everything here takes an `embed` function; none knows a method."""

from ssljax.evaluation.features import Features, extract, input_features
from ssljax.evaluation.knn import knn_accuracy
from ssljax.evaluation.linear import linear_probe
from ssljax.evaluation.protocol import evaluate, quick
from ssljax.evaluation.spectrum import rankme, unit_std
from ssljax.evaluation.tables import table, with_earlier, write

__all__ = [
    "Features",
    "evaluate",
    "extract",
    "input_features",
    "knn_accuracy",
    "linear_probe",
    "quick",
    "rankme",
    "table",
    "unit_std",
    "with_earlier",
    "write",
]
