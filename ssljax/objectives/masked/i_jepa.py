"""I-JEPA: predict, from the rest of an image, a teacher's features of blocks that are hidden."""

import dataclasses
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import mse, smooth_l1
from ssljax.models import Predictor
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.patches import patch_grid, require_mask, require_patches
from ssljax.objectives.views import Views, plain
from ssljax.ops.keys import per_example
from ssljax.ops.masking import multi_block
from ssljax.ops.normalize import standardize
from ssljax.ops.schedule import linear
from ssljax.schema import Ascending, Count, Depth, OpenShare, Part, Positive, Share, Width

DISTANCES = {"smooth_l1": smooth_l1, "l2": mse}


@dataclasses.dataclass(frozen=True)
class IJEPA(Objective):
    """Self-supervised learning from images with a joint-embedding predictive architecture (Assran
    et al., 2023).

    The encoder sees the context, patches outside of a few target blocks. A narrow transformer
    predicts from it, block by block, what the teacher says there: its tokens of the whole image,
    each normalised to mean 0 and variance 1, without gradient. The loss is the mean of the
    distances of the predicted values.

    The teacher's parameters are a moving average, updated after the optimizer's step, with a
    momentum that rises linearly to 1. Evaluation sees the mean of its patch tokens.

    Paper: https://arxiv.org/abs/2301.08243. Official code: facebookresearch/ijepa, src/train.py.
      The paper writes an L2 distance, the code has the smooth L1 (the default here). The number of
      patches in a block and in the context is fixed, where the code draws the first for every batch
      and cuts the second down to the smallest of the batch: see `ssljax.ops.masking.multi_block`.
    """

    views: Views = Views.crops(crop_scale=(0.3, 1.0))
    targets: Count = 4
    target_scale: OpenShare = 0.175
    target_aspect: Annotated[tuple[Positive, Positive], Ascending()] = (0.75, 1.5)
    context_scale: Annotated[tuple[Part, Part], Ascending()] = (0.85, 1.0)
    distance: Literal["smooth_l1", "l2"] = "smooth_l1"
    momentum: Share = 0.996
    predictor_width: Width = 384
    predictor_depth: Depth = 12

    teacher = ("encoder",)
    features_of_teacher = True
    paper = "arXiv:2301.08243"

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "i_jepa")
        require_mask(self.blocks, targets=self.targets, target_scale=self.target_scale)
        if self.predictor_width % self.run.encoder.heads:
            raise UserError(
                f"config.encoder.heads={self.run.encoder.heads} must divide "
                f"objective.predictor_width={self.predictor_width}: the predictor has as many heads"
            )

    def modules(self):
        encoder = self.run.encoder
        predictor = Predictor(
            grid=patch_grid(self.run, self.views),
            out=encoder.width,
            width=self.predictor_width,
            depth=self.predictor_depth,
            heads=encoder.heads,
            kernel_init=encoder.kernel_init,
            attention=encoder.attention,
            scan=encoder.scan,
            remat=encoder.remat,
            dtype=encoder.dtype,
        )
        return {"encoder": encoder, "predictor": predictor}

    def run_once(self, net):
        blocks = self.blocks(jax.random.split(jax.random.key(0)))
        encoded = net.encoder(self.blank(), keep=blocks.context)
        net.predictor(encoded.tokens, *blocks)

    def blocks(self, keys):
        return multi_block(
            keys,
            grid=patch_grid(self.run, self.views),
            targets=self.targets,
            scale=self.target_scale,
            aspect=tuple(self.target_aspect),
            context_scale=tuple(self.context_scale),
        )

    def loss(self, net, teacher, batch, *, key, step):
        images = self.views.stacked(key, batch)[:, 0]
        blocks = self.blocks(per_example(jax.random.split(key)[1], batch["row"]))

        target = standardize(teacher.encoder(images).tokens)
        places = rearrange(blocks.targets, "b t k -> b (t k) 1")
        target = jnp.take_along_axis(target, places, axis=1)
        target = rearrange(target, "b (t k) d -> b t k d", t=self.targets)

        context = net.encoder(images, keep=blocks.context).tokens
        prediction = net.predictor(context, *blocks)
        return Loss(jnp.mean(DISTANCES[self.distance](prediction, target)))

    def decay(self, step):
        return linear(step, start=self.momentum, end=1.0, steps=self.run.steps)

    def outputs(self, params, state, batch):
        _, teacher = self.nets(params, state, train=False)
        tokens = teacher.encoder(plain(batch[self.run.name], self.run.field)).tokens
        pooled = jnp.mean(tokens, axis=1, dtype=jnp.float32)
        return {self.run.name: pooled, f"tokens/{self.run.name}": tokens}
