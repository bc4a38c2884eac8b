"""What differs between kinds of data, one entry each: views, normalisation, targets, baselines."""

from ssljax.errors import unknown
from ssljax.modalities.audio import Audio
from ssljax.modalities.base import Modality, Reconstruction
from ssljax.modalities.image import Image
from ssljax.modalities.series import Series
from ssljax.modalities.table import Table
from ssljax.modalities.text import Text
from ssljax.modalities.video import Video
from ssljax.spec import Field

MODALITIES: dict[str, Modality] = {
    "audio": Audio(),
    "image": Image(),
    "series": Series(),
    "table": Table(),
    "text": Text(),
    "video": Video(),
}


def modality_of(field: Field) -> Modality:
    """Return the modality of a field of the data.

    Raises:
      UserError: nothing can be learned from such a field, as from labels.
    """
    if field.modality not in MODALITIES:
        raise unknown("modality of inputs", field.modality, MODALITIES)
    return MODALITIES[field.modality]


__all__ = ["MODALITIES", "Modality", "Reconstruction", "modality_of"]
