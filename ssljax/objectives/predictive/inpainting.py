"""Inpainting: fill a hole in an image, near to what was there and hard to tell from it."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import mse
from ssljax.models import ImageDecoder, PairDiscriminator
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.generative.game import play
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.region_mask import mask_region
from ssljax.schema import Decay, OpenShare, Size, Width


@dataclasses.dataclass(frozen=True)
class Inpainting(Objective):
    """Context encoders: feature learning by inpainting (Pathak et al., 2016).

    The encoder sees an image with a hole, filled with the mean of the data set; the decoder G makes
    the hole of its features, and a discriminator D tells holes that were made from real ones:

        loss = (1 - w) mean (hole - G)^2 + w gan(D(G), D(hole))     gradient to encoder and decoder
             + gan(D(hole), D(G))                                   gradient to D alone

    with w = `adversarial_weight`. At w = 0 there is no discriminator; so the paper trains where it
    is after features.

    Paper: https://arxiv.org/abs/1604.07379. Official code: pathak22/context-encoder, train.lua.
    As there, D sees the hole without what is around it and the labels are flipped for the encoder
    and decoder (the paper writes the minimax game). There, what is made overlaps the rest of the
    image by 4 to 7 pixels, which weigh tenfold, and random regions are of any shape; here it is the
    hole alone, and a square. Here D has no batch normalisation, and the losses of the game are
    means over its two sides, half of the paper's sums.
    """

    views: Views = Views.crops(crop_scale=(0.7656, 0.7656), crop_ratio=(1.0, 1.0), flip=0.5)
    hole: OpenShare = 0.5  # its side as a part of the view's
    region: Literal["center", "random"] = "center"
    adversarial_weight: Decay = 0.001
    decoder_width: Width = 32
    decoder_doublings: Size = 4
    discriminator_width: Width = 64
    discriminator_halvings: Size = 4
    discriminator_hidden: Width = 512

    reads = ("image",)
    paper = "arXiv:1604.07379"
    batch_coupled = True

    def check(self):
        self.views.require(count=1)
        if not 1 <= self._side < self.views.size:
            raise UserError(
                f"objective.hole={self.hole} makes a hole of {self._side} pixels in views of "
                f"{self.views.size}; it must have at least 1 pixel, and fewer than the view"
            )

    @property
    def _side(self) -> int:
        return round(self.hole * self.views.size)

    def modules(self):
        decoder = ImageDecoder(
            (self._side, self._side, self.run.field.shape[2]),
            width=self.decoder_width,
            doublings=self.decoder_doublings,
            norm=True,
            dtype=self.run.dtype,
        )
        modules = {"encoder": self.run.encoder, "decoder": decoder}
        if self.adversarial_weight == 0:
            return modules
        discriminator = PairDiscriminator(
            self.discriminator_width,
            self.discriminator_halvings,
            self.discriminator_hidden,
            dtype=self.run.dtype,
        )
        return {**modules, "discriminator": discriminator}

    def run_once(self, net):
        hole = net.decoder(net.encoder(self.blank()).pooled)
        if "discriminator" in net.modules:
            net.discriminator(hole, _no_code(hole))

    def loss(self, net, teacher, batch, *, key, step):
        images = self.views.stacked(key, batch)[:, 0]
        keys = per_example(jax.random.split(key)[1], batch["row"])
        masked = mask_region(keys, images, side=self._side, region=self.region)
        made = net.decoder(net.encoder(masked.rest).pooled)
        reconstruction = jnp.mean(mse(made, masked.hidden))
        if self.adversarial_weight == 0:
            return Loss(reconstruction)
        none = _no_code(made)
        discriminator, opponent = play(net, real=(masked.hidden, none), made=(made, none))
        weight = self.adversarial_weight
        loss = (1 - weight) * reconstruction + weight * opponent + discriminator
        metrics = {
            "reconstruction": reconstruction,
            "generator_loss": opponent,
            "discriminator_loss": discriminator,
        }
        return Loss(loss, metrics)


def _no_code(images):
    """Return the other half of pairs in which images stand alone."""
    return jnp.zeros((len(images), 0))
