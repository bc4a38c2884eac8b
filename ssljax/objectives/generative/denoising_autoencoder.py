"""Denoising autoencoder: reconstruct an image from a corrupted version of it."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError, unknown
from ssljax.losses import mse
from ssljax.models import Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive
from ssljax.objectives.generative.decoding import autoencoder, image_shape
from ssljax.objectives.views import Views, embed
from ssljax.ops.corruption import CORRUPTIONS
from ssljax.ops.keys import per_example


@dataclasses.dataclass(frozen=True)
class DenoisingAutoencoder:
    """Extracting and composing robust features with denoising autoencoders (Vincent et al., 2008).

    loss = mean (x - decoder(bottleneck(encoder(corrupt(x)))))^2: the target is the clean x, over
    normalised pixels. `corruption` is "masking", a part `level` of the values set to 0, or
    "gaussian", noise of standard deviation `level`. As pixels are normalised, 0 is the mean of the
    training set; in the paper it is black.

    Paper: not on arXiv; https://arxiv.org/abs/1305.6663 (Bengio et al., 2013) is the general case.
    Official code: none for networks trained as a whole (the paper trains layer by layer, by cross
    entropy).
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    corruption: str = "masking"
    level: float = 0.25
    latent_dim: int = 128
    decoder_width: int = 32
    decoder_doublings: int = 5

    family: ClassVar[str] = "generative"
    paper: ClassVar[str] = "arXiv:1305.6663"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        if self.corruption not in CORRUPTIONS:
            raise unknown("objective.corruption", self.corruption, CORRUPTIONS)
        require_positive(
            level=self.level, latent_dim=self.latent_dim, decoder_width=self.decoder_width
        )
        if self.corruption == "masking" and self.level >= 1:
            raise UserError(f"objective.level={self.level}; as a part to mask it must be below 1")
        require_not_negative(decoder_doublings=self.decoder_doublings)

    @property
    def network(self) -> Chain:
        return autoencoder(
            self.views,
            self.run,
            latent_dim=self.latent_dim,
            width=self.decoder_width,
            doublings=self.decoder_doublings,
        )

    def _init(self, key):
        return self.network.init(key, jnp.zeros((2, *image_shape(self.views, self.run))))

    def init_params(self, key, batch):
        return self._init(key)[0]

    def init_memory(self, key, params, batch):
        return {"stats": self._init(key)[1]}

    def loss(self, params, memory, batch, *, key, step):
        views_key, noise_key, model_key = jax.random.split(key, 3)
        x = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        keys = per_example(noise_key, batch["row"])
        corrupted = CORRUPTIONS[self.corruption](keys, x, level=self.level)
        reconstruction, stats = self.network.apply(
            params, memory["stats"], corrupted, train=True, key=model_key
        )
        return jnp.mean(mse(reconstruction, x)), Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
