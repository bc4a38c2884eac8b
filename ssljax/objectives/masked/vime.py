"""VIME: tell which cells of a row were replaced, and what stood there."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import vime
from ssljax.modalities import modality_of
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import plain
from ssljax.ops.augment import vime_corruption
from ssljax.ops.keys import per_example
from ssljax.schema import NotNegative, OpenShare


@dataclasses.dataclass(frozen=True)
class VIME(Objective):
    """Value imputation and mask estimation (Yoon et al., 2020).

    Each cell of a row is replaced, with probability `rate`, by one of its column. From the features
    of the corrupted row one linear layer estimates which cells differ, another all of its values:
    standardised numbers and one-hot categories. The loss is the binary cross entropy of the former
    and `alpha` times the squared error of the latter. The official code scales all columns to
    [0, 1] and ends in a sigmoid.

    Paper: NeurIPS 2020, https://proceedings.neurips.cc/paper/2020 (volume 33, "VIME: extending the
    success of self- and semi-supervised learning to tabular domain"). Official code:
    jsyoon0823/VIME, vime_self.py.
    """

    rate: OpenShare = 0.3
    alpha: NotNegative = 2.0

    reads = ("table",)
    paper = "NeurIPS 2020"
    batch_coupled = True  # cells are replaced by those of other rows of the batch
    smallest_batch = 2

    def modules(self):
        field = self.run.field
        count = self.values(jnp.zeros((1, *field.shape))).shape[1]
        return {
            "encoder": self.run.encoder,
            "mask_head": MLP((), field.shape[0], dtype=self.run.dtype),
            "value_head": MLP((), count, dtype=self.run.dtype),
        }

    def values(self, rows):
        """Return what is predicted of rows [B, M]: numbers and one-hot categories, [B, D]."""
        return modality_of(self.run.field).raw(rows, self.run.field)

    def run_once(self, net):
        features = net.encoder(self.blank()).pooled
        net.mask_head(features), net.value_head(features)

    def loss(self, net, teacher, batch, *, key, step):
        rows = batch[self.run.name]
        keys = per_example(key, batch["row"])
        corrupted, mask = vime_corruption(keys, rows, rows, rate=self.rate)
        features = net.encoder(plain(corrupted, self.run.field)).pooled
        losses = vime(
            net.mask_head(features),
            net.value_head(features),
            self.values(rows),
            mask=mask,
            alpha=self.alpha,
        )
        return Loss(jnp.mean(losses), {"corrupted": jnp.mean(mask.astype(jnp.float32))})
