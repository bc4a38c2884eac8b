"""DINOv2: DINO and iBOT with a head each, targets evened over the batch, features kept apart."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import koleo, swapped_prediction
from ssljax.models import DINOHead, MaskToken
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.distillation.patch_distillation import encode, require_ratios
from ssljax.objectives.distillation.temperature import teacher_temperature
from ssljax.objectives.masked.patches import patch_grid, require_patches
from ssljax.objectives.multi_crop import count_global, pairs
from ssljax.objectives.views import Views
from ssljax.ops import sinkhorn
from ssljax.ops.keys import per_example, split_keys
from ssljax.ops.masking import block_mask
from ssljax.schema import (
    Count,
    NotNegative,
    OpenShare,
    Prototypes,
    Share,
    Size,
    Temperature,
    Width,
    Widths,
)


@dataclasses.dataclass(frozen=True)
class DINOv2(Objective):
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

    views: Views = Views.dino((0.32, 1.0), (0.05, 0.32), local_count=8, local_size=98)
    mask_ratio_min: OpenShare = 0.1
    mask_ratio_max: OpenShare = 0.5
    prototypes: Prototypes = 131072
    patch_prototypes: Prototypes = 131072
    head_hidden: Widths = (2048, 2048)
    bottleneck: Width = 384
    patch_bottleneck: Width = 256
    learned_lengths: bool = False
    koleo_weight: NotNegative = 0.1
    koleo_group: Size = 0
    student_temperature: Temperature = 0.1
    teacher_temperature_start: Temperature = 0.04
    teacher_temperature: Temperature = 0.07
    temperature_steps: Size = 37500
    sinkhorn_iterations: Count = 3
    momentum: Share = 0.994

    teacher = ("encoder", "head", "patch_head")
    features_of_teacher = True
    paper = "arXiv:2304.07193"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        require_patches(self.run, "dinov2")
        count_global(self.views, at_least=2)
        patches = math.prod(patch_grid(self.run, self.views))
        require_ratios(self.mask_ratio_min, self.mask_ratio_max, patches)
        group = self.koleo_group
        if group and (group < 2 or self.run.batch_size % group):
            raise UserError(
                f"objective.koleo_group={group}; it must be 0, or at least 2 and a divisor of "
                f"batch_size={self.run.batch_size}"
            )

    def modules(self):
        last = self.learned_lengths, self.run.dtype
        return {
            "encoder": self.run.encoder,
            "head": DINOHead(self.head_hidden, self.prototypes, self.bottleneck, *last),
            "patch_head": DINOHead(
                self.head_hidden, self.patch_prototypes, self.patch_bottleneck, *last
            ),
            "mask_token": MaskToken(self.run.encoder.width),
        }

    def run_once(self, net):
        net.mask_token()
        features = net.encoder(self.blank()).pooled
        net.head(features)
        net.patch_head(features)

    def hidden(self, key, rows, views):
        """Return what the student does not see: which view of every image, and its patches.

        The last are bool[B, N], and int32[B, M] with bool[B, M]: their indices, of which the first
        are valid.
        """
        grid = patch_grid(self.run, self.views)
        view_key, ratio_key, block_key = (per_example(one, rows) for one in split_keys(key, 3))
        view = jax.vmap(lambda one: jax.random.randint(one, (), 0, views))(view_key)
        low, high = (
            math.prod(grid, start=share) for share in (self.mask_ratio_min, self.mask_ratio_max)
        )
        area = jax.vmap(lambda one: jax.random.uniform(one, minval=low, maxval=high))(ratio_key)
        count = jnp.maximum(area.astype(jnp.int32), 1)
        masked = block_mask(block_key, grid=grid, count=count, smallest=4)
        most = max(1, int(high))  # of every image, so that shapes are static
        index = jnp.argsort(~masked, axis=1)[:, :most].astype(jnp.int32)
        return view, masked, index, jnp.arange(most) < count[:, None]

    def loss(self, net, teacher, batch, *, key, step):
        large, *small = self.views.by_size(key, batch)
        count = large.shape[1]
        hidden = self.hidden(jax.random.split(key)[1], batch["row"], count)
        view, masked, index, valid = hidden
        masked = masked[:, None] & (view[:, None] == jnp.arange(count))[:, :, None]

        def chosen(tokens):
            """Return the hidden ones of tokens[B, V, N, D]: [B, M, D]."""
            tokens = jnp.take_along_axis(tokens, view[:, None, None, None], axis=1)[:, 0]
            return jnp.take_along_axis(tokens, index[:, :, None], axis=1)

        features, tokens = encode(net, large, masked=masked)
        everything = [features] + [encode(net, views)[0] for views in small]
        s = net.head(jnp.concatenate(everything, axis=1))
        s_patches = net.patch_head(chosen(tokens))
        t, tokens = encode(teacher, large)
        t, t_patches = teacher.head(t), teacher.patch_head(chosen(tokens))

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
            "view_loss": jnp.mean(jnp.stack(images)),
            "patch_loss": jnp.mean(patches),
            "koleo": jnp.sum(jnp.stack(apart)),
        }
        loss = metrics["view_loss"] + metrics["patch_loss"]
        return Loss(loss + self.koleo_weight * metrics["koleo"], metrics)

    def outputs(self, params, state, batch):
        """Return also the teacher's logits [B, K], sharpened, "assignments/NAME"."""
        found, name = super().outputs(params, state, batch), self.run.name
        logits = self.evaluated(params, state).head(found[name]) / self.teacher_temperature
        return {**found, f"assignments/{name}": logits}

    def _targets(self, teacher_logits, step, where=None):
        """Return the assignments [B, V, K] of logits [B, V, K], evened over B and V."""
        temperature = teacher_temperature(self, step)
        rows = sinkhorn(
            rearrange(teacher_logits, "b v k -> (b v) k"),
            epsilon=temperature,
            iterations=self.sinkhorn_iterations,
            where=None if where is None else rearrange(where, "b v -> (b v)"),
        )
        return rearrange(rows, "(b v) k -> b v k", b=len(teacher_logits))
