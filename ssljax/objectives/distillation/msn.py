"""MSN: views with few patches are assigned to prototypes as a teacher assigns the whole image."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from ssljax.losses import msn
from ssljax.models import MLP, Prototypes
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.distillation.patch_distillation import encode, per_view
from ssljax.objectives.masked.patches import patch_grid, require_mask, require_patches
from ssljax.objectives.multi_crop import count_global
from ssljax.objectives.presets import BYOL
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example, split_keys
from ssljax.ops.masking import random_mask
from ssljax.ops.normalize import l2_normalize
from ssljax.ops.schedule import linear
from ssljax.schema import Count, Decay, NotNegative, Positive, Share, Temperature, Width, Widths
from ssljax.schema import Prototypes as NumPrototypes


@dataclasses.dataclass(frozen=True)
class MSN(Objective):
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

    views: Views = Views(
        {
            "random": {**BYOL, "blur_prob": 0.5, "size": 224, "count": 2, "crop_scale": (0.3, 1.0)},
            "focal": {**BYOL, "blur_prob": 0.5, "size": 96, "count": 10, "crop_scale": (0.05, 0.3)},
        }
    )
    patch_drop: Decay = 0.15
    prototypes: NumPrototypes = 1024
    temperature: Temperature = 0.1
    sharpening: Positive = 0.25
    sinkhorn_iterations: Count = 3
    entropy_weight: NotNegative = 1.0
    momentum: Share = 0.996
    momentum_end: Share = 1.0
    head_hidden: Widths = (2048, 2048)
    head_dim: Width = 256

    teacher = ("encoder", "head")
    features_of_teacher = True
    paper = "arXiv:2204.07141"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        require_patches(self.run, "msn")
        count_global(self.views, at_least=2)
        patch_grid(self.run, self.views)
        if self.patch_drop:
            require_mask(self._dropped, patch_drop=self.patch_drop)

    def modules(self):
        head = {"activation": "gelu", "linear_init": "normal", "dtype": self.run.dtype}
        return {
            "encoder": self.run.encoder,
            "head": MLP(self.head_hidden, self.head_dim, output_axis="outputs", **head),
            "prototypes": Prototypes(self.prototypes, self.head_dim, init="uniform"),
        }

    def run_once(self, net):
        net.head(net.encoder(self.blank()).pooled)
        net.prototypes()

    def _keep(self, key, rows, views):
        """Return int32[B, views, K], the patches that are not dropped; None if all are kept."""
        if not self.patch_drop:
            return None
        masks = [self._dropped(per_example(one, rows)) for one in split_keys(key, views)]
        return jnp.stack([mask.keep for mask in masks], axis=1)

    def _dropped(self, keys):
        patches = math.prod(patch_grid(self.run, self.views))
        return random_mask(keys, patches=patches, ratio=self.patch_drop)

    def loss(self, net, teacher, batch, *, key, step):
        large, *small = self.views.by_size(key, batch)
        target, large = large[:, :1], large[:, 1:]
        keep = self._keep(jax.random.split(key)[1], batch["row"], large.shape[1])

        anchors = []
        for views, kept in [(large, keep), *((views, None) for views in small)]:
            anchors.append(per_view(net.head, encode(net, views, keep=kept)[0]))
        z = per_view(teacher.head, encode(teacher, target)[0])
        loss = msn(
            jnp.concatenate(anchors, axis=1),
            z[:, 0],
            net.prototypes(),
            temperature=self.temperature,
            sharpening=self.sharpening,
            entropy_weight=self.entropy_weight,
            sinkhorn_iterations=self.sinkhorn_iterations,
        )
        return Loss(loss)

    def outputs(self, params, state, batch):
        """Return also the logits [B, K] of the teacher's assignments, "assignments/NAME"."""
        found, name = super().outputs(params, state, batch), self.run.name
        student, teacher = self.nets(params, state, train=False)
        z = l2_normalize(teacher.head(found[name]))
        cosines = z @ l2_normalize(student.prototypes()).T
        return {**found, f"assignments/{name}": cosines / self.temperature / self.sharpening}

    def decay(self, step):
        return linear(step, start=self.momentum, end=self.momentum_end, steps=self.run.steps)
