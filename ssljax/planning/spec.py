"""What the data of a config are like, whether or not they are at hand."""

import dataclasses
import pathlib
import re

from ml_collections import ConfigDict

from ssljax.data import KNOWN, UNLABELLED, Described, assumed_spec, described, with_ids
from ssljax.errors import UserError
from ssljax.models import encoder_class
from ssljax.spec import LABEL, Field, Spec
from ssljax.training.data_record import read_spec
from ssljax.training.data_sets import open_training_data

USAGE = (
    "a run's workdir or its data.json, or MODALITY:SHAPE:NUMBER, such as image:256x256x3:1281167, "
    "series:128x6:2460 (steps x channels) or table:14:32561 (numeric columns)"
)
_RANKS = {"image": 3, "series": 2, "table": 1}


def spec_of(config: ConfigDict, given: str = "") -> Spec:
    """Return what the training data of a config are like.

    Mean and standard deviation are made up where they are not known: a compiled program differs by
    constants.

    Args:
      config: complete.
      given: see `USAGE`; "": the source itself is asked if it is prepared, else the table `KNOWN`.

    Raises:
      UserError: neither says what the data are like; or they differ in size, and no size is set.
    """
    data = config.data
    if given:
        return assumed_spec(_given(given), data)
    try:
        source = open_training_data(config)
    except UserError as error:
        counts = {"train": len(KNOWN.get(data.source, ()))}
        counts["unlabelled"] = UNLABELLED.get(data.source, 0)
        if not counts.get(data.split):
            raise UserError(f"{error}; or say what the data are like: --spec {USAGE}") from error
        known = dataclasses.replace(KNOWN[data.source], num_examples=counts[data.split])
        source = with_ids(only_read(known, config), data.tokenizer)
    return assumed_spec(source, data)


def only_read(source: Described, config: ConfigDict) -> Described:
    """Return the set with no more fields than the encoders of a config read, and labels."""
    modality = encoder_class(config.encoder.name).modality
    own = next((n for n, field in source.fields.items() if field.modality == modality), None)
    wanted = {own, *config.encoders, "label"}
    fields = {name: field for name, field in source.fields.items() if name in wanted}
    return dataclasses.replace(source, fields=fields if own else source.fields)


def _given(text: str) -> Described:
    found = re.fullmatch(rf"({'|'.join(_RANKS)}):(\d+(?:x\d+)*):(\d+)", text)
    if not found:
        if not pathlib.Path(text).exists():
            raise UserError(f"--spec {text!r} is neither there nor understood; give {USAGE}")
        spec = read_spec(pathlib.Path(text))
        return Described(text, {"label": LABEL, **spec.fields}, spec.num_examples)
    modality, count = found[1], int(found[3])
    shape = tuple(map(int, found[2].split("x")))
    if len(shape) != _RANKS[modality] or 0 in (*shape, count):
        raise UserError(f"--spec {text!r} is not understood; give {USAGE}")
    cardinalities = (0,) * shape[0] if modality == "table" else ()
    dtype = "uint8" if modality == "image" else "float32"
    return described(text, Field(modality, shape, dtype, cardinalities=cardinalities), count)
