"""TimeMAE: predict the momentum encoder's vectors, and the codewords, of hidden patches."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import time_mae
from ssljax.models import MLP, MAEDecoder, PatchEmbed, apply
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.patches import patch_grid, require_mask, require_patches
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.masking import random_mask
from ssljax.schema import Count, Decay, Depth, NotNegative, OpenShare


@dataclasses.dataclass(frozen=True)
class TimeMAE(Objective):
    """TimeMAE: self-supervised representations of time series with decoupled masked autoencoders
    (Cheng et al., 2023).

    The encoder sees the visible patches of a series; a decoder predicts a vector for each of the
    others. Its targets are two: what a momentum encoder makes of the hidden patches alone, by the
    squared error, and a codeword, by cross entropy. One linear map scores the codewords, both of
    what is predicted and of the patches themselves as they enter the encoder; of the latter a
    codeword is drawn with the probability that its score gives it. The momentum encoder is a moving
    average of all of the encoder, patch embedding included.

    The decoder is that of MAE, where hidden patches see each other; officially they only see the
    visible ones.

    Paper: https://arxiv.org/abs/2303.00320. Official code: Mingyue-Cheng/TimeMAE, model/TimeMAE.py,
    whose weights and smoothing are the defaults here.
    """

    views: Views = Views.crops()
    mask_ratio: OpenShare = 0.6
    codewords: Count = 192
    momentum: Decay = 0.99
    alignment_weight: NotNegative = 5.0
    codeword_weight: NotNegative = 1.0
    smoothing: Decay = 0.2
    decoder_depth: Depth = 4

    teacher = ("encoder",)
    reads = ("series",)
    paper = "arXiv:2303.00320"

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "time_mae")
        if not getattr(self.run.encoder, "patch", ()) or self.codewords < 2:
            raise UserError(
                f"time_mae needs patches and at least 2 codewords; objective.codewords="
                f"{self.codewords}, config.encoder.name must be 'series_transformer'"
            )
        require_mask(self.mask, mask_ratio=self.mask_ratio)

    def modules(self):
        encoder = self.run.encoder
        decoder = MAEDecoder(
            grid=patch_grid(self.run, self.views),
            out=encoder.width,
            width=encoder.width,
            depth=self.decoder_depth,
            heads=encoder.heads,
            attention=encoder.attention,
            scan=encoder.scan,
            remat=encoder.remat,
            dtype=self.run.dtype,
        )
        codes = MLP((), self.codewords, dtype=self.run.dtype)
        return {"encoder": encoder, "decoder": decoder, "codes": codes}

    def mask(self, keys):
        patches = math.prod(patch_grid(self.run, self.views))
        return random_mask(keys, patches=patches, ratio=self.mask_ratio)

    def run_once(self, net):
        mask = self.mask(jax.random.split(jax.random.key(0)))
        encoded = net.encoder(self.blank(), keep=mask.keep)
        net.codes(net.decoder(encoded, mask.restore))

    def loss(self, net, teacher, batch, *, key, step):
        _, mask_key, code_key = jax.random.split(key, 3)
        x = self.views.stacked(key, batch)[:, 0]
        mask = self.mask(per_example(mask_key, batch["row"]))
        hidden = jnp.argsort(mask.restore, axis=1)[:, mask.keep.shape[1] :]
        at_hidden = hidden[..., None]

        decoded = net.decoder(net.encoder(x, keep=mask.keep), mask.restore)
        prediction = jnp.take_along_axis(decoded, at_hidden, axis=1)
        labels = self.draw(net, x, per_example(code_key, batch["row"]))
        losses = time_mae(
            prediction,
            teacher.encoder(x, keep=hidden).tokens,
            net.codes(prediction),
            jnp.take_along_axis(labels, hidden, axis=1),
            alignment_weight=self.alignment_weight,
            codeword_weight=self.codeword_weight,
            smoothing=self.smoothing,
            where=jnp.ones(hidden.shape, bool),
        )
        return Loss(jnp.mean(losses))

    def draw(self, net, x, keys):
        """Return int32[B, N], a codeword drawn for each patch from the scores of its embedding."""
        encoder = self.run.encoder
        embed = PatchEmbed(encoder.patch, encoder.width, jnp.float32)
        embedded, _ = apply(embed, net.params["encoder"]["patch_embed"], {}, x, train=False)
        scores = jax.lax.stop_gradient(net.codes(embedded))
        return jax.vmap(jax.random.categorical)(keys, scores)

    def decay(self, step):
        return self.momentum
