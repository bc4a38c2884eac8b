"""The data sets that a config names, with the fields that its encoders read."""

from collections.abc import Iterable, Mapping

from ml_collections import ConfigDict

from ssljax.data import (
    Beside,
    ByGroup,
    Joined,
    Packed,
    Source,
    only,
    open_source,
    packed_texts,
    spelled_classes,
    spelled_texts,
    transcripts_of,
    whole_sounds,
)
from ssljax.data.decoder import MOST_CHANNELS
from ssljax.data.host import Sampling, given_length, length_of
from ssljax.errors import UserError, unknown
from ssljax.models import build_encoder, encoder_class
from ssljax.schema import parse
from ssljax.spec import Field
from ssljax.training.sections import MixedIn, SetBeside
from ssljax.training.selection import Parts, classes_of, parts_of, selects


def open_data(config: ConfigDict, spec: str, split: str, *, channels: int | None = None) -> Source:
    """Open a data set as config.data says how; image files with `channels` if they can have so."""
    data = config.data
    length = length_of(given_length(data.length), "video")
    return open_source(
        spec,
        split=split,
        broken=data.broken,
        channels=channels if channels in range(1, MOST_CHANNELS + 1) else data.channels,
        bits=data.bits,
        data_dir=data.folder or None,
        ragged=data.ragged,
        tokenizer=data.tokenizer,
        span=sampling(data).span(length) if length else 0,
    )


def sampling(data: ConfigDict, count: int = 1, crops: int = 1) -> Sampling:
    """Return how clips are taken of videos under `config.data`, `count` of each, and crops."""
    return Sampling(data.get("stride", 1), count, crops)


def sampling_of_evaluation(config: ConfigDict) -> Sampling:
    """Return how evaluation takes clips of videos."""
    return sampling(config.data, config.evaluation.clips, config.evaluation.get("crops", 1))


def open_training_data(config: ConfigDict) -> Source:
    """Open what a config trains on, with no more fields than its encoders read, and labels."""
    return training_parts(config).train


def training_parts(config: ConfigDict) -> Parts:
    """Return what a config trains on, and what it leaves out for scores; see `parts_of`."""
    names = config.data.source, *(one.source for one in mixed_in(config))
    if config.data.beside:
        return parts_of(_with_needed(config, _side_by_side(config)), config.data)
    make = spelled if config.data.labels == "letters" else _with_needed
    sources = [make(config, open_data(config, name, config.data.split)) for name in names]
    if config.data.labels == "group":
        if len(sources) > 1:
            raise UserError(
                "config.data.labels='group' numbers the groups of one set, and config.data.mixture "
                "mixes several"
            )
        sources = [ByGroup(sources[0])]
    if len(sources) == 1:
        return parts_of(sources[0], config.data)
    if config.data.held_out or selects(config.data):
        raise UserError(
            "config.data.mixture mixes whole sets; config.data.held_out, per_class and part choose "
            "examples of one"
        )
    joined = Joined(sources)
    return Parts(joined, joined, None)


def spelled(config: ConfigDict, source: Source, letters: str = "") -> Source:
    """Return a source with the fields that the encoders of a config read, whose labels are letters:
    of the transcripts of its sounds, or, where there are none, of the names of its classes.

    Args:
      config: of the run.
      source: as `open_data` gives it.
      letters: of training, see `spelled_texts`.

    Raises:
      UserError: it has neither; or a sound with a transcript is longer than the window.
    """
    if transcripts_of(source) is None:
        return spelled_classes(_with_needed(config, source), classes_of(source, key="labels"))
    length = length_of(given_length(config.data.length), "audio")
    source = whole_sounds(source, length, config.data.broken)
    return spelled_texts(_with_needed(config, source), transcripts_of(source), letters)


def _with_needed(config: ConfigDict, source: Source) -> Source:
    modality = encoder_class(config.encoder.name).modality
    name = next((n for n, field in source.fields.items() if field.modality == modality), None)
    if name is None:
        return source  # which is refused where the encoder is built
    require_fields(config.encoders, source.fields)
    if config.data.pack and modality == "text":
        return packed_texts(only(source, (name,)), name, config.data.pack)
    if config.data.ragged and not source.fields[name].ragged:
        raise UserError(
            f"config.data.ragged=True is for series, and config.encoder reads the {modality} "
            f"{name!r} of {source.name}"
        )
    if config.data.pack:
        align = getattr(build_encoder(config.encoder), "hop", 1)
        return Packed(source, name, config.data.pack, align)
    return only(source, (name, *config.encoders))


def _side_by_side(config: ConfigDict) -> Source:
    """Return the sets of `config.data.beside` beside the first; a field that an entry names is
    taken from no other set."""
    entries = [
        parse(SetBeside, section, f"config.data.beside[{number}]")
        for number, section in enumerate(config.data.beside)
    ]
    named = {entry.field for entry in entries}
    first = open_data(config, config.data.source, config.data.split)
    sources = [only(first, [name for name in first.fields if name not in named])]
    for number, entry in enumerate(entries):
        source = open_data(config, entry.source, entry.split)
        if entry.field and entry.field not in source.fields:
            raise unknown(f"field of config.data.beside[{number}]", entry.field, source.fields)
        kept = (entry.field,) if entry.field else [n for n in source.fields if n not in named]
        sources.append(only(source, kept))
    return Beside(sources)


def mixed_in(config: ConfigDict) -> list[MixedIn]:
    """Return the sections of `config.data.mixture`, in order."""
    return [
        parse(MixedIn, section, f"config.data.mixture[{number}]")
        for number, section in enumerate(config.data.mixture)
    ]


def require_fields(sections: Iterable[str], fields: Mapping[str, Field]) -> None:
    """Raise a UserError unless the data have the fields of all sections of `config.encoders`."""
    for name in sections:
        if name not in fields:
            found = ", ".join(f"{n} ({f.modality})" for n, f in fields.items())
            raise UserError(
                f"config.encoders.{name} encodes the field {name!r}, and the data have {found}; "
                "its key must be the name of a field"
            )
