"""MSN: views with few patches are assigned to prototypes as a teacher assigns the whole image."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import msn
from ssljax.models import MLP, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_positive, require_share
from ssljax.objectives.distillation.multi_crop import (
    by_size,
    count_global,
    require_prototypes,
    without_drop_path,
)
from ssljax.objectives.distillation.patch_distillation import encode, global_grid, split_keys
from ssljax.objectives.masked.patches import require_patches
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.ema import ema
from ssljax.ops.keys import per_example
from ssljax.ops.masking import random_mask
from ssljax.ops.schedule import linear

_VIEW = dict(
    flip=0.5,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    jitter_prob=0.8,
    grey_prob=0.2,
    blur_prob=0.5,
)


@dataclasses.dataclass(frozen=True)
class MSN:
    """Masked Siamese networks for label-efficient learning (Assran et al., 2022).

    The first view of the largest size is the target: the teacher sees all of it. The others are
    anchors: those of the same size without a random share `patch_drop` of their patches, small ones
    (focal views) whole. With p the softmax over prototypes of an anchor's cosines / temperature and
    p+ the target's, sharpened and evened by Sinkhorn-Knopp, the loss is the cross entropy of p to
    p+, plus `entropy_weight` (log K - H(mean p)), the mean being that of the global batch.

    The teacher's parameters are a moving average with a momentum that rises along a line, its batch
    statistics (of the head) are its own. Features are the teacher's.

    Paper: https://arxiv.org/abs/2204.07141. Official code: facebookresearch/msn, src/msn_train.py,
    which drops the same patches of all images of a device's batch.
    """

    run: Run
    views: Views = Views(
        {
            "random": {**_VIEW, "size": 224, "count": 2, "crop_scale": (0.3, 1.0)},
            "focal": {**_VIEW, "size": 96, "count": 10, "crop_scale": (0.05, 0.3)},
        }
    )
    patch_drop: float = 0.15
    prototypes: int = 1024
    temperature: float = 0.1
    sharpening: float = 0.25
    sinkhorn_iterations: int = 3
    entropy_weight: float = 1.0
    momentum: float = 0.996
    momentum_end: float = 1.0
    head_hidden: tuple = (2048, 2048)
    head_dim: int = 256

    family: ClassVar[str] = "self-distillation"
    paper: ClassVar[str] = "arXiv:2204.07141"
    keeps: ClassVar[tuple[str, ...]] = ("teacher",)
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        require_share(momentum=self.momentum, momentum_end=self.momentum_end)
        require_patches(self.run, "msn")
        count_global(self.views, self.run.inputs, at_least=2)
        global_grid(self.views, self.run.inputs, self.run.encoder.patch_size)
        if not 0 <= self.patch_drop < 1:
            raise UserError(f"objective.patch_drop={self.patch_drop}; it must be in [0, 1)")
        require_prototypes(prototypes=self.prototypes)
        require_positive(temperature=self.temperature, sharpening=self.sharpening)

    @property
    def head(self) -> MLP:
        return MLP(
            self.head_hidden,
            self.head_dim,
            activation="gelu",
            linear_init="normal",
            dtype=self.run.dtype,
        )

    def init_params(self, key, batch):
        encoder_key, head_key, prototypes_key = jax.random.split(key, 3)
        encoder, _ = init(self.run.encoder, encoder_key, example(self.run.inputs))
        head, _ = init(self.head, head_key, jnp.zeros((2, self.run.encoder.width)))
        bound = self.head_dim**-0.5
        shape = (self.prototypes, self.head_dim)
        rows = jax.random.uniform(prototypes_key, shape, minval=-bound, maxval=bound)
        return {"encoder": encoder, "head": head, "prototypes": {"rows": rows}}

    def init_memory(self, key, params, batch):
        _, stats = init(self.head, key, jnp.zeros((2, self.run.encoder.width)))
        teacher = {"encoder": params["encoder"], "head": params["head"]}
        return {"stats": stats, "teacher": teacher, "teacher_stats": stats}

    def _keep(self, key, positions, views):
        """Return int32[B, views, K], the patches that are not dropped; None if all are kept."""
        if not self.patch_drop:
            return None
        rows, columns = global_grid(self.views, self.run.inputs, self.run.encoder.patch_size)
        masks = [
            random_mask(per_example(one, positions), patches=rows * columns, ratio=self.patch_drop)
            for one in split_keys(key, views)
        ]
        return jnp.stack([mask.keep for mask in masks], axis=1)

    def _project(self, params, stats, features):
        z, stats = apply(
            self.head, params["head"], stats, rearrange(features, "b v d -> (b v) d"), train=True
        )
        return rearrange(z, "(b v) d -> b v d", b=len(features)), stats

    def loss(self, params, memory, batch, *, key, step):
        views_key, drop_key, model_key = jax.random.split(key, 3)
        large, *small = by_size(self.views, self.run.inputs, views_key, batch)
        target, large = large[:, :1], large[:, 1:]
        keep = self._keep(drop_key, batch["row"], large.shape[1])

        anchors, stats = [], memory["stats"]
        groups = [(large, keep), *((views, None) for views in small)]
        keys = split_keys(model_key, len(groups))
        for (views, kept), one in zip(groups, keys, strict=True):
            features, _ = encode(self.run.encoder, params, views, key=one, keep=kept)
            z, stats = self._project(params, stats, features)
            anchors.append(z)
        features, _ = encode(without_drop_path(self.run.encoder), memory["teacher"], target)
        z, teacher_stats = self._project(memory["teacher"], memory["teacher_stats"], features)

        loss = msn(
            jnp.concatenate(anchors, axis=1),
            z[:, 0],
            params["prototypes"]["rows"],
            temperature=self.temperature,
            sharpening=self.sharpening,
            entropy_weight=self.entropy_weight,
            sinkhorn_iterations=self.sinkhorn_iterations,
        )
        return loss, Aux(metrics={}, carry={"stats": stats, "teacher_stats": teacher_stats})

    def advance(self, params, memory, carry, *, step):
        momentum = linear(step, start=self.momentum, end=self.momentum_end, steps=self.run.steps)
        student = {name: params[name] for name in memory["teacher"]}
        return params, {**carry, "teacher": ema(memory["teacher"], student, momentum)}

    def embed(self, params, memory, batch):
        return embed(self.run, memory["teacher"]["encoder"], {}, batch)
