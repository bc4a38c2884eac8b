"""iBOT: DINO on images, and the same for hidden patches, whose targets a teacher sees unhidden."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from ssljax.losses import dino, ibot
from ssljax.models import DINOHead, MaskToken, named
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.distillation.patch_distillation import encode, require_ratios
from ssljax.objectives.distillation.temperature import teacher_temperature
from ssljax.objectives.masked.patches import patch_grid, require_patches
from ssljax.objectives.multi_crop import count_global, pairs
from ssljax.objectives.views import Views
from ssljax.ops.ema import ema
from ssljax.ops.keys import per_example, split_keys
from ssljax.ops.masking import block_mask
from ssljax.schema import (
    OpenShare,
    Part,
    Prototypes,
    Share,
    Size,
    Temperature,
    Width,
    Widths,
)


@dataclasses.dataclass(frozen=True)
class IBOT(Objective):
    """iBOT: image BERT pre-training with online tokenizer (Zhou et al., 2021).

    As in DINO, the student's distribution over prototypes for every view is to match the teacher's
    for every other global view. In global views the student does not see blocks of patches, and
    its distributions there are to match the teacher's, which sees them: a second loss, of the same
    view, the mean over the hidden patches of an image. The head is shared; the centre of patches is
    another than that of images. The loss is the sum of both.

    A global view has hidden patches with probability `mask_prob`, then a share of them between
    `mask_ratio_min` and `mask_ratio_max`. `learned_lengths` is as in `dino`.

    Paper: https://arxiv.org/abs/2111.07832. Official code: bytedance/ibot, main_ibot.py.
    """

    views: Views = Views.dino((0.25, 1.0), (0.05, 0.25), local_count=10)
    mask_prob: Part = 0.5
    mask_ratio_min: OpenShare = 0.1
    mask_ratio_max: OpenShare = 0.5
    prototypes: Prototypes = 8192
    head_hidden: Widths = (2048, 2048)
    bottleneck: Width = 256
    learned_lengths: bool = False
    student_temperature: Temperature = 0.1
    teacher_temperature_start: Temperature = 0.04
    teacher_temperature: Temperature = 0.07
    temperature_steps: Size = 37530  # 30 epochs of ImageNet in batches of 1024
    momentum: Share = 0.996
    center_momentum: Share = 0.9

    teacher = ("encoder", "head")
    features_of_teacher = True
    paper = "arXiv:2111.07832"

    def check(self):
        require_patches(self.run, "ibot")
        count_global(self.views, at_least=2)
        patches = math.prod(patch_grid(self.run, self.views))
        require_ratios(self.mask_ratio_min, self.mask_ratio_max, patches)

    def modules(self):
        shape = self.head_hidden, self.prototypes, self.bottleneck, self.learned_lengths
        return {
            "encoder": self.run.encoder,
            "head": DINOHead(*shape, self.run.dtype),
            "mask_token": MaskToken(self.run.encoder.width),
        }

    def run_once(self, net):
        net.mask_token()
        net.head(net.encoder(self.blank()).pooled)

    def memory(self, key):
        centers = {name: jnp.zeros(self.prototypes) for name in ("center", "patch_center")}
        return named(centers, "prototypes")

    def masks(self, key, rows, views):
        """Return bool[B, views, N], the patches that the student does not see."""
        grid = patch_grid(self.run, self.views)

        def of_view(key):
            block_key, prob_key, ratio_key = jax.random.split(key, 3)
            uniform = jax.vmap(jax.random.uniform)
            some = uniform(per_example(prob_key, rows)) < self.mask_prob
            ratio = uniform(per_example(ratio_key, rows))
            ratio = self.mask_ratio_min + ratio * (self.mask_ratio_max - self.mask_ratio_min)
            count = jnp.where(some, math.prod(grid, start=ratio).astype(jnp.int32), 0)
            smallest = max(1, (grid[0] // 3) ** len(grid))
            keys = per_example(block_key, rows)
            return block_mask(keys, grid=grid, count=count, smallest=smallest)

        return jnp.stack([of_view(one) for one in split_keys(key, views)], axis=1)

    def loss(self, net, teacher, batch, *, key, step):
        large, *small = self.views.by_size(key, batch)
        count = large.shape[1]
        masked = self.masks(jax.random.split(key)[1], batch["row"], count)

        features, tokens = encode(net, large, masked=masked)
        features = [features] + [encode(net, views)[0] for views in small]
        s, s_patches = net.head(jnp.concatenate(features, axis=1)), net.head(tokens)
        features, tokens = encode(teacher, large)
        t, t_patches = teacher.head(features), teacher.head(tokens)

        temperatures = {
            "student_temperature": self.student_temperature,
            "teacher_temperature": teacher_temperature(self, step),
        }
        center, patch_center = net.state["center"], net.state["patch_center"]
        images = [
            dino(s[:, student], t[:, view], center, **temperatures)
            for view, student in pairs(count, s.shape[1])
        ]
        patches = [
            ibot(
                s_patches[:, view],
                t_patches[:, view],
                patch_center,
                where=masked[:, view],
                **temperatures,
            )
            for view in range(count)
        ]
        metrics = {
            "view_loss": jnp.mean(jnp.stack(images)),
            "patch_loss": jnp.mean(jnp.stack(patches)),
        }
        # Means of the teacher's logits; `advance` moves the centres to them.
        carry = {"center": jnp.mean(t, (0, 1)), "patch_center": jnp.mean(t_patches, (0, 1, 2))}
        return Loss(metrics["view_loss"] + metrics["patch_loss"], metrics, carry)

    def outputs(self, params, state, batch):
        """Return also the teacher's logits [B, K], centred and sharpened, "assignments/NAME"."""
        found, name = super().outputs(params, state, batch), self.run.name
        scores = self.evaluated(params, state).head(found[name])
        logits = (scores - state["center"]) / self.teacher_temperature
        return {**found, f"assignments/{name}": logits}

    def advance(self, params, state, carry, *, step):
        centers = {
            name: ema(state[name], carry[name], self.center_momentum)
            for name in ("center", "patch_center")
        }
        return super().advance(params, state, {**carry, **centers}, step=step)
