"""MAE: reconstruct the pixels of masked patches from the few that are visible."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_mse, normalize_patches
from ssljax.models import MAEDecoder, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.views import Views, example, plain
from ssljax.ops.keys import per_example
from ssljax.ops.masking import patchify, random_mask


@dataclasses.dataclass(frozen=True)
class MAE:
    """Masked autoencoders are scalable vision learners (He et al., 2021).

    The encoder sees only the visible patches; a small decoder sees their features and a mask token for each of the
    others. The loss is the squared error of the masked patches, each target patch normalised by its own mean and
    (unbiased) variance.

    Paper: https://arxiv.org/abs/2111.06377. Official code: facebookresearch/mae, models_mae.py.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.2, 1.0), flip=0.5)
    mask_ratio: float = 0.75
    normalize_targets: bool = True
    decoder_width: int = 512
    decoder_depth: int = 8
    decoder_heads: int = 16

    batch_coupled: ClassVar[bool] = False

    def __post_init__(self):
        self.views.require_count(1, "mae")
        if not hasattr(self.run.encoder, "patch_size"):
            raise UserError("mae masks patches: config.encoder must be a vision transformer, for example 'vit_b'")

    @property
    def decoder(self) -> MAEDecoder:
        return MAEDecoder(
            width=self.decoder_width, depth=self.decoder_depth, heads=self.decoder_heads,
        )
