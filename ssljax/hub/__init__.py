"""Weights of other libraries, in and out, by a mapping table for each family of models."""

from ssljax.hub.exporting import Exported, export_weights
from ssljax.hub.families import FAMILIES
from ssljax.hub.importing import Imported, import_weights

__all__ = ["FAMILIES", "Exported", "Imported", "export_weights", "import_weights"]
