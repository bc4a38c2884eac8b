"""The families of models that are read and written, by library and name."""

from ssljax.hub.families import (
    residual,
    timm_vit,
    transformers_ast,
    transformers_pairs,
    transformers_sound,
    transformers_text,
    transformers_video,
    transformers_vit,
)
from ssljax.hub.families.family import Family, Plan

FAMILIES: dict[str, dict[str, Family]] = {
    "hf": {
        family.name: family
        for family in (
            *transformers_vit.FAMILIES,
            *transformers_pairs.FAMILIES,
            *transformers_text.FAMILIES,
            *transformers_video.FAMILIES,
            *transformers_sound.FAMILIES,
            transformers_ast.FAMILY,
            residual.HF,
        )
    },
    "timm": {family.name: family for family in (timm_vit.VIT, residual.TIMM)},
}

__all__ = ["FAMILIES", "Family", "Plan"]
