"""Autoencoder: reconstruct an image from a short code."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import mse
from ssljax.objectives.base import Loss
from ssljax.objectives.generative.decoding import Reconstruction


@dataclasses.dataclass(frozen=True)
class Autoencoder(Reconstruction):
    """Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006).

    loss = mean (x - decoder(bottleneck(encoder(x))))^2 over normalised pixels. What keeps it from
    copying is the bottleneck: `latent_dim` numbers for an image.

    Paper: not on arXiv; https://arxiv.org/abs/1206.5538 (Bengio et al., 2012), section 7, reviews
    autoencoders. Official code: none for networks trained as a whole (the original trains layer by
    layer, and by cross entropy).
    """

    paper = "arXiv:1206.5538"

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        reconstruction = net.decoder(net.bottleneck(net.encoder(x).pooled))
        return Loss(jnp.mean(mse(reconstruction, x)))
