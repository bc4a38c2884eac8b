"""Losses: arrays in, values out. Each stands alone, checks its inputs and carries its paper."""

from ssljax.losses.adversarial import gan
from ssljax.losses.alignment import ctc
from ssljax.losses.classification import (
    binary_cross_entropy,
    label_cross_entropy,
    soft_cross_entropy,
)
from ssljax.losses.clustering import prototype_cross_entropy, swapped_prediction
from ssljax.losses.contrastive import batch_info_nce, info_nce, nt_xent
from ssljax.losses.decoupled import dcl, dclw
from ssljax.losses.discrimination import noise_contrastive, non_parametric_softmax
from ssljax.losses.distillation import (
    byol_regression,
    negative_cosine,
    similarity_distillation,
)
from ssljax.losses.image_text import clip, siglip
from ssljax.losses.language import (
    causal_lm,
    masked_lm,
    next_sentence,
    replaced_token,
    sentence_order,
    skip_gram,
)
from ssljax.losses.prototypes import dino, ibot, koleo, msn
from ssljax.losses.reconstruction import (
    masked_cross_entropy,
    masked_l1,
    masked_mse,
    mse,
    normalize_patches,
    smooth_l1,
)
from ssljax.losses.redundancy import barlow_twins, sigreg, tico, vicreg, w_mse
from ssljax.losses.relational import relational
from ssljax.losses.speakers import counted, ge2e
from ssljax.losses.speech import code_diversity, masked_contrastive, masked_units
from ssljax.losses.supervised import sup_con
from ssljax.losses.table import masked_columns, vime
from ssljax.losses.temporal import cpc, dense_predictive, hierarchical_contrastive, next_step
from ssljax.losses.time_mae import time_mae
from ssljax.losses.variational import kl_to_normal, vae

__all__ = [
    "barlow_twins",
    "batch_info_nce",
    "binary_cross_entropy",
    "byol_regression",
    "causal_lm",
    "clip",
    "counted",
    "cpc",
    "code_diversity",
    "ctc",
    "dcl",
    "dclw",
    "dense_predictive",
    "dino",
    "gan",
    "ge2e",
    "hierarchical_contrastive",
    "ibot",
    "info_nce",
    "kl_to_normal",
    "koleo",
    "label_cross_entropy",
    "masked_columns",
    "masked_contrastive",
    "masked_cross_entropy",
    "masked_l1",
    "masked_lm",
    "masked_mse",
    "masked_units",
    "mse",
    "msn",
    "negative_cosine",
    "next_sentence",
    "next_step",
    "noise_contrastive",
    "non_parametric_softmax",
    "normalize_patches",
    "nt_xent",
    "prototype_cross_entropy",
    "relational",
    "replaced_token",
    "sentence_order",
    "siglip",
    "sigreg",
    "similarity_distillation",
    "skip_gram",
    "smooth_l1",
    "soft_cross_entropy",
    "sup_con",
    "swapped_prediction",
    "tico",
    "time_mae",
    "vae",
    "vicreg",
    "vime",
    "w_mse",
]
