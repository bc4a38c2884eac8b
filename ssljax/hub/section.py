"""The config of the run that imported weights become."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from ssljax.hub.families import Plan
from ssljax.hub.shown import Shown
from ssljax.objectives import objective_class
from ssljax.objectives.views import Views
from ssljax.spec import Spectrogram
from ssljax.training.config import complete
from ssljax.training.consistency import require_consistent
from ssljax.training.data_record import IMPORTED

# Heads start afresh: as many prototypes as the papers' would be most of the checkpoint.
_PROTOTYPES = {"prototypes": 4096, "patch_prototypes": 4096}
_LOCAL = 96 / 224  # sides of small crops, in sides of the images (DINO)


def config_of(plan: Plan, shown: Shown | None, title: str, tokenizer: str = "") -> ConfigDict:
    """Return the complete config; `title` names the source, `tokenizer` that of texts.

    Raises:
      UserError: values that do not fit each other.
    """
    config = complete(
        {
            "data": {"source": f"{IMPORTED}:{title}", "tokenizer": tokenizer, **_length(plan)},
            "encoder": plan.encoder,
            "encoders": plan.encoders,
            "objective": _objective(plan, shown),
            "evaluation": {"resize": shown.resize} if shown else {},
        }
    )
    require_consistent(config)
    return config


def _length(plan: Plan) -> dict[str, Any]:
    """Return the length of texts, clips or sounds, if there are any."""
    if plan.field and plan.field.spectrogram:
        default, form = Spectrogram(), plan.field.spectrogram
        named = {field.name: getattr(form, field.name) for field in dataclasses.fields(form)}
        differ = {key: one for key, one in named.items() if one != getattr(default, key)}
        return {"length": plan.field.shape[0], "spectrogram": differ}
    fields = [*plan.further.values(), *([plan.field] if plan.field else [])]
    if plan.field and plan.field.modality == "audio":
        return {"length": plan.field.shape[0], "sound": "wave"}
    lengths = [field.shape[0] for field in fields if field.modality in ("text", "video")]
    return {"length": lengths[0]} if lengths else {}


def _objective(plan: Plan, shown: Shown | None) -> dict[str, Any]:
    section = dict(plan.objective)
    fields = objective_class(section["name"]).__dataclass_fields__
    section |= {key: count for key, count in _PROTOTYPES.items() if key in fields}
    views = fields["views"].default if "views" in fields else None
    if shown and isinstance(views, Views) and isinstance(views.groups, Mapping):
        section["views"] = _sized(views.groups, min(shown.size), plan.encoder.get("patch_size", 1))
    return section


def _sized(groups: Mapping[str, Mapping[str, Any]], side: int, patch: int) -> dict[str, Any]:
    """Return groups of views for images of that side: the largest without a size, which then is
    that of the images, and the others smaller in proportion, of whole patches."""
    largest = max((group.get("size", 0) for group in groups.values()), default=0)
    made = {}
    for name, group in groups.items():
        fields = {key: value for key, value in group.items() if key != "size"}
        if 0 < group.get("size", 0) < largest:
            fields["size"] = patch * max(1, math.floor(side * _LOCAL / patch))
        made[name] = fields
    return made
