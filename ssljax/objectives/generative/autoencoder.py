"""Autoencoder: reconstruct an image from a short code."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import mse
from ssljax.models import Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive
from ssljax.objectives.generative.decoding import autoencoder, image_shape
from ssljax.objectives.views import Views, embed


@dataclasses.dataclass(frozen=True)
class Autoencoder:
    """Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006).

    loss = mean (x - decoder(bottleneck(encoder(x))))^2 over normalised pixels. What keeps it from
    copying is the bottleneck: `latent_dim` numbers for an image.

    Paper: not on arXiv; https://arxiv.org/abs/1206.5538 (Bengio et al., 2012), section 7, reviews
    autoencoders. Official code: none for networks trained as a whole (the original trains layer by
    layer, and by cross entropy).
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    latent_dim: int = 128
    decoder_width: int = 32
    decoder_doublings: int = 5

    family: ClassVar[str] = "generative"
    paper: ClassVar[str] = "arXiv:1206.5538"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        require_positive(latent_dim=self.latent_dim, decoder_width=self.decoder_width)
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
        views_key, model_key = jax.random.split(key)
        x = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        reconstruction, stats = self.network.apply(
            params, memory["stats"], x, train=True, key=model_key
        )
        return jnp.mean(mse(reconstruction, x)), Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
