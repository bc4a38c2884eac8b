"""VAE, beta-VAE: reconstruct an image from a noisy code that is nearly normally distributed."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import unknown
from ssljax.losses import kl_to_normal, vae
from ssljax.losses.variational import LIKELIHOODS
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive
from ssljax.objectives.generative.decoding import image_decoder, image_shape
from ssljax.objectives.views import Views, embed
from ssljax.ops.keys import per_example


@dataclasses.dataclass(frozen=True)
class VAE:
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

    run: Run
    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    beta: float = 1.0
    likelihood: str = "bernoulli"
    latent_dim: int = 128
    decoder_width: int = 32
    decoder_doublings: int = 5

    family: ClassVar[str] = "generative"
    paper: ClassVar[str] = "arXiv:1312.6114"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        require_positive(latent_dim=self.latent_dim, decoder_width=self.decoder_width)
        require_not_negative(beta=self.beta, decoder_doublings=self.decoder_doublings)
        if self.likelihood not in LIKELIHOODS:
            raise unknown("objective.likelihood", self.likelihood, LIKELIHOODS)

    @property
    def recognition(self) -> Chain:
        posterior = MLP((), 2 * self.latent_dim, dtype=self.run.dtype)
        return Chain({"encoder": self.run.encoder, "posterior": posterior})

    @property
    def generation(self) -> Chain:
        decoder = image_decoder(
            self.views, self.run, width=self.decoder_width, doublings=self.decoder_doublings
        )
        return Chain({"decoder": decoder})

    def _init(self, key):
        images = jnp.zeros((2, *image_shape(self.views, self.run)))
        params, stats = self.recognition.init(key, images)
        decoder, _ = self.generation.init(key, jnp.zeros((2, self.latent_dim)))
        return {**params, **decoder}, stats

    def init_params(self, key, batch):
        return self._init(key)[0]

    def init_memory(self, key, params, batch):
        return {"stats": self._init(key)[1]}

    def loss(self, params, memory, batch, *, key, step):
        views_key, noise_key, model_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        posterior, stats = self.recognition.apply(
            params, memory["stats"], images, train=True, key=model_key
        )
        mean, log_variance = jnp.split(posterior, 2, axis=1)
        keys = per_example(noise_key, batch["row"])
        noise = jax.vmap(lambda key: jax.random.normal(key, (self.latent_dim,)))(keys)
        z = mean + jnp.exp(log_variance / 2) * noise
        reconstruction, _ = self.generation.apply(params, {}, z, train=True)
        loss = vae(
            self._pixels(images),
            reconstruction,
            mean,
            log_variance,
            beta=self.beta,
            likelihood=self.likelihood,
        )
        metrics = {"kl": jnp.mean(kl_to_normal(mean, log_variance))}
        return jnp.mean(loss), Aux(metrics=metrics, carry=stats)

    def _pixels(self, images):
        """Return what is to be likely: pixels in [0, 1] as probabilities, or normalised."""
        if self.likelihood != "bernoulli":
            return images
        inputs = self.run.inputs
        pixels = images * jnp.asarray(inputs.std) + jnp.asarray(inputs.mean)
        return jnp.clip(pixels, 0.0, 1.0)  # views are in [0, 1], but for rounding

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
