"""I-JEPA and V-JEPA: predict, from the rest of an image or a video, a teacher's features of blocks
that are hidden."""

import dataclasses
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import masked_l1, mse, smooth_l1
from ssljax.models import Predictor
from ssljax.models.positions import ROTARY
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.patches import patch_grid, require_mask, require_patches
from ssljax.objectives.views import Views, plain
from ssljax.ops.keys import per_example
from ssljax.ops.masking import MultiBlock, multi_block, tube_blocks
from ssljax.ops.normalize import standardize
from ssljax.ops.schedule import linear
from ssljax.schema import (
    Ascending,
    Count,
    CountOrNone,
    Depth,
    OpenShare,
    Part,
    Positive,
    Share,
    Width,
)


def _l1(prediction: jax.Array, target: jax.Array) -> jax.Array:
    flat = [rearrange(one, "b t k d -> b (t k) d") for one in (prediction, target)]
    return masked_l1(*flat, where=jnp.ones(flat[0].shape[:2], bool))


DISTANCES = {"smooth_l1": smooth_l1, "l1": _l1, "l2": mse}


@dataclasses.dataclass(frozen=True)
class IJEPA(Objective):
    """Self-supervised learning from images with a joint-embedding predictive architecture (Assran
    et al., 2023).

    The encoder sees the context, patches outside of a few target blocks. A narrow transformer
    predicts from it, block by block, what the teacher says there: its tokens of the whole image,
    each normalised to mean 0 and variance 1, without gradient. The loss is the mean of the
    distances of the predicted values.

    The teacher's parameters are a moving average, updated after the optimizer's step, with a
    momentum that changes linearly to `momentum_end`. Evaluation sees the mean of its patch tokens.

    With `tubes`, of videos, it is V-JEPA (Bardes et al. 2024, https://arxiv.org/abs/2404.08471,
    facebookresearch/jepa): each entry (blocks, scale) is a mask of its own, rectangles that go
    through all frames, which are predicted together from what is outside of them. The encoder sees
    every clip once for each mask, ((8, 0.15), (2, 0.7)) in the paper, the teacher once; the loss is
    the mean over the masks of `distance="l1"`. Each mask has a mask token of its own
    (`mask_tokens`). V-JEPA 2 (Assran et al. 2025, https://arxiv.org/abs/2506.09985,
    facebookresearch/vjepa2) turns queries and keys by `encoder.positions="rotary_v_jepa2"`, in the
    predictor too.

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
    tubes: tuple[tuple[Count, OpenShare], ...] = ()
    distance: Literal["smooth_l1", "l1", "l2"] = "smooth_l1"
    momentum: Share = 0.996
    momentum_end: Share = 1.0
    predictor_width: Width = 384
    predictor_depth: Depth = 12
    predictor_heads: CountOrNone = 0
    mask_tokens: Count = 1

    teacher = ("encoder",)
    features_of_teacher = True
    paper = "arXiv:2301.08243"

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "i_jepa")
        if self.tubes and self.run.field.modality != "video":
            raise UserError(
                f"objective.tubes={self.tubes} are of videos, and the data are of the modality "
                f"{self.run.field.modality}; leave them out"
            )
        given = {"targets": self.targets, "target_scale": self.target_scale}
        require_mask(self.masks, **({"tubes": self.tubes} if self.tubes else given))
        if self.predictor_width % self.heads:
            which = (
                f"objective.predictor_heads={self.predictor_heads}"
                if self.predictor_heads
                else f"config.encoder.heads={self.heads}"
            )
            raise UserError(
                f"{which} must divide objective.predictor_width={self.predictor_width}"
                + ("" if self.predictor_heads else ": the predictor has as many heads")
            )

    @property
    def heads(self) -> int:
        """Those of the predictor."""
        return self.predictor_heads or self.run.encoder.heads

    def modules(self):
        encoder = self.run.encoder
        predictor = Predictor(
            grid=patch_grid(self.run, self.views),
            out=encoder.width,
            width=self.predictor_width,
            depth=self.predictor_depth,
            heads=self.heads,
            positions=encoder.positions if encoder.positions in ROTARY else "sincos",
            mask_tokens=self.mask_tokens,
            kernel_init=encoder.kernel_init,
            attention=encoder.attention,
            scan=encoder.scan,
            remat=encoder.remat,
            dtype=encoder.dtype,
        )
        return {"encoder": encoder, "predictor": predictor}

    def run_once(self, net):
        blocks, *_ = self.masks(jax.random.split(jax.random.key(0)))
        encoded = net.encoder(self.blank(), keep=blocks.context)
        net.predictor(encoded.tokens, *blocks)

    def masks(self, keys) -> list[MultiBlock]:
        """Return the masks of every example, one or more of each."""
        grid, aspect = patch_grid(self.run, self.views), tuple(self.target_aspect)
        if self.tubes:
            own = jax.vmap(jax.random.fold_in, in_axes=(0, None))
            return [
                tube_blocks(own(keys, i), grid=grid, blocks=n, scale=scale, aspect=aspect)
                for i, (n, scale) in enumerate(self.tubes)
            ]
        return [
            multi_block(
                keys,
                grid=grid,
                targets=self.targets,
                scale=self.target_scale,
                aspect=aspect,
                context_scale=tuple(self.context_scale),
            )
        ]

    def loss(self, net, teacher, batch, *, key, step):
        examples = self.views.stacked(key, batch)[:, 0]
        features = standardize(teacher.encoder(examples).tokens)
        losses = []
        keys = per_example(jax.random.split(key)[1], batch["row"])
        for kind, blocks in enumerate(self.masks(keys)):
            places = rearrange(blocks.targets, "b t k -> b (t k) 1")
            target = jnp.take_along_axis(features, places, axis=1)
            target = rearrange(target, "b (t k) d -> b t k d", t=blocks.targets.shape[1])
            context = net.encoder(examples, keep=blocks.context).tokens
            prediction = net.predictor(context, *blocks, kind=kind)
            losses.append(jnp.mean(DISTANCES[self.distance](prediction, target)))
        return Loss(sum(losses) / len(losses))

    def decay(self, step):
        return linear(step, start=self.momentum, end=self.momentum_end, steps=self.run.steps)

    def outputs(self, params, state, batch):
        _, teacher = self.nets(params, state, train=False)
        tokens = teacher.encoder(plain(batch[self.run.name], self.run.field)).tokens
        pooled = jnp.mean(tokens, axis=1, dtype=jnp.float32)
        return {self.run.name: pooled, f"tokens/{self.run.name}": tokens}
