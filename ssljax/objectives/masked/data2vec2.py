"""data2vec 2.0: predict a moving-average teacher's layers, from many small parts of an image."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange, repeat

from ssljax.errors import UserError
from ssljax.losses import masked_mse, mse
from ssljax.models import ConvDecoder, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_share
from ssljax.objectives.masked.patches import blank, patch_grid, require_patches
from ssljax.objectives.views import Views, embed
from ssljax.ops.ema import ema
from ssljax.ops.keys import per_example
from ssljax.ops.masking import inverse_block_mask
from ssljax.ops.normalize import standardize
from ssljax.ops.schedule import linear


@dataclasses.dataclass(frozen=True)
class Data2Vec2:
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

    Paper: https://arxiv.org/abs/2212.07525. Official code: facebookresearch/fairseq,
      examples/data2vec/models/data2vec2.py. Its blocks normalise after each branch (post-norm),
      ours before. It sums the class token's errors over the rows of a device, so that its weight of
      0.01 is one of 2.56 with the official 16 images of 16 masks, which is the default here.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.2, 1.0), flip=0.5)
    masks: int = 16
    mask_ratio: float = 0.8
    mask_block: int = 3
    mask_adjust: float = 0.07
    top_layers: int = 10
    class_weight: float = 2.56
    noise: float = 0.01
    momentum: float = 0.9998
    final_momentum: float = 0.99999
    momentum_steps: int = 0
    decoder_width: int = 768
    decoder_depth: int = 6
    decoder_kernel: int = 3
    decoder_groups: int = 16

    family: ClassVar[str] = "masked"
    paper: ClassVar[str] = "arXiv:2212.07525"
    keeps: ClassVar[tuple[str, ...]] = ("teacher",)
    batch_coupled: ClassVar[bool] = False

    def __post_init__(self):
        require_share(final_momentum=self.final_momentum, momentum=self.momentum)
        self.views.require(self.run.inputs, count=1)
        require_patches(self.run, "data2vec2")
        encoder = self.run.encoder
        if not 0 < self.top_layers <= encoder.depth:
            raise UserError(
                f"top_layers={self.top_layers}; it must be from 1 to encoder.depth={encoder.depth}"
            )
        if self.masks < 1:
            raise UserError(f"masks={self.masks}; it must be at least 1")
        if self.class_weight and encoder.pool != "cls":
            raise UserError(
                f"class_weight={self.class_weight} needs encoder.pool='cls'; with "
                f"encoder.pool={encoder.pool!r} it must be 0"
            )
        jax.eval_shape(lambda: self._masks(jax.random.split(jax.random.key(0))))  # its errors, now

    @property
    def decoder(self) -> ConvDecoder:
        return ConvDecoder(
            grid=patch_grid(self.run, self.views),
            out=self.run.encoder.width,
            width=self.decoder_width,
            depth=self.decoder_depth,
            kernel=self.decoder_kernel,
            groups=self.decoder_groups,
            dtype=self.run.dtype,
        )

    def _masks(self, keys):
        """Return the masks of all images, as of a batch (b m)."""
        keys = rearrange(
            jax.vmap(lambda key: jax.random.split(key, self.masks))(keys), "b m -> (b m)"
        )
        return inverse_block_mask(
            keys,
            grid=patch_grid(self.run, self.views),
            ratio=self.mask_ratio,
            block=self.mask_block,
            adjust=self.mask_adjust,
        )

    def init_params(self, key, batch):
        encoder_key, decoder_key = jax.random.split(key)
        images = blank(self.run, self.views)
        encoder, _ = init(self.run.encoder, encoder_key, images)
        tokens = apply(self.run.encoder, encoder, {}, images, train=False)[0].tokens
        decoder, _ = init(self.decoder, decoder_key, tokens)
        return {"encoder": encoder, "decoder": decoder}

    def init_memory(self, key, params, batch):
        return {"teacher": {"encoder": params["encoder"]}}

    def loss(self, params, memory, batch, *, key, step):
        views_key, mask_key, noise_key, model_key = jax.random.split(key, 4)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        mask = self._masks(per_example(mask_key, batch["row"]))
        noise_keys = per_example(noise_key, batch["row"])
        target = self._targets(memory["teacher"], images)

        encoded, _ = apply(
            self.run.encoder,
            params["encoder"],
            {},
            images,
            train=True,
            key=model_key,
            keep=rearrange(mask.keep, "(b m) k -> b m k", m=self.masks),
        )
        prediction, _ = apply(
            self.decoder,
            params["decoder"],
            {},
            self._on_the_grid(encoded.tokens, mask.restore, noise_keys),
            train=True,
        )
        scale = target.shape[-1] ** -0.5
        targets = repeat(target, "b n d -> (b m) n d", m=self.masks)
        patches = scale * jnp.mean(masked_mse(prediction, targets, where=mask.masked))
        if not self.class_weight:
            return patches, Aux(metrics={}, carry={})
        whole = repeat(jnp.mean(target, axis=1), "b d -> (b m) d", m=self.masks)
        image = scale * jnp.mean(mse(encoded.pooled, whole))
        return patches + self.class_weight * image, Aux(
            metrics={"patch_loss": patches, "class_loss": image}, carry={}
        )

    def _targets(self, teacher, images):
        encoder = self.run.encoder
        encoded, _ = apply(encoder, teacher["encoder"], {}, images, train=False, mlp_outputs=True)
        layers = standardize(encoded.mlp_outputs[-self.top_layers :], axis=2)
        return standardize(jnp.mean(layers, axis=0))

    def _on_the_grid(self, tokens, restore, keys):
        """Put the visible tokens [(b m) k d] back in their places, with noise in all others."""
        hidden = restore.shape[1] - tokens.shape[1]
        shape = (self.masks, hidden, tokens.shape[2])
        noise = self.noise * jax.vmap(lambda key: jax.random.normal(key, shape))(keys)
        noise = rearrange(noise, "b m n d -> (b m) n d").astype(tokens.dtype)
        return jnp.take_along_axis(
            jnp.concatenate([tokens, noise], axis=1), restore[:, :, None], axis=1
        )

    def advance(self, params, memory, carry, *, step):
        momentum = linear(
            step,
            start=self.momentum,
            end=self.final_momentum,
            steps=self.momentum_steps or self.run.steps,
        )
        online = {"encoder": params["encoder"]}
        return params, {"teacher": ema(memory["teacher"], online, momentum)}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], {}, batch)
