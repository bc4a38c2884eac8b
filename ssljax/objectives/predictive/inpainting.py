"""Inpainting: fill a hole in an image, near to what was there and hard to tell from it."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError, unknown
from ssljax.losses import gan, mse
from ssljax.models import Chain, ImageDecoder, PairDiscriminator, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_positive
from ssljax.objectives.generative.decoding import image_shape
from ssljax.objectives.views import Views, embed
from ssljax.ops.keys import per_example
from ssljax.ops.region_mask import REGIONS, mask_region


@dataclasses.dataclass(frozen=True)
class Inpainting:
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

    run: Run
    views: Views = Views.crops(crop_scale=(0.7656, 0.7656), crop_ratio=(1.0, 1.0), flip=0.5)
    hole: float = 0.5
    region: str = "center"
    adversarial_weight: float = 0.001
    decoder_width: int = 32
    decoder_doublings: int = 4
    discriminator_width: int = 64
    discriminator_halvings: int = 4
    discriminator_hidden: int = 512

    family: ClassVar[str] = "predictive"
    paper: ClassVar[str] = "arXiv:1604.07379"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        if not (0 < self.hole < 1 and self._side >= 1):
            raise UserError(
                f"objective.hole={self.hole}; it must be above 0 and below 1, the side of the hole "
                "as a part of the view's"
            )
        if self.region not in REGIONS:
            raise unknown("objective.region", self.region, REGIONS)
        if not 0 <= self.adversarial_weight < 1:
            raise UserError(
                f"objective.adversarial_weight={self.adversarial_weight}; it must be in [0, 1)"
            )
        require_positive(
            decoder_width=self.decoder_width,
            discriminator_width=self.discriminator_width,
            discriminator_hidden=self.discriminator_hidden,
        )

    @property
    def _side(self) -> int:
        return round(self.hole * image_shape(self.views, self.run)[0])

    @property
    def _hole_shape(self) -> tuple[int, int, int]:
        return self._side, self._side, self.run.inputs.shape[2]

    @property
    def network(self) -> Chain:
        decoder = ImageDecoder(
            self._hole_shape,
            width=self.decoder_width,
            doublings=self.decoder_doublings,
            norm=True,
            dtype=self.run.dtype,
        )
        return Chain({"encoder": self.run.encoder, "decoder": decoder})

    @property
    def discriminator(self) -> PairDiscriminator:
        return PairDiscriminator(
            self.discriminator_width,
            self.discriminator_halvings,
            self.discriminator_hidden,
            dtype=self.run.dtype,
        )

    def _init(self, key):
        return self.network.init(key, jnp.zeros((2, *image_shape(self.views, self.run))))

    def init_params(self, key, batch):
        key, judge_key = jax.random.split(key)
        params = self._init(key)[0]
        if self.adversarial_weight == 0:
            return params
        hole = jnp.zeros((2, *self._hole_shape))
        return {
            **params,
            "discriminator": init(self.discriminator, judge_key, hole, _no_code(hole))[0],
        }

    def init_memory(self, key, params, batch):
        return {"stats": self._init(key)[1]}

    def loss(self, params, memory, batch, *, key, step):
        views_key, hole_key, model_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        keys = per_example(hole_key, batch["row"])
        holed = mask_region(keys, images, side=self._side, region=self.region)
        made, stats = self.network.apply(
            params, memory["stats"], holed.rest, train=True, key=model_key
        )
        reconstruction = jnp.mean(mse(made, holed.hidden))
        if self.adversarial_weight == 0:
            return reconstruction, Aux(metrics={}, carry=stats)
        opponent, discriminator = self._game(params["discriminator"], holed.hidden, made)
        weight = self.adversarial_weight
        loss = (1 - weight) * reconstruction + weight * opponent + discriminator
        metrics = {
            "reconstruction": reconstruction,
            "generator_loss": opponent,
            "discriminator_loss": discriminator,
        }
        return loss, Aux(metrics=metrics, carry=stats)

    def _game(self, judge, real, made):
        """Return the losses of encoder and decoder, and of the discriminator."""
        # Each player gets the gradient of its own loss alone.
        fixed_judge, fixed_made = jax.lax.stop_gradient((judge, made))
        opponent = gan(self._judge(fixed_judge, made), self._judge(fixed_judge, real))
        discriminator = gan(self._judge(judge, real), self._judge(judge, fixed_made))
        return jnp.mean(opponent), jnp.mean(discriminator)

    def _judge(self, params, hole):
        return apply(self.discriminator, params, {}, hole, _no_code(hole), train=True)[0]

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)


def _no_code(images):
    """Return the other half of pairs in which images stand alone."""
    return jnp.zeros((len(images), 0))
