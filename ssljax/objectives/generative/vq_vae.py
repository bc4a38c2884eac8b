"""VQ-VAE: reconstruct an image from a grid of discrete codes, which tokenize it."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import mse
from ssljax.models import MLP, GridDecoder, apply, init
from ssljax.objectives.base import Array, Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive
from ssljax.objectives.generative.decoding import image_shape
from ssljax.objectives.views import Views, embed
from ssljax.ops.quantization import (
    code_usage,
    code_vectors,
    init_codebook,
    nearest_code,
    perplexity,
    straight_through,
    update_codebook,
)


@dataclasses.dataclass(frozen=True)
class VQVAE:
    """Neural discrete representation learning (van den Oord et al., 2017).

    Every token of the encoder, z = to_code(token), is replaced by the nearest of K codes e, and a
    decoder makes the image of them: loss = |x - decoder(e)|^2 + commitment |z - sg(e)|^2, both as
    means. The decoder's gradient passes from e to z as it is. Codes are the running means of the z
    that they replace (the paper's appendix A.1), and one that is hardly used is replaced by a z
    of the batch.

    The tokens are those of `config.encoder`: patches of a vision transformer, cells of a ResNet's
    last map. `tokenize` gives their ids, for another objective to predict. Evaluation sees the
    encoder's pooled features; with a vision transformer set `pool="mean"`, as no loss is on the
    class token.

    Paper: https://arxiv.org/abs/1711.00937. Official code: google-deepmind/sonnet,
    src/nets/vqvae.py (VectorQuantizerEMA), which smooths the counts of unused codes instead of
    replacing them. As in its example, errors are of images of variance 1.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    codes: int = 512
    code_dim: int = 64
    commitment: float = 0.25
    decay: float = 0.99
    dead_below: float = 0.1
    decoder_width: int = 256
    decoder_blocks: int = 2

    family: ClassVar[str] = "generative"
    paper: ClassVar[str] = "arXiv:1711.00937"
    keeps: ClassVar[tuple[str, ...]] = ("codebook",)
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        require_positive(codes=self.codes, code_dim=self.code_dim, dead_below=self.dead_below)
        if not 0 <= self.decay < 1:
            raise UserError(f"objective.decay={self.decay}; it must be at least 0 and below 1")
        require_not_negative(commitment=self.commitment)

    @property
    def to_code(self) -> MLP:
        return MLP((), self.code_dim, dtype=self.run.dtype)

    @property
    def decoder(self) -> GridDecoder:
        shape = image_shape(self.views, self.run)
        return GridDecoder(shape, self.decoder_width, self.decoder_blocks, dtype=self.run.dtype)

    def _init(self, key):
        """Return fresh (params, batch statistics of the encoder)."""
        encoder_key, code_key, decoder_key = jax.random.split(key, 3)
        images = jnp.zeros((2, *image_shape(self.views, self.run)))
        encoder, stats = init(self.run.encoder, encoder_key, images)
        tokens = apply(self.run.encoder, encoder, stats, images, train=False)[0].tokens
        if math.isqrt(tokens.shape[1]) ** 2 != tokens.shape[1]:
            raise UserError(f"vq_vae decodes a square grid; the encoder gives {tokens.shape[1]}")
        to_code, _ = init(self.to_code, code_key, tokens)
        decoder, _ = init(self.decoder, decoder_key, jnp.zeros((*tokens.shape[:2], self.code_dim)))
        return {"encoder": encoder, "to_code": to_code, "decoder": decoder}, {"encoder": stats}

    def init_params(self, key, batch):
        return self._init(key)[0]

    def init_memory(self, key, params, batch):
        codebook = init_codebook(
            key, codes=self.codes, dim=self.code_dim, dead_below=self.dead_below
        )
        return {"stats": self._init(key)[1], "codebook": codebook}

    def _encode(self, params, memory, images, *, train, key=None):
        """Return the vectors z [B, N, code_dim], their codes' ids [B, N], and new statistics."""
        encoded, stats = apply(
            self.run.encoder,
            params["encoder"],
            memory["stats"]["encoder"],
            images,
            train=train,
            key=key,
        )
        z, _ = apply(self.to_code, params["to_code"], {}, encoded.tokens, train=train)
        return z, nearest_code(z, code_vectors(memory["codebook"])), {"encoder": stats}

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key, fresh_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        z, ids, stats = self._encode(params, memory, images, train=True, key=model_key)
        quantized = code_vectors(memory["codebook"])[ids]
        reconstruction, _ = apply(
            self.decoder, params["decoder"], {}, straight_through(z, quantized), train=True
        )
        loss = jnp.mean(mse(reconstruction, images) + self.commitment * mse(z, quantized))
        usage = code_usage(z, ids, codes=self.codes)
        carry = {"stats": stats, "usage": usage, "fresh": self._some(z, fresh_key)}
        return loss, Aux(metrics={"perplexity": perplexity(usage["counts"])}, carry=carry)

    def _some(self, z, key):
        """Return as many random vectors of the batch as there are codes."""
        flat = jax.lax.stop_gradient(rearrange(z, "b n d -> (b n) d"))
        return flat[jax.random.randint(key, (self.codes,), 0, len(flat))]

    def advance(self, params, memory, carry, *, step):
        codebook = update_codebook(
            memory["codebook"],
            carry["usage"],
            carry["fresh"],
            decay=self.decay,
            dead_below=self.dead_below,
        )
        return params, {"stats": carry["stats"], "codebook": codebook}

    def tokenize(self, params, memory, images: Array) -> Array:
        """Return the ids of the codes of images: the frozen tokenizer of another objective.

        Args:
          params: of this objective; only "encoder" and "to_code" are used.
          memory: of this objective, "stats" and "codebook".
          images: float[B, H, W, C], normalised as all views are.

        Returns:
          int32[B, N] in 0 ... codes - 1, in the row-major order of the encoder's tokens.
        """
        return self._encode(params, memory, images, train=False)[1]

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
