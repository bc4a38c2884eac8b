"""The data sets that `prepare` makes, in a table for people."""

from collections.abc import Mapping

from ssljax.data.host import sides
from ssljax.data.known import KNOWN
from ssljax.data.prepare.packaged import licence_of
from ssljax.data.sources.packaged import SHORT
from ssljax.spec import Field

_HEAD = ("name", "source", "modality", "train", "classes", "licence")
_FASHION_MNIST = ("fashion_mnist", "tfds:fashion_mnist", "MIT")


def listing() -> str:
    """Return a table: name, source, modality, training examples, classes, licence."""
    named = {source: name for name, source in sorted(SHORT.items(), reverse=True)}
    sets = [(name, source, licence_of(source)) for source, name in named.items()]
    rows = [_HEAD]
    for name, source, licence in sorted([*sets, _FASHION_MNIST]):
        known = KNOWN.get(source)
        fields = known.fields if known else {}
        count = f"{len(known):,}" if known else "?"
        classes = str(fields["label"].classes) if "label" in fields else "none"
        rows.append((name, source, _modalities(fields), count, classes, licence))
    rows.append(
        ("ucr:NAME", "ucr:NAME", "series", "any", "any", licence_of("ucr:ItalyPowerDemand"))
    )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _modalities(fields: Mapping[str, Field]) -> str:
    """Return what the examples hold, such as "image 64x64x3, text"."""
    said = []
    for field in fields.values():
        if field.modality in ("image", "series", "table", "video") and None not in field.shape:
            said.append(f"{field.modality} {sides(field)}")
        elif field.modality != "label":
            said.append(field.modality)
    return ", ".join(said)
