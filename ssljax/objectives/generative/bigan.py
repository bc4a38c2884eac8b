"""BiGAN: an encoder learns to invert a generator; a discriminator sees pairs of image and code."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import gan
from ssljax.models import MLP, Chain, PairDiscriminator, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive
from ssljax.objectives.generative.decoding import image_decoder, image_shape
from ssljax.objectives.views import Views, embed, normalize
from ssljax.ops.keys import per_example


@dataclasses.dataclass(frozen=True)
class BiGAN:
    """Adversarial feature learning (Donahue et al., 2016).

    A discriminator D tells pairs (x, E(x)) from (G(z), z), with x an image and z uniform in
    [-1, 1]; encoder E and generator G learn to deceive it, by the same loss with flipped labels,
    at the same time:

        loss = gan(D on real, D on made)                 gradient to D alone
             + gan(D on made, D on real)                 gradient to E and G alone

    At D = 1/2 everywhere each of the two is ln 2, and their sum is nowhere less: it says nothing
    about progress. The metrics have both. E ends in tanh and G in a sigmoid, in the ranges of z and
    of pixels. Evaluation sees the features below E's last layer, as the paper's best figures do.

    Paper: https://arxiv.org/abs/1605.09782. Official code: jeffdonahue/bigan, train_gan.py and
    gan.py. Its E ends in 2 sigmoid - 1, which is tanh at half the slope; its D has batch
    normalisation, separately over real and made pairs, and takes z in at every layer: here D has
    neither.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    latent_dim: int = 200
    generator_width: int = 32
    generator_doublings: int = 4
    discriminator_width: int = 64
    discriminator_halvings: int = 4
    discriminator_hidden: int = 1024

    family: ClassVar[str] = "generative"
    paper: ClassVar[str] = "arXiv:1605.09782"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        require_positive(
            latent_dim=self.latent_dim,
            generator_width=self.generator_width,
            discriminator_width=self.discriminator_width,
            discriminator_hidden=self.discriminator_hidden,
        )
        require_not_negative(
            generator_doublings=self.generator_doublings,
            discriminator_halvings=self.discriminator_halvings,
        )

    @property
    def encoding(self) -> Chain:
        head = MLP((), self.latent_dim, dtype=self.run.dtype)
        return Chain({"encoder": self.run.encoder, "latent_head": head})

    @property
    def generation(self) -> Chain:
        generator = image_decoder(
            self.views,
            self.run,
            width=self.generator_width,
            doublings=self.generator_doublings,
            norm=True,
        )
        return Chain({"generator": generator})

    @property
    def discriminator(self) -> PairDiscriminator:
        return PairDiscriminator(
            self.discriminator_width,
            self.discriminator_halvings,
            self.discriminator_hidden,
            dtype=self.run.dtype,
        )

    def _init(self, key):
        key, judge_key = jax.random.split(key)
        x = jnp.zeros((2, *image_shape(self.views, self.run)))
        z = jnp.zeros((2, self.latent_dim))
        encoding, stats = self.encoding.init(key, x)
        generation, generation_stats = self.generation.init(key, z)
        discriminator, _ = init(self.discriminator, judge_key, x, z)
        params = {**encoding, **generation, "discriminator": discriminator}
        return params, {**stats, **generation_stats}

    def init_params(self, key, batch):
        return self._init(key)[0]

    def init_memory(self, key, params, batch):
        return {"stats": self._init(key)[1]}

    def loss(self, params, memory, batch, *, key, step):
        views_key, z_key, model_key = jax.random.split(key, 3)
        x = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        z = self._draw(per_example(z_key, batch["row"]))
        code, encoding_stats = self._encode(params, memory["stats"], x, model_key)
        image, generation_stats = self._generate(params, memory["stats"], z)

        # Each player gets the gradient of its own loss alone. The two passes through the
        # discriminator have equal values; the compiler makes one of them.
        fixed_code, fixed_image, fixed_judge = jax.lax.stop_gradient(
            (code, image, params["discriminator"])
        )
        judge = params["discriminator"]
        real, made = self._judge(judge, x, fixed_code), self._judge(judge, fixed_image, z)
        discriminator_loss = jnp.mean(gan(real, made))
        real, made = self._judge(fixed_judge, x, code), self._judge(fixed_judge, image, z)
        generator_loss = jnp.mean(gan(made, real))

        metrics = {"discriminator_loss": discriminator_loss, "generator_loss": generator_loss}
        stats = {name: encoding_stats[name] for name in self.encoding.modules}
        stats |= {name: generation_stats[name] for name in self.generation.modules}
        return discriminator_loss + generator_loss, Aux(metrics=metrics, carry=stats)

    def _draw(self, keys):
        """Return latent codes [B, latent_dim], uniform in [-1, 1]."""
        return jax.vmap(lambda key: jax.random.uniform(key, (self.latent_dim,), minval=-1.0))(keys)

    def _encode(self, params, stats, x, key):
        code, stats = self.encoding.apply(params, stats, x, train=True, key=key)
        return jnp.tanh(code), stats

    def _generate(self, params, stats, z):
        pixels, stats = self.generation.apply(params, stats, z, train=True)
        return normalize(jax.nn.sigmoid(pixels), self.run.inputs), stats

    def _judge(self, params, x, z):
        return apply(self.discriminator, params, {}, x, z, train=True)[0]

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
