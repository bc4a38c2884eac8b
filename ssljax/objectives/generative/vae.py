"""VAE, beta-VAE: reconstruct an image from a noisy code that is nearly normally distributed."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp

from ssljax.losses import kl_to_normal, vae
from ssljax.models import MLP
from ssljax.objectives.base import Loss
from ssljax.objectives.generative.decoding import Reconstruction, pixels
from ssljax.ops.keys import per_example
from ssljax.schema import NotNegative


@dataclasses.dataclass(frozen=True)
class VAE(Reconstruction):
    """Auto-encoding variational Bayes (Kingma and Welling, 2013); with beta > 1 beta-VAE.

    mean, v = posterior(encoder(x)); z = mean + exp(v / 2) noise; loss = sum over pixels of
    -log p(x | decoder(z)) + beta KL(N(mean, exp v) || N(0, 1)), the mean over images. With
    `likelihood="bernoulli"` pixels are probabilities, in [0, 1], and the decoder gives logits; with
    "gaussian" they are normalised, of variance 1 around what the decoder gives.

    Evaluation sees the encoder's pooled features, as with every objective, and not the few numbers
    of the posterior's mean, a linear map of them.

    Paper: https://arxiv.org/abs/1312.6114; beta-VAE (Higgins et al., 2017),
    https://openreview.net/forum?id=Sy2fzU9gl. Official code: none of either.
    """

    beta: NotNegative = 1.0
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"

    paper = "arXiv:1312.6114"

    def modules(self):
        posterior = MLP((), 2 * self.latent_dim, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "posterior": posterior, "decoder": self.decoder()}

    def run_once(self, net):
        posterior = net.posterior(net.encoder(self.blank()).pooled)
        net.decoder(posterior[:, : self.latent_dim])

    def loss(self, net, teacher, batch, *, key, step):
        images = self.views.stacked(key, batch)[:, 0]
        mean, log_variance = jnp.split(net.posterior(net.encoder(images).pooled), 2, axis=1)
        keys = per_example(jax.random.split(key)[1], batch["row"])
        noise = jax.vmap(lambda key: jax.random.normal(key, (self.latent_dim,)))(keys)
        # Bernoulli's are probabilities; normal ones are of variance 1.
        target = pixels(images, self.run.field) if self.likelihood == "bernoulli" else images
        loss = vae(
            target,
            net.decoder(mean + jnp.exp(log_variance / 2) * noise),
            mean,
            log_variance,
            beta=self.beta,
            likelihood=self.likelihood,
        )
        return Loss(jnp.mean(loss), {"kl": jnp.mean(kl_to_normal(mean, log_variance))})
