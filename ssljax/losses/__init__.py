"""Losses: arrays in, values out. Each stands alone, checks its inputs and carries its paper."""

from ssljax.losses.adversarial import gan
from ssljax.losses.clustering import prototype_cross_entropy
from ssljax.losses.contrastive import info_nce, nt_xent
from ssljax.losses.distillation import byol_regression, negative_cosine
from ssljax.losses.reconstruction import masked_mse, normalize_patches

__all__ = [
    "byol_regression",
    "gan",
    "info_nce",
    "masked_mse",
    "negative_cosine",
    "normalize_patches",
    "nt_xent",
    "prototype_cross_entropy",
]
