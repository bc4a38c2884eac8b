"""data2vec: predict a moving-average teacher's layers at hidden tokens."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_mse
from ssljax.models import MLP, MaskToken
from ssljax.objectives.base import Array, Loss, Objective
from ssljax.objectives.masked.patches import hidden_spans, require_mask, require_patches
from ssljax.objectives.net import Net
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.normalize import standardize
from ssljax.ops.schedule import linear
from ssljax.schema import Count, OpenShare, Share, Size


@dataclasses.dataclass(frozen=True)
class Data2Vec(Objective):
    """data2vec: a general framework for self-supervised learning in speech, vision and language
    (Baevski et al., 2022).

    The teacher sees the whole example. Its targets are what the MLPs of the last `top_layers`
    blocks add to each token, normalised over the tokens and averaged over the blocks. The encoder
    sees the example with spans (blocks, tubes) of tokens behind a mask token, and a linear map
    predicts the targets of these. The loss is the squared error, summed over the D components and
    divided by sqrt(D), a mean over the hidden tokens.

    `mask_ratio` of the tokens are hidden, the same number in all examples, see `Wav2Vec2`. The
    teacher's parameters are a moving average, updated after the optimizer's step, with a momentum
    that rises linearly from `momentum` to `final_momentum` in `momentum_steps` (0: all of the run).
    Evaluation sees the encoder's features.

    The defaults are those of speech. Paper: https://arxiv.org/abs/2202.03555. Official code:
      facebookresearch/fairseq, examples/data2vec/models/data2vec_audio.py, whose teacher has the
      convolutions of the student, and a moving average of the blocks alone.
    """

    views: Views = Views.crops()
    mask_ratio: OpenShare = 0.49
    mask_block: Count = 10
    mask_adjust: Share = 0.16
    top_layers: Count = 8
    momentum: Share = 0.999
    final_momentum: Share = 0.9999
    momentum_steps: Size = 0

    teacher = ("encoder",)
    reads = ("audio",)
    paper = "arXiv:2202.03555"

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "data2vec")
        require_top_layers(self)
        require_mask(self.mask, mask_ratio=self.mask_ratio, mask_block=self.mask_block)

    def modules(self):
        width = self.run.encoder.width
        return {
            "encoder": self.run.encoder,
            "mask_token": MaskToken(width, "uniform"),
            "head": MLP((), width, linear_init="normal", dtype=self.run.dtype),
        }

    def run_once(self, net):
        net.mask_token()
        net.head(net.encoder(self.blank()).tokens)

    def mask(self, keys):
        """Return bool[B, N], True where a token is hidden."""
        return hidden_spans(self, keys)

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        masked = self.mask(per_example(jax.random.split(key)[1], batch["row"]))
        target = layer_targets(teacher, x, self.top_layers)
        encoded = net.encoder(x, masked=masked, mask_token=net.mask_token())
        prediction = net.head(encoded.tokens)
        scale = target.shape[-1] ** 0.5  # of the mean over the components
        return Loss(scale * jnp.mean(masked_mse(prediction, target, where=masked)))

    def decay(self, step):
        steps = self.momentum_steps or self.run.steps
        return linear(step, start=self.momentum, end=self.final_momentum, steps=steps)


def layer_targets(teacher: Net, x: Array, count: int, real: Array | None = None) -> Array:
    """Return the mean over the last blocks of what their MLPs add to each token, normalised over
    the tokens, [B, N, D].

    Args:
      teacher: its encoder sees the whole examples.
      x: examples.
      count: of blocks.
      real: bool[B, N], the tokens that are no padding; None for all.
    """
    added = teacher.encoder(x, mlp_outputs=True).mlp_outputs[-count:]
    where = None if real is None else real[None, :, :, None]
    return jnp.mean(standardize(added, axis=2, where=where), axis=0)


def require_top_layers(objective: Objective) -> None:
    """Raise a UserError if there are fewer blocks than `top_layers`."""
    depth = objective.run.encoder.depth
    if objective.top_layers > depth:
        raise UserError(
            f"top_layers={objective.top_layers}; it must be from 1 to encoder.depth={depth}"
        )
