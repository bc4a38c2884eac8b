"""VQ-VAE: reconstruct an image from a grid of discrete codes, which tokenize it."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import mse
from ssljax.models import MLP, GridDecoder, named
from ssljax.objectives.base import Array, Loss, Objective
from ssljax.objectives.views import Views
from ssljax.ops.quantization import (
    code_usage,
    code_vectors,
    init_codebook,
    nearest_code,
    perplexity,
    straight_through,
    update_codebook,
)
from ssljax.schema import Count, Decay, NotNegative, Positive, Size, Width


@dataclasses.dataclass(frozen=True)
class VQVAE(Objective):
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

    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    codes: Count = 512
    code_dim: Width = 64
    commitment: NotNegative = 0.25
    codebook_decay: Decay = 0.99
    dead_below: Positive = 0.1
    decoder_width: Width = 256
    decoder_blocks: Size = 2

    reads = ("image",)
    paper = "arXiv:1711.00937"
    batch_coupled = True

    def check(self):
        self.views.require(count=1)

    def modules(self):
        shape = (self.views.size, self.views.size, self.run.field.shape[2])
        width, blocks = self.decoder_width, self.decoder_blocks
        return {
            "encoder": self.run.encoder,
            "to_code": MLP((), self.code_dim, dtype=self.run.dtype),
            "decoder": GridDecoder(shape, width, blocks, dtype=self.run.dtype),
        }

    def run_once(self, net):
        tokens = net.encoder(self.blank()).tokens
        if math.isqrt(tokens.shape[1]) ** 2 != tokens.shape[1]:
            raise UserError(f"vq_vae decodes a square grid; the encoder gives {tokens.shape[1]}")
        net.decoder(net.to_code(tokens))

    def memory(self, key):
        sizes = {"codes": self.codes, "dim": self.code_dim}
        codebook = init_codebook(key, dead_below=self.dead_below, **sizes)
        return {"codebook": named(codebook, "codes")}

    def encode(self, net, images):
        """Return the vectors z [B, N, code_dim], and the ids of their codes [B, N]."""
        z = net.to_code(net.encoder(images).tokens)
        return z, nearest_code(z, code_vectors(net.state["codebook"]))

    def loss(self, net, teacher, batch, *, key, step):
        images, codebook = self.views.stacked(key, batch)[:, 0], net.state["codebook"]
        z, ids = self.encode(net, images)
        quantized = code_vectors(codebook)[ids]
        reconstruction = net.decoder(straight_through(z, quantized))
        loss = jnp.mean(mse(reconstruction, images) + self.commitment * mse(z, quantized))
        usage = code_usage(z, ids, codes=self.codes)
        # As many random vectors of the batch as there are codes, for those that are dead.
        vectors = rearrange(z, "b n d -> (b n) d")
        fresh = vectors[
            jax.random.randint(jax.random.split(key, 3)[2], (self.codes,), 0, len(vectors))
        ]
        codebook = update_codebook(
            codebook, usage, fresh, decay=self.codebook_decay, dead_below=self.dead_below
        )
        return Loss(loss, {"perplexity": perplexity(usage["counts"])}, {"codebook": codebook})

    def tokenize(self, params, state, images: Array) -> Array:
        """Return the ids of the codes of images: the frozen tokenizer of another objective.

        Args:
          params: of this objective; only "encoder" and "to_code" are used.
          state: of this objective, "stats" and "codebook".
          images: float[B, H, W, C], normalised as all views are.

        Returns:
          int32[B, N] in 0 ... codes - 1, in the row-major order of the encoder's tokens.
        """
        return self.encode(self.nets(params, state, train=False)[0], images)[1]
