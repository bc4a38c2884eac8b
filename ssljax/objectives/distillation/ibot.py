"""iBOT: DINO on images, and the same for hidden patches, whose targets a teacher sees unhidden."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import dino, ibot
from ssljax.models import DINOHead, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_positive, require_share
from ssljax.objectives.distillation.multi_crop import (
    by_size,
    count_global,
    crops,
    pairs,
    require_prototypes,
    without_drop_path,
)
from ssljax.objectives.distillation.patch_distillation import (
    encode,
    global_grid,
    logits,
    require_ratios,
    split_keys,
)
from ssljax.objectives.masked.patches import require_patches
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.ema import ema
from ssljax.ops.keys import per_example
from ssljax.ops.masking import block_mask
from ssljax.ops.schedule import cosine, linear


@dataclasses.dataclass(frozen=True)
class IBOT:
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

    run: Run
    views: Views = crops(
        global_scale=(0.25, 1.0), local_scale=(0.05, 0.25), local_size=96, local_count=10
    )
    mask_prob: float = 0.5
    mask_ratio_min: float = 0.1
    mask_ratio_max: float = 0.5
    prototypes: int = 8192
    head_hidden: tuple = (2048, 2048)
    bottleneck: int = 256
    learned_lengths: bool = False
    student_temperature: float = 0.1
    teacher_temperature_start: float = 0.04
    teacher_temperature: float = 0.07
    temperature_steps: int = 37530  # 30 epochs of ImageNet in batches of 1024
    momentum: float = 0.996
    center_momentum: float = 0.9

    family: ClassVar[str] = "self-distillation"
    paper: ClassVar[str] = "arXiv:2111.07832"
    keeps: ClassVar[tuple[str, ...]] = ("teacher", "center", "patch_center")
    batch_coupled: ClassVar[bool] = False

    def __post_init__(self):
        require_share(center_momentum=self.center_momentum, momentum=self.momentum)
        require_patches(self.run, "ibot")
        count_global(self.views, self.run.inputs, at_least=2)
        global_grid(self.views, self.run.inputs, self.run.encoder.patch_size)
        require_ratios(self.mask_ratio_min, self.mask_ratio_max)
        require_prototypes(prototypes=self.prototypes)
        require_positive(
            student_temperature=self.student_temperature,
            teacher_temperature_start=self.teacher_temperature_start,
            teacher_temperature=self.teacher_temperature,
        )
        if not 0 < self.mask_prob <= 1:
            raise UserError(f"objective.mask_prob={self.mask_prob}; it must be in (0, 1]")

    @property
    def head(self) -> DINOHead:
        return DINOHead(
            self.head_hidden,
            self.prototypes,
            self.bottleneck,
            self.learned_lengths,
            self.run.dtype,
        )

    def init_params(self, key, batch):
        encoder_key, head_key = jax.random.split(key)
        encoder, _ = init(self.run.encoder, encoder_key, example(self.run.inputs))
        width = self.run.encoder.width
        head, _ = init(self.head, head_key, jnp.zeros((2, width)))
        return {"encoder": encoder, "head": head, "mask_token": {"token": jnp.zeros(width)}}

    def init_memory(self, key, params, batch):
        return {
            "teacher": {"encoder": params["encoder"], "head": params["head"]},
            "center": jnp.zeros(self.prototypes),
            "patch_center": jnp.zeros(self.prototypes),
        }

    def _masks(self, key, positions, views):
        """Return bool[B, views, N], the patches that the student does not see."""
        grid = global_grid(self.views, self.run.inputs, self.run.encoder.patch_size)

        def of_view(key):
            block_key, prob_key, ratio_key = jax.random.split(key, 3)
            uniform = jax.vmap(jax.random.uniform)
            some = uniform(per_example(prob_key, positions)) < self.mask_prob
            ratio = uniform(per_example(ratio_key, positions))
            ratio = self.mask_ratio_min + ratio * (self.mask_ratio_max - self.mask_ratio_min)
            count = jnp.where(some, (ratio * grid[0] * grid[1]).astype(jnp.int32), 0)
            smallest = max(1, (grid[0] // 3) ** 2)
            keys = per_example(block_key, positions)
            return block_mask(keys, grid=grid, count=count, smallest=smallest)

        return jnp.stack([of_view(one) for one in split_keys(key, views)], axis=1)

    def loss(self, params, memory, batch, *, key, step):
        views_key, mask_key, model_key = jax.random.split(key, 3)
        large, *small = by_size(self.views, self.run.inputs, views_key, batch)
        count = large.shape[1]
        masked = self._masks(mask_key, batch["row"], count)
        first_key, *keys = split_keys(model_key, 1 + len(small))

        features, tokens = encode(self.run.encoder, params, large, key=first_key, masked=masked)
        features = [features] + [
            encode(self.run.encoder, params, views, key=one)[0]
            for views, one in zip(small, keys, strict=True)
        ]
        s = logits(self.head, params["head"], jnp.concatenate(features, axis=1))
        s_patches = logits(self.head, params["head"], tokens)

        teacher = memory["teacher"]
        features, tokens = encode(without_drop_path(self.run.encoder), teacher, large)
        t = logits(self.head, teacher["head"], features)
        t_patches = logits(self.head, teacher["head"], tokens)

        temperatures = {
            "student_temperature": self.student_temperature,
            "teacher_temperature": linear(
                step,
                start=self.teacher_temperature_start,
                end=self.teacher_temperature,
                steps=self.temperature_steps,
            ),
        }
        images = [
            dino(s[:, student], t[:, teacher], memory["center"], **temperatures)
            for teacher, student in pairs(count, s.shape[1])
        ]
        patches = [
            ibot(
                s_patches[:, view],
                t_patches[:, view],
                memory["patch_center"],
                where=masked[:, view],
                **temperatures,
            )
            for view in range(count)
        ]
        metrics = {
            "image_loss": jnp.mean(jnp.stack(images)),
            "patch_loss": jnp.mean(jnp.stack(patches)),
        }
        carry = {"center": jnp.mean(t, (0, 1)), "patch_center": jnp.mean(t_patches, (0, 1, 2))}
        loss = metrics["image_loss"] + metrics["patch_loss"]
        return loss, Aux(metrics, jax.lax.stop_gradient(carry))

    def advance(self, params, memory, carry, *, step):
        momentum = cosine(step, start=self.momentum, end=1.0, steps=self.run.steps)
        student = {name: params[name] for name in memory["teacher"]}
        centers = {name: ema(memory[name], carry[name], self.center_momentum) for name in carry}
        return params, {"teacher": ema(memory["teacher"], student, momentum), **centers}

    def embed(self, params, memory, batch):
        return embed(self.run, memory["teacher"]["encoder"], {}, batch)
