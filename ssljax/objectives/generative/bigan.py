"""BiGAN: an encoder learns to invert a generator; a discriminator sees pairs of image and code."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.models import MLP, PairDiscriminator
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.generative.decoding import image_decoder
from ssljax.objectives.generative.game import play
from ssljax.objectives.views import Views, normalize
from ssljax.ops.keys import per_example
from ssljax.schema import Size, Width


@dataclasses.dataclass(frozen=True)
class BiGAN(Objective):
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

    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    latent_dim: Width = 200
    generator_width: Width = 32
    generator_doublings: Size = 4
    discriminator_width: Width = 64
    discriminator_halvings: Size = 4
    discriminator_hidden: Width = 1024

    reads = ("image",)
    paper = "arXiv:1605.09782"
    batch_coupled = True

    def check(self):
        self.views.require(count=1)

    def modules(self):
        width, doublings = self.generator_width, self.generator_doublings
        return {
            "encoder": self.run.encoder,
            "latent_head": MLP((), self.latent_dim, dtype=self.run.dtype),
            "generator": image_decoder(
                self.views, self.run, width=width, doublings=doublings, norm=True
            ),
            "discriminator": PairDiscriminator(
                self.discriminator_width,
                self.discriminator_halvings,
                self.discriminator_hidden,
                dtype=self.run.dtype,
            ),
        }

    def run_once(self, net):
        code = self.encode(net, self.blank())
        net.discriminator(self.generate(net, code), code)

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        z = self.draw(per_example(jax.random.split(key)[1], batch["row"]))
        code, image = self.encode(net, x), self.generate(net, z)
        discriminator_loss, generator_loss = play(net, real=(x, code), made=(image, z))
        metrics = {"discriminator_loss": discriminator_loss, "generator_loss": generator_loss}
        return Loss(discriminator_loss + generator_loss, metrics)

    def draw(self, keys):
        """Return latent codes [B, latent_dim], uniform in [-1, 1]."""
        return jax.vmap(lambda key: jax.random.uniform(key, (self.latent_dim,), minval=-1.0))(keys)

    def encode(self, net, x):
        """Return the codes E(x) [B, latent_dim], in [-1, 1]."""
        return jnp.tanh(net.latent_head(net.encoder(x).pooled))

    def generate(self, net, z):
        """Return the images G(z), normalised as views are."""
        return normalize(jax.nn.sigmoid(net.generator(z)), self.run.field)
