"""What the data of a config are like, whether or not they are at hand."""

import dataclasses
import pathlib
import re

from ml_collections import ConfigDict

from ssljax.data import (
    EVERY_SPECIAL,
    KNOWN,
    SPELLED,
    UNLABELLED,
    Described,
    assumed_spec,
    with_beside,
    with_ids,
)
from ssljax.errors import UserError
from ssljax.models import encoder_class
from ssljax.spec import LABEL, Field, Spec, spelled_label
from ssljax.training.data_record import read_spec
from ssljax.training.data_sets import open_training_data

USAGE = (
    "a run's workdir or its data.json, or MODALITY:SHAPE:NUMBER, such as image:256x256x3:1281167, "
    "series:128x6:2460 (steps x channels), table:14:32561 (numeric columns), text:30522:1000000 "
    "(ids) or audio:16000:1000 (samples, of 16 kHz); of several fields "
    "image:224x224x3+text:49408:1000000; labels that are spelled as one more field, "
    "audio:400000+letters:420x28:28539 (at most 420 of 28 different letters)"
)
_RANKS = {"image": 3, "series": 2, "table": 1, "text": 1, "audio": 1, "letters": 2}
_DTYPES = {"image": "uint8", "audio": "int16"}
_RATES = {"audio": 16_000.0}


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
        return assumed_spec(_packed(_given(given, config), config), data)
    try:
        source = open_training_data(config)
    except UserError as error:
        source = known(config)
        if source is None:
            raise UserError(f"{error}; or say what the data are like: --spec {USAGE}") from error
    return assumed_spec(source, data)


def known(config: ConfigDict) -> Described | None:
    """Return what the training data of a config are like by the table `KNOWN`, as they are read;
    None where it says nothing."""
    data = config.data
    counts = {"train": len(KNOWN.get(data.source, ()))}
    counts["unlabelled"] = UNLABELLED.get(data.source, 0)
    if not counts.get(data.split):
        return None
    found = dataclasses.replace(KNOWN[data.source], num_examples=counts[data.split])
    found = _only_read(with_beside(found, data.beside), config)
    return _packed(with_ids(found, data.tokenizer), config)


def _only_read(source: Described, config: ConfigDict) -> Described:
    """Return the set with no more fields than the encoders of a config read, and labels."""
    modality = encoder_class(config.encoder.name).modality
    own = next((n for n, field in source.fields.items() if field.modality == modality), None)
    wanted = {own, *config.encoders, "label"}
    fields = {name: field for name, field in source.fields.items() if name in wanted}
    if config.data.labels == "letters" and source.name in SPELLED:
        fields["label"] = spelled_label(*SPELLED[source.name])
    return dataclasses.replace(source, fields=fields if own else source.fields)


def _packed(source: Described, config: ConfigDict) -> Described:
    """Return texts as rows of several, if `config.data.pack` is set, as preparation makes them."""
    if not config.data.pack or "text" not in source.fields:
        return source
    rows = source.fields["text"].replace(shape=(config.data.pack,))
    return dataclasses.replace(source, fields={**source.fields, "text": rows})


def _given(text: str, config: ConfigDict) -> Described:
    one = rf"(?:{'|'.join(_RANKS)}):\d+(?:x\d+)*"
    found = re.fullmatch(rf"({one}(?:\+{one})*):(\d+)", text)
    if not found:
        if not pathlib.Path(text).exists():
            raise UserError(f"--spec {text!r} is neither there nor understood; give {USAGE}")
        spec = read_spec(pathlib.Path(text))
        return Described(text, {"label": LABEL, **spec.fields}, spec.num_examples)
    # Two classes where labels of which nothing is said are trained on.
    label = LABEL.replace(classes=2 if config.data.labels else 0)
    count, fields = int(found[2]), {"label": label}
    for each in found[1].split("+"):
        modality, _, sides = each.partition(":")
        shape = tuple(map(int, sides.split("x")))
        if len(shape) != _RANKS[modality] or 0 in (*shape, count) or modality in fields:
            raise UserError(f"--spec {text!r} is not understood; give {USAGE}")
        fields[modality] = _field(modality, shape)
    spells = config.data.labels == "letters"
    if spells and "letters" not in fields:
        raise UserError(
            f"config.data.labels='letters' learns to spell, and --spec {text!r} does not say of "
            "how many letters: add, after the other fields, +letters:LONGESTxDIFFERENT, such as "
            "+letters:420x28"
        )
    if "letters" in fields and not spells:
        raise UserError(
            f"--spec {text!r} has letters, and config.data.labels={config.data.labels!r} does not "
            "learn to spell; leave them out, or set --config.data.labels=letters"
        )
    if spells:
        fields["label"] = fields.pop("letters")
    return Described(text, fields, count)


def _field(modality: str, shape: tuple[int, ...]) -> Field:
    if modality == "letters":
        return spelled_label(*shape)
    if modality == "text":  # of a tokenizer with every special token, whichever their ids
        ids = {"vocab": shape[0], "special": EVERY_SPECIAL, "ragged": True}
        return Field("text", (None,), "int32", **ids)
    cardinalities = (0,) * shape[0] if modality == "table" else ()
    dtype, rate = _DTYPES.get(modality, "float32"), _RATES.get(modality, 0.0)
    return Field(modality, shape, dtype, cardinalities=cardinalities, rate=rate)
