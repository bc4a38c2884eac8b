"""DINOv2: DINO and iBOT with a head each, targets evened over the batch, features kept apart."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import koleo, swapped_prediction
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
from ssljax.ops import sinkhorn
from ssljax.ops.ema import ema
from ssljax.ops.keys import per_example
from ssljax.ops.masking import block_mask
from ssljax.ops.schedule import cosine, linear

TEACHER = ("encoder", "head", "patch_head")  # the components that the teacher has


@dataclasses.dataclass(frozen=True)
class DINOv2:
    """DINOv2: learning robust visual features without supervision (Oquab et al., 2023).

    The loss is that of DINO over all pairs of a global view of the teacher and another view of the
    student, plus that of iBOT over hidden patches, plus `koleo_weight` times the sum over global
    views of KoLeo of the student's features: in the global batch, or in contiguous groups of
    `koleo_group` of its examples (the official code: in the batch of each device). Targets are the
    teacher's logits evened by Sinkhorn-Knopp over the global batch, with the teacher's temperature:
    those of all global views together, and those of all hidden patches. The two heads share
    nothing. `learned_lengths` is as in `dino`.

    In every image blocks of one global view are hidden, drawn at random; the share of its patches
    lies between `mask_ratio_min` and `mask_ratio_max`. (The official code hides some in half of the
    views of a device's batch.) As there, global views with nothing hidden count in the mean of the
    second loss, with 0. Only hidden patches go through the head of patches.

    Paper: https://arxiv.org/abs/2304.07193. Official code: facebookresearch/dinov2,
    dinov2/train/ssl_meta_arch.py.
    """

    run: Run
    views: Views = crops(
        global_scale=(0.32, 1.0), local_scale=(0.05, 0.32), local_size=98, local_count=8
    )
    mask_ratio_min: float = 0.1
    mask_ratio_max: float = 0.5
    prototypes: int = 131072
    patch_prototypes: int = 131072
    head_hidden: tuple = (2048, 2048)
    bottleneck: int = 384
    patch_bottleneck: int = 256
    learned_lengths: bool = False
    koleo_weight: float = 0.1
    koleo_group: int = 0
    student_temperature: float = 0.1
    teacher_temperature_start: float = 0.04
    teacher_temperature: float = 0.07
    temperature_steps: int = 37500
    sinkhorn_iterations: int = 3
    momentum: float = 0.994

    family: ClassVar[str] = "self-distillation"
    paper: ClassVar[str] = "arXiv:2304.07193"
    keeps: ClassVar[tuple[str, ...]] = ("teacher",)
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        require_share(momentum=self.momentum)
        require_patches(self.run, "dinov2")
        count_global(self.views, self.run.inputs, at_least=2)
        global_grid(self.views, self.run.inputs, self.run.encoder.patch_size)
        require_ratios(self.mask_ratio_min, self.mask_ratio_max)
        require_prototypes(prototypes=self.prototypes, patch_prototypes=self.patch_prototypes)
        require_positive(
            student_temperature=self.student_temperature,
            teacher_temperature_start=self.teacher_temperature_start,
            teacher_temperature=self.teacher_temperature,
            sinkhorn_iterations=self.sinkhorn_iterations,
        )
        group = self.koleo_group
        if group and (group < 2 or self.run.batch_size % group):
            raise UserError(
                f"objective.koleo_group={group}; it must be 0, or at least 2 and a divisor of "
                f"batch_size={self.run.batch_size}"
            )

    @property
    def heads(self) -> dict[str, DINOHead]:
        """The head of features and that of patches."""
        last = self.learned_lengths, self.run.dtype
        return {
            "head": DINOHead(self.head_hidden, self.prototypes, self.bottleneck, *last),
            "patch_head": DINOHead(
                self.head_hidden, self.patch_prototypes, self.patch_bottleneck, *last
            ),
        }

    def init_params(self, key, batch):
        encoder_key, *keys = jax.random.split(key, 3)
        encoder, _ = init(self.run.encoder, encoder_key, example(self.run.inputs))
        features = jnp.zeros((2, self.run.encoder.width))
        heads = {
            name: init(head, one, features)[0]
            for (name, head), one in zip(self.heads.items(), keys, strict=True)
        }
        token = {"token": jnp.zeros(self.run.encoder.width)}
        return {"encoder": encoder, "mask_token": token, **heads}

    def init_memory(self, key, params, batch):
        return {"teacher": {name: params[name] for name in TEACHER}}

    def _hidden(self, key, positions, views):
        """Return what the student does not see: which view of every image, and its patches.

        The last are bool[B, N], and int32[B, M] with bool[B, M]: their indices, of which the first
        are valid.
        """
        rows, columns = global_grid(self.views, self.run.inputs, self.run.encoder.patch_size)
        view_key, ratio_key, block_key = (per_example(one, positions) for one in split_keys(key, 3))
        view = jax.vmap(lambda one: jax.random.randint(one, (), 0, views))(view_key)
        low, high = self.mask_ratio_min * rows * columns, self.mask_ratio_max * rows * columns
        area = jax.vmap(lambda one: jax.random.uniform(one, minval=low, maxval=high))(ratio_key)
        count = jnp.maximum(area.astype(jnp.int32), 1)
        masked = block_mask(block_key, grid=(rows, columns), count=count, smallest=4)
        most = max(1, int(high))  # of every image, so that shapes are static
        index = jnp.argsort(~masked, axis=1)[:, :most].astype(jnp.int32)
        return view, masked, index, jnp.arange(most) < count[:, None]

    def loss(self, params, memory, batch, *, key, step):
        views_key, mask_key, model_key = jax.random.split(key, 3)
        large, *small = by_size(self.views, self.run.inputs, views_key, batch)
        count = large.shape[1]
        view, masked, index, valid = self._hidden(mask_key, batch["row"], count)
        masked = masked[:, None] & (view[:, None] == jnp.arange(count))[:, :, None]
        first_key, *keys = split_keys(model_key, 1 + len(small))

        def hidden(tokens):
            """Return the hidden ones of tokens[B, V, N, D]: [B, M, D]."""
            tokens = jnp.take_along_axis(tokens, view[:, None, None, None], axis=1)[:, 0]
            return jnp.take_along_axis(tokens, index[:, :, None], axis=1)

        features, tokens = encode(self.run.encoder, params, large, key=first_key, masked=masked)
        everything = [features] + [
            encode(self.run.encoder, params, views, key=one)[0]
            for views, one in zip(small, keys, strict=True)
        ]
        s = logits(self.heads["head"], params["head"], jnp.concatenate(everything, axis=1))
        s_patches = logits(self.heads["patch_head"], params["patch_head"], hidden(tokens))

        teacher = memory["teacher"]
        t, tokens = encode(without_drop_path(self.run.encoder), teacher, large)
        t = logits(self.heads["head"], teacher["head"], t)
        t_patches = logits(self.heads["patch_head"], teacher["patch_head"], hidden(tokens))

        targets = self._targets(t, step)
        images = [
            swapped_prediction(s[:, student], targets[:, one], temperature=self.student_temperature)
            for one, student in pairs(count, s.shape[1])
        ]
        patches = swapped_prediction(
            rearrange(s_patches, "b m k -> (b m) k"),
            rearrange(self._targets(t_patches, step, where=valid), "b m k -> (b m) k"),
            temperature=self.student_temperature,
        )
        patches = rearrange(patches, "(b m) -> b m", b=len(valid))
        patches = jnp.mean(patches, axis=1, where=valid) / count
        apart = [koleo(features[:, one], group=self.koleo_group) for one in range(count)]
        metrics = {
            "image_loss": jnp.mean(jnp.stack(images)),
            "patch_loss": jnp.mean(patches),
            "koleo": jnp.sum(jnp.stack(apart)),
        }
        loss = metrics["image_loss"] + metrics["patch_loss"]
        return loss + self.koleo_weight * metrics["koleo"], Aux(metrics, carry={})

    def _targets(self, teacher_logits, step, where=None):
        """Return the assignments [B, V, K] of logits [B, V, K], evened over B and V."""
        temperature = linear(
            step,
            start=self.teacher_temperature_start,
            end=self.teacher_temperature,
            steps=self.temperature_steps,
        )
        rows = sinkhorn(
            rearrange(teacher_logits, "b v k -> (b v) k"),
            epsilon=temperature,
            iterations=self.sinkhorn_iterations,
            where=None if where is None else rearrange(where, "b v -> (b v)"),
        )
        return rearrange(rows, "(b v) k -> b v k", b=len(teacher_logits))

    def advance(self, params, memory, carry, *, step):
        momentum = cosine(step, start=self.momentum, end=1.0, steps=self.run.steps)
        student = {name: params[name] for name in TEACHER}
        return params, {"teacher": ema(memory["teacher"], student, momentum)}

    def embed(self, params, memory, batch):
        return embed(self.run, memory["teacher"]["encoder"], {}, batch)
