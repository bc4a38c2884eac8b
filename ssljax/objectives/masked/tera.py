"""TERA: reconstruct spectrograms of which times and bands are masked, and magnitudes altered."""

import dataclasses

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import masked_l1
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.patches import (
    mean_over,
    patch_grid,
    reconstruction,
    require_mask,
    require_patches,
)
from ssljax.objectives.views import Views
from ssljax.ops.augment import Alteration
from ssljax.ops.keys import per_example
from ssljax.schema import Count, Decay, Share


@dataclasses.dataclass(frozen=True)
class TERA(Objective):
    """TERA: self-supervised learning of transformer encoder representation for speech (Liu et al.,
    2021).

    The encoder sees a whole spectrogram with spans of times and a block of bands masked, and at
    times noise; a small head predicts the spectrogram from its tokens. The loss is the absolute
    error of the masked cells, in standard deviations of their bands: .798 for predicting 0 of
    normal values. Without bands and noise it is masked frame reconstruction (Mockingjay,
    https://arxiv.org/abs/1910.12638).

    In the official code a token is a frame: encoder.patch_time=1 and encoder.patch_bands as many as
    there are bands; larger patches work too.

    Attributes:
      views: one view of each sound.
      mask_ratio: part of the frames, see `ssljax.ops.augment.Alteration`.
      mask_frames: frames of a span.
      mask_bands: greatest part of the bands.
      noise: share of sounds with noise.
      run: see `Objective`.

    Paper: https://arxiv.org/abs/2007.06028. Official code: s3prl/s3prl,
    s3prl/pretrain/mockingjay/task.py, s3prl/pretrain/tera/config_model.yaml, which standardises
    each sound by itself, and whose last frame is never masked.
    """

    views: Views = Views.crops()
    mask_ratio: Decay = 0.15
    mask_frames: Count = 7
    mask_bands: Share = 0.2
    noise: Share = 0.15

    reads = ("audio",)
    paper = "arXiv:2007.06028"

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "tera")
        grid, target = patch_grid(self.run, self.views), self.target
        frames, bands = (side * n for side, n in zip(target.patch, grid, strict=True))
        hides = self.alteration.spans(frames) or int(self.mask_bands * bands)
        if not hides or (self.mask_ratio and not self.alteration.spans(frames)):
            raise UserError(
                f"objective.mask_ratio={self.mask_ratio}, objective.mask_frames="
                f"{self.mask_frames}, objective.mask_bands={self.mask_bands} mask nothing of "
                f"spectrograms of {frames} frames and {bands} bands; raise one of them"
            )
        require_mask(
            lambda keys: self.alteration(keys, jnp.zeros((2, frames, bands))),
            mask_frames=self.mask_frames,
        )

    @property
    def alteration(self) -> Alteration:
        """What is done to a spectrogram."""
        return Alteration(self.mask_ratio, self.mask_frames, self.mask_bands, self.noise)

    @property
    def target(self):
        """What is predicted: the patches of the spectrogram."""
        return reconstruction(self.run)

    def modules(self):
        encoder = self.run.encoder
        options = {"norm": False, "activation": "gelu", "dtype": self.run.dtype}
        head = MLP((encoder.width,), self.target.out, **options)
        return {"encoder": encoder, "head": head}

    def run_once(self, net):
        net.head(net.encoder(self.blank()).tokens)

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        keys = per_example(jax.random.fold_in(key, 1), batch["row"])
        altered, hidden = self.alteration(keys, x)
        prediction = net.head(net.encoder(altered).tokens)
        target = self.target
        cells = "b n d -> b (n d)"
        where = rearrange(target.target(hidden.astype(jnp.float32)) > 0, cells)
        losses = masked_l1(
            rearrange(prediction, cells)[..., None],
            rearrange(target.target(x), cells)[..., None],
            where=where,
        )
        loss, count = mean_over(losses, where)
        return Loss(loss, weight=count)
