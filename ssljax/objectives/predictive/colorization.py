"""Colorization: tell the colours of an image from its lightness."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from einops import rearrange, repeat

from ssljax.errors import UserError
from ssljax.losses import soft_cross_entropy
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.generative.decoding import pixels
from ssljax.objectives.views import Views, normalize
from ssljax.ops.augment import crop_and_resize
from ssljax.ops.color_space import gamut_bins, rarity, rgb_to_lab, soft_encode
from ssljax.ops.ema import ema
from ssljax.schema import Count, Decay, Part, Widths


@dataclasses.dataclass(frozen=True)
class Colorization(Objective):
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
    kept in the state, uniform at the start. There, Q is 313 and comes as a file; here the bins are
    those of the same grid that sRGB reaches, 261. There, the network keeps a quarter of the
    resolution; here it is any encoder, and each token tells `cells_per_token`^2 cells. L is given
    in all three channels, so that the encoder takes the colour images of other tasks too.
    """

    views: Views = Views.crops(crop_scale=(0.4727, 0.4727), crop_ratio=(1.0, 1.0), flip=0.5)
    cells_per_token: Count = 4
    classifier_hidden: Widths = ()
    bin_spacing: Count = 10
    rare_mix: Part = 0.5  # 1: all colours weigh the same
    share_momentum: Decay = 0.999

    reads = ("image",)
    paper = "arXiv:1603.08511"
    batch_coupled = True

    def check(self):
        self.views.require(count=1)
        channels = self.run.field.shape[2]
        if channels != 3:
            raise UserError(
                f"colorization needs images with 3 channels (RGB), these have {channels}: grey "
                "images have no colours to tell"
            )

    @property
    def _bins(self):
        return gamut_bins(self.bin_spacing)

    def modules(self):
        classes = self.cells_per_token**2 * len(self._bins)
        classifier = MLP(self.classifier_hidden, classes, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "classifier": classifier}

    def run_once(self, net):
        net.classifier(net.encoder(self.blank()).tokens[:, 0])

    def memory(self, key):
        count = len(self._bins)
        return {"shares": jnp.full(count, 1 / count)}

    def loss(self, net, teacher, batch, *, key, step):
        images, shares = self.views.stacked(key, batch)[:, 0], net.state["shares"]
        lab = rgb_to_lab(pixels(images, self.run.field))
        lightness = repeat(lab[..., 0] / 100, "b h w -> b h w c", c=3)
        logits = self.predict(net, normalize(lightness, self.run.field))
        targets = soft_encode(self._cells(lab[..., 1:], logits.shape[1]), self._bins)
        weights = rarity(shares, mix=self.rare_mix)[jnp.argmax(targets, axis=-1)]
        loss = jnp.mean(soft_cross_entropy(logits, targets, weights=weights))
        seen = jnp.mean(targets, axis=(0, 1))
        return Loss(loss, carry={"shares": ema(shares, seen, self.share_momentum)})

    def predict(self, net, images):
        """Return logits [B, cells, Q], cells in row-major order."""
        tokens = net.encoder(images).tokens
        return rearrange(
            net.classifier(rearrange(tokens, "b n d -> (b n) d")),
            "(b h w) (p q k) -> b (h p w q) k",
            b=len(images),
            h=math.isqrt(tokens.shape[1]),
            p=self.cells_per_token,
            q=self.cells_per_token,
        )

    def _cells(self, colors, count):
        """Return the mean colour [B, cells, 2] of each cell of images [B, S, S, 2]."""
        side, size = math.isqrt(count), colors.shape[1]
        box = jnp.array((0, 0, size, size), jnp.float32)
        shrink = jax.vmap(lambda image: crop_and_resize(image, box, (side, side)))
        return rearrange(shrink(colors), "b h w c -> b (h w) c")
