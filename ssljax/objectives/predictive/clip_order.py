"""Clip order: tell in which order parts of a video were laid out."""

import dataclasses
import itertools
import math
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange

from ssljax.errors import UserError
from ssljax.models import MLP
from ssljax.objectives.base import Objective
from ssljax.objectives.predictive.pretext import classification
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.schema import Between, Count, Size, Width


@dataclasses.dataclass(frozen=True)
class ClipOrder(Objective):
    """Self-supervised spatiotemporal learning via video clip order prediction (Xu et al., 2019).

    VCOP. A clip is divided into n parts of `frames` frames with `gap` frames between them, and its
    parts are laid out in the order of a permutation drawn at random. The encoder sees each part by
    itself, and the classifier tells the permutation:

        z_i = encoder(part_sigma(i)),  h_ij = relu(W [z_i, z_j] + b) for i < j
        loss = mean of -log softmax(classifier([h_12, h_13, ..., h_n-1,n]))[sigma]

    An encoder that tells nothing has the loss log n!, 1.79 of three parts. With `directed=False` a
    permutation and its reverse are one class, log(n! / 2): of four single frames this is OPN,
    Unsupervised representation learning by sorting sequences (Lee et al., 2017,
    https://arxiv.org/abs/1708.01246), 12 classes, for what can move both ways.

    The parts come out of one clip of exactly n * frames + (n - 1) * gap frames,
    `config.data.length`, and all have its crop and colours.

    Paper: Xu et al., CVPR 2019. Official code: xudejing/video-clip-order-prediction,
    models/vcopn.py, whose pairs share their layer and have 512 features; its dropout of 0.5 before
    the classifier is left out, and its crops, which are drawn for each part by itself
    (datasets/ucf101.py), are those of the clip. Its OPN has a class for each of the 24 orders of
    four frames (models/opn.py); the 12 here are those of OPN's paper, which also chooses frames by
    their motion, where here they are equally far apart.
    """

    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    parts: Annotated[int, Between(2, 6)] = 3
    frames: Count = 16
    gap: Size = 8
    directed: bool = True
    pair_dim: Width = 512

    reads = ("video",)
    paper = "arXiv:1708.01246"  # OPN; that of VCOP is on no server of preprints

    def check(self):
        self.views.require(count=1)
        if self.parts == 2 and not self.directed:
            raise UserError(
                "objective.directed=False makes the two orders of objective.parts=2 one class; set "
                "parts to 3 or more"
            )
        needed, found = self.starts[-1] + self.frames, self.run.field.shape[-4]
        if needed != found:
            raise UserError(
                f"objective.parts={self.parts} of {self.frames} frames, {self.gap} between, are "
                f"{needed} frames, and the clips have {found}; set config.data.length={needed}"
            )

    @property
    def starts(self) -> list[int]:
        """The first frame of each part."""
        return [part * (self.frames + self.gap) for part in range(self.parts)]

    @property
    def orders(self) -> tuple[np.ndarray, np.ndarray]:
        """All permutations, int[n!, n], and the class of each, int[n!]."""
        orders = list(itertools.permutations(range(self.parts)))
        same = [order if self.directed else min(order, order[::-1]) for order in orders]
        classes = sorted(set(same))
        return np.array(orders), np.array([classes.index(one) for one in same])

    def modules(self):
        classes = math.factorial(self.parts) // (1 if self.directed else 2)
        how = {"norm": False, "dtype": self.run.dtype}
        return {
            "encoder": self.run.encoder,
            "pair": MLP((), self.pair_dim, **how),
            "classifier": MLP((), classes, **how),
        }

    def run_once(self, net):
        self.logits(net, self.cut(self.blank()))

    def cut(self, clips):
        """Return the parts [B, n, frames, H, W, C] of clips, in order."""
        return jnp.stack([clips[:, at : at + self.frames] for at in self.starts], axis=1)

    def logits(self, net, parts):
        """Return [B, classes] of parts [B, n, ...] in the order in which they are laid out."""
        z = net.encoder(rearrange(parts, "b n ... -> (b n) ...")).pooled
        z = rearrange(z, "(b n) d -> b n d", n=self.parts)
        first, second = np.triu_indices(self.parts, 1)
        pairs = jnp.concatenate([z[:, first], z[:, second]], axis=-1)
        h = jax.nn.relu(net.pair(rearrange(pairs, "b p d -> (b p) d")))
        return net.classifier(rearrange(h, "(b p) d -> b (p d)", p=len(first)))

    def loss(self, net, teacher, batch, *, key, step):
        parts = self.cut(self.views.stacked(key, batch)[:, 0])
        orders, classes = map(jnp.asarray, self.orders)
        keys = per_example(jax.random.split(key)[1], batch["row"])
        drawn = jax.vmap(lambda key: jax.random.randint(key, (), 0, len(orders)))(keys)
        laid = jax.vmap(lambda own, order: own[order])(parts, orders[drawn])
        return classification(self.logits(net, laid), classes[drawn])
