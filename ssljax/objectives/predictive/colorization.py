"""Colorization: tell the colours of an image from its lightness."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange, repeat

from ssljax.errors import UserError
from ssljax.losses import soft_cross_entropy
from ssljax.models import MLP, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.views import Views, embed, normalize
from ssljax.ops.augment import crop_and_resize
from ssljax.ops.color_space import gamut_bins, rarity, rgb_to_lab, soft_encode
from ssljax.ops.ema import ema


@dataclasses.dataclass(frozen=True)
class Colorization:
    """Colorful image colorization (Zhang et al., 2016).

    The encoder sees the lightness L of an image. For every cell of a grid, a classifier tells from
    the encoder's token there which of Q bins of colour (a, b) it has:

        t = the cell's colour, shared out among its 5 nearest bins
        loss = mean over cells of w[argmax t] (-sum_q t_q log softmax(classifier(token))_q)

    Rare colours weigh more, w_q ~ 1 / ((1 - mix) p_q + mix / Q), as most of what photographs show
    is nearly grey. With equal logits and `rare_mix` = 1, which is no such weight, the loss is
    log Q.

    Paper: https://arxiv.org/abs/1603.08511. Official code: richzhang/colorization, branch caffe.
    There, p is counted beforehand on ImageNet; here it is a running mean of t over the batches,
    kept in memory, uniform at the start. There, Q is 313 and comes as a file; here the bins are
    those of the same grid that sRGB reaches, 261. There, the network keeps a quarter of the
    resolution; here it is any encoder, and each token tells `cells_per_token`^2 cells. L is given
    in all three channels, so that the encoder takes the colour images of other tasks too.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.4727, 0.4727), crop_ratio=(1.0, 1.0), flip=0.5)
    cells_per_token: int = 4
    classifier_hidden: tuple = ()
    bin_spacing: int = 10
    rare_mix: float = 0.5
    share_momentum: float = 0.999

    family: ClassVar[str] = "predictive"
    paper: ClassVar[str] = "arXiv:1603.08511"
    keeps: ClassVar[tuple[str, ...]] = ("shares",)
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        channels = self.run.inputs.shape[2]
        if channels != 3:
            raise UserError(
                f"colorization needs images with 3 channels (RGB), these have {channels}: grey "
                "images have no colours to tell"
            )
        for name in ("cells_per_token", "bin_spacing"):
            if getattr(self, name) < 1:
                raise UserError(f"objective.{name}={getattr(self, name)}; it must be at least 1")
        if not 0 < self.rare_mix <= 1:
            raise UserError(f"objective.rare_mix={self.rare_mix}; it must be in (0, 1] (1: off)")
        if not 0 <= self.share_momentum < 1:
            raise UserError(f"objective.share_momentum={self.share_momentum}; it must be in [0, 1)")

    @property
    def _bins(self):
        return gamut_bins(self.bin_spacing)

    @property
    def classifier(self) -> MLP:
        """From a token to the logits of its cells."""
        classes = self.cells_per_token**2 * len(self._bins)
        return MLP(self.classifier_hidden, classes, dtype=self.run.dtype)

    def _init(self, key):
        (view,) = self.views.augmentations(self.run.inputs).values()
        encoder_key, classifier_key = jax.random.split(key)
        images = jnp.zeros((2, view.size, view.size, 3))
        encoder, stats = init(self.run.encoder, encoder_key, images)
        encoded, _ = apply(self.run.encoder, encoder, stats, images, train=False)
        classifier, own = init(self.classifier, classifier_key, encoded.tokens[:, 0])
        return {"encoder": encoder, "classifier": classifier}, {"encoder": stats, "classifier": own}

    def init_params(self, key, batch):
        return self._init(key)[0]

    def init_memory(self, key, params, batch):
        count = len(self._bins)
        return {"stats": self._init(key)[1], "shares": jnp.full(count, 1 / count)}

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key = jax.random.split(key)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        lab = rgb_to_lab(self._pixels(images))
        lightness = repeat(lab[..., 0] / 100, "b h w -> b h w c", c=3)
        logits, stats = self._predict(
            params, memory["stats"], normalize(lightness, self.run.inputs), model_key
        )
        targets = soft_encode(self._cells(lab[..., 1:], logits.shape[1]), self._bins)
        weights = rarity(memory["shares"], mix=self.rare_mix)[jnp.argmax(targets, axis=-1)]
        loss = jnp.mean(soft_cross_entropy(logits, targets, weights=weights))
        carry = {"stats": stats, "seen": jnp.mean(targets, axis=(0, 1))}
        return loss, Aux(metrics={}, carry=jax.lax.stop_gradient(carry))

    def _pixels(self, images):
        inputs = self.run.inputs
        return jnp.clip(images * jnp.asarray(inputs.std) + jnp.asarray(inputs.mean), 0, 1)

    def _predict(self, params, stats, images, key):
        """Return logits [B, cells, Q], cells in row-major order, and batch statistics."""
        encoded, own = apply(
            self.run.encoder, params["encoder"], stats["encoder"], images, train=True, key=key
        )
        tokens = rearrange(encoded.tokens, "b n d -> (b n) d")
        logits, classifiers = apply(
            self.classifier, params["classifier"], stats["classifier"], tokens, train=True
        )
        logits = rearrange(
            logits,
            "(b h w) (p q k) -> b (h p w q) k",
            b=len(images),
            h=math.isqrt(encoded.tokens.shape[1]),
            p=self.cells_per_token,
            q=self.cells_per_token,
        )
        return logits, {"encoder": own, "classifier": classifiers}

    def _cells(self, colors, count):
        """Return the mean colour [B, cells, 2] of each cell of images [B, S, S, 2]."""
        side, pixels = math.isqrt(count), colors.shape[1]
        box = jnp.array((0, 0, pixels, pixels), jnp.float32)
        shrink = jax.vmap(lambda image: crop_and_resize(image, box, (side, side)))
        return rearrange(shrink(colors), "b h w c -> b (h w) c")

    def advance(self, params, memory, carry, *, step):
        shares = ema(memory["shares"], carry["seen"], self.share_momentum)
        return params, {"stats": carry["stats"], "shares": shares}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
