"""DPC: predict maps of features of what a video shows next, among those of all videos."""

import dataclasses

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import dense_predictive
from ssljax.models import DensePredictor
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.schema import Count, Decay


@dataclasses.dataclass(frozen=True)
class DPC(Objective):
    """Video representation learning by dense predictive coding (Han et al., 2019).

    A clip is cut into `blocks` blocks of `frames` frames. The encoder maps each block to a map of
    features, the mean over the block's times of what it says of each place. A recurrent predictor
    reads all maps but the last `predicted`, and predicts these one after the other. Every place of
    a predicted map must find its own feature among those of all places of all predicted maps of all
    videos of the batch:

        loss = mean over videos, blocks and places of -log softmax(p . z')[its own]

    Negatives are other places of the same block, the same place of other blocks, and other videos.
    Products are raw, and targets get a gradient. If all are equal the loss is log(B K S), of K
    blocks and S places.

    Paper: https://arxiv.org/abs/1909.04656. Official code: TengdaHan/DPC, dpc/model_3d.py,
    dpc/main.py, where the negatives are those of one device.
    """

    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    blocks: Count = 8
    frames: Count = 5
    predicted: Count = 3
    dropout: Decay = 0.1

    reads = ("video",)
    batch_coupled = True
    paper = "arXiv:1909.04656"

    def check(self):
        self.views.require(count=1)
        if not hasattr(self.run.encoder, "grid"):
            raise UserError(
                "dpc predicts maps of features: config.encoder must be a video_transformer or a "
                "resnet3d"
            )
        if self.predicted >= self.blocks:
            raise UserError(
                f"objective.predicted={self.predicted} must be below objective.blocks="
                f"{self.blocks}: the first blocks predict the last"
            )
        needed, found = self.blocks * self.frames, self.run.field.shape[-4]
        if needed != found:
            raise UserError(
                f"objective.blocks={self.blocks} of {self.frames} frames are {needed} frames, and "
                f"the clips have {found}; set config.data.length={needed}"
            )

    def modules(self):
        predictor = DensePredictor(self.predicted, self.dropout, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "predictor": predictor}

    def run_once(self, net):
        self.predictions(net, self.blank())

    def maps(self, net, clips):
        """Return the maps [B, blocks, S, D] of clips, float32."""
        parts = rearrange(clips, "b (n t) ... -> (b n) t ...", n=self.blocks)
        times = self.run.encoder.grid(parts.shape[1:])[0]
        tokens = net.encoder(parts).tokens.astype(jnp.float32)
        tokens = rearrange(tokens, "(b n) (t s) d -> b n t s d", n=self.blocks, t=times)
        return jnp.mean(tokens, axis=2)

    def predictions(self, net, clips):
        """Return predictions and targets, [B, predicted S, D] each."""
        maps = self.maps(net, clips)
        seen, target = maps[:, : -self.predicted], maps[:, -self.predicted :]
        predicted = net.predictor(jax.nn.relu(seen))
        return tuple(rearrange(one, "b k s d -> b (k s) d") for one in (predicted, target))

    def loss(self, net, teacher, batch, *, key, step):
        predicted, target = self.predictions(net, self.views.stacked(key, batch)[:, 0])
        return Loss(jnp.mean(dense_predictive(predicted, target)))
