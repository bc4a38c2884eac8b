"""data2vec 2.0: predict a moving-average teacher's layers, from many small parts of an image."""

import dataclasses

import jax
import jax.numpy as jnp
from einops import rearrange, repeat

from ssljax.errors import UserError
from ssljax.losses import masked_mse, mse
from ssljax.models import ConvDecoder
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.data2vec import layer_targets, require_top_layers
from ssljax.objectives.masked.patches import (
    mean_over,
    patch_grid,
    require_mask,
    require_patches,
    whole_patches,
)
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.masking import inverse_block_mask
from ssljax.ops.normalize import standardize
from ssljax.ops.schedule import linear
from ssljax.schema import Count, Depth, NotNegative, OpenShare, Share, Size, Width


@dataclasses.dataclass(frozen=True)
class Data2Vec2(Objective):
    """Efficient self-supervised learning with contextualized target representations for vision,
    speech and language (Baevski et al., 2022).

    The teacher sees the whole image. Its targets are what the MLPs of the last `top_layers` blocks
    add to each patch: normalised over the patches, averaged over the blocks, normalised over the
    D components. The encoder sees a few blocks of patches, in `masks` different ways for the one
    pass of the teacher; a convolutional decoder has noise in place of the others and predicts their
    targets. The loss is the squared error / sqrt(D), a mean over the hidden patches and components.

    As much again is asked of the class token, which predicts the mean target of all patches:
    `class_weight` times the same error.

    The teacher's parameters are a moving average, updated after the optimizer's step, with a
    momentum that rises linearly from `momentum` to `final_momentum` in `momentum_steps` (0: all of
    the run). Evaluation sees the encoder's features.

    Of texts, tokens take the place of patches, and `class_weight` is 0. Padding is neither seen nor
    predicted, and the mean is over all hidden tokens of the batch.

    Paper: https://arxiv.org/abs/2212.07525. Official code: facebookresearch/fairseq,
      examples/data2vec/models/data2vec2.py. Its blocks normalise after each branch, as ours do with
      `encoder.norm_first=False`. It sums the class token's errors over the rows of a device, so
      that its weight of 0.01 is one of 2.56 with the official 16 images of 16 masks, which is the
      default here.
    """

    views: Views = Views.crops(crop_scale=(0.2, 1.0), flip=0.5)
    masks: Count = 16
    mask_ratio: OpenShare = 0.8
    mask_block: Count = 3
    mask_adjust: Share = 0.07
    top_layers: Count = 10
    class_weight: NotNegative = 2.56
    noise: NotNegative = 0.01
    momentum: Share = 0.9998
    final_momentum: Share = 0.99999
    momentum_steps: Size = 0
    decoder_width: Width = 768
    decoder_depth: Depth = 6
    decoder_kernel: Count = 3
    decoder_groups: Count = 16

    teacher = ("encoder",)
    takes_ragged = True
    paper = "arXiv:2212.07525"

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "data2vec2")
        encoder = self.run.encoder
        require_top_layers(self)
        if self.class_weight and self.run.field.ragged:
            raise UserError(
                f"class_weight={self.class_weight} is of examples of one length; of texts it must "
                "be 0"
            )
        if self.class_weight and encoder.pool != "cls":
            raise UserError(
                f"class_weight={self.class_weight} needs encoder.pool='cls'; with "
                f"encoder.pool={encoder.pool!r} it must be 0"
            )
        require_mask(self.mask, mask_ratio=self.mask_ratio, mask_block=self.mask_block)
        if encoder.width % self.decoder_groups or self.decoder_width % self.decoder_groups:
            raise UserError(
                f"objective.decoder_groups={self.decoder_groups} must divide config.encoder.width="
                f"{encoder.width} and objective.decoder_width={self.decoder_width}"
            )

    def modules(self):
        decoder = ConvDecoder(
            grid=patch_grid(self.run, self.views),
            out=self.run.encoder.width,
            width=self.decoder_width,
            depth=self.decoder_depth,
            kernel=self.decoder_kernel,
            groups=self.decoder_groups,
            dtype=self.run.dtype,
        )
        return {"encoder": self.run.encoder, "decoder": decoder}

    def run_once(self, net):
        net.decoder(net.encoder(self.blank()).tokens)

    def mask(self, keys):
        """Return the masks of all examples, as of a batch (b m)."""
        each = jax.vmap(lambda key: jax.random.split(key, self.masks))(keys)
        return inverse_block_mask(
            rearrange(each, "b m -> (b m)"),
            grid=patch_grid(self.run, self.views),
            ratio=self.mask_ratio,
            block=self.mask_block,
            adjust=self.mask_adjust,
        )

    def loss(self, net, teacher, batch, *, key, step):
        _, mask_key, noise_key = jax.random.split(key, 3)
        images, segments = whole_patches(self.run, self.views.stacked(key, batch)[:, 0])
        real = None if segments is None else segments > 0
        mask = self.mask(per_example(mask_key, batch["row"]))
        noise_keys = per_example(noise_key, batch["row"])
        target = self._targets(teacher, images, real)

        keep = rearrange(mask.keep, "(b m) k -> b m k", m=self.masks)
        encoded = net.encoder(images, keep=keep)
        grid, where = self._on_the_grid(encoded.tokens, mask.restore, noise_keys), mask.masked
        if real is not None:
            real = repeat(real, "b n -> (b m) n", m=self.masks)
            grid, where = jnp.where(real[:, :, None], grid, 0), where & real
        prediction = net.decoder(grid)
        scale = target.shape[-1] ** -0.5
        targets = repeat(target, "b n d -> (b m) n d", m=self.masks)
        losses = masked_mse(prediction, targets, where=where)
        mean, count = mean_over(losses, None if real is None else where)
        patches = scale * mean
        if not self.class_weight:
            return Loss(patches, weight=count)
        whole = repeat(jnp.mean(target, axis=1), "b d -> (b m) d", m=self.masks)
        pooled = scale * jnp.mean(mse(encoded.pooled, whole))
        metrics = {"patch_loss": patches, "class_loss": pooled}
        return Loss(patches + self.class_weight * pooled, metrics)

    def _targets(self, teacher, images, real=None):
        return standardize(layer_targets(teacher, images, self.top_layers, real))

    def _on_the_grid(self, tokens, restore, keys):
        """Put the visible tokens [(b m) k d] back in their places, with noise in all others."""
        hidden = restore.shape[1] - tokens.shape[1]
        shape = (self.masks, hidden, tokens.shape[2])
        noise = self.noise * jax.vmap(lambda key: jax.random.normal(key, shape))(keys)
        noise = rearrange(noise, "b m n d -> (b m) n d").astype(tokens.dtype)
        return jnp.take_along_axis(
            jnp.concatenate([tokens, noise], axis=1), restore[:, :, None], axis=1
        )

    def decay(self, step):
        steps = self.momentum_steps or self.run.steps
        return linear(step, start=self.momentum, end=self.final_momentum, steps=steps)
