"""Denoising autoencoder: reconstruct an image from a corrupted version of it."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import mse
from ssljax.objectives.base import Loss
from ssljax.objectives.generative.decoding import Reconstruction
from ssljax.ops.corruption import CORRUPTIONS
from ssljax.ops.keys import per_example
from ssljax.schema import Positive


@dataclasses.dataclass(frozen=True)
class DenoisingAutoencoder(Reconstruction):
    """Extracting and composing robust features with denoising autoencoders (Vincent et al., 2008).

    loss = mean (x - decoder(bottleneck(encoder(corrupt(x)))))^2: the target is the clean x, over
    normalised pixels. `corruption` is "masking", a part `level` of the values set to 0, or
    "gaussian", noise of standard deviation `level`. As pixels are normalised, 0 is the mean of the
    training set; in the paper it is black.

    Paper: not on arXiv; https://arxiv.org/abs/1305.6663 (Bengio et al., 2013) is the general case.
    Official code: none for networks trained as a whole (the paper trains layer by layer, by cross
    entropy).
    """

    corruption: Literal["masking", "gaussian"] = "masking"
    level: Positive = 0.25

    paper = "arXiv:1305.6663"

    def check(self):
        super().check()
        if self.corruption == "masking" and self.level >= 1:
            raise UserError(f"objective.level={self.level}; as a part to mask it must be below 1")

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        keys = per_example(jax.random.split(key)[1], batch["row"])
        corrupted = CORRUPTIONS[self.corruption](keys, x, level=self.level)
        reconstruction = net.decoder(net.bottleneck(net.encoder(corrupted).pooled))
        return Loss(jnp.mean(mse(reconstruction, x)))
