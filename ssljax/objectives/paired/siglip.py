"""SigLIP: for every image and every text of the batch, tell whether they belong together."""

import dataclasses
import math

import jax.numpy as jnp

from ssljax.losses import siglip
from ssljax.models import MLP, Scalar
from ssljax.objectives.paired.pair import Paired
from ssljax.schema import Number, Size, Temperature


@dataclasses.dataclass(frozen=True)
class SigLIP(Paired):
    """Sigmoid loss for language image pre-training (Zhai et al., 2023).

    Two encoders; with i and t their projections of unit length, s_bc = scale * i_b.t_c + bias, and
    the loss is the sum over all pairs of log(1 + exp(-y_bc s_bc)), y = 1 for the pair's own text
    and -1 for others, divided by the batch size. log(scale) and the bias are trained, without
    weight decay and without bounds. No sum over the batch has to be known to an example, so that
    the pairs are gone through in blocks, around a ring of devices.

    As in the official models, the text's projection has a bias. Their images have none: that is
    `project_own=False`, with `projector_dim` the width of the encoder.

    Attributes:
      temperature: 1 / scale at the start.
      bias: at the start. One of B pairs matches: from 0 the first steps would push all apart.
      logits_block: rows and columns of logits that the loss holds at a time; 0: all.

    Paper: https://arxiv.org/abs/2303.15343. Official code: google-research/big_vision,
    trainers/proj/image_text/siglip.py and models/proj/image_text/two_towers.py.
    """

    temperature: Temperature = 0.1
    bias: Number = -10.0
    logits_block: Size = 0

    paper = "arXiv:2303.15343"
    smallest_batch = 1  # a pair by itself has a gradient: that it matches

    def modules(self):
        # Its parameter is the logarithm of the scale.
        scale = Scalar(-math.log(self.temperature))
        return {**super().modules(), "scale": scale, "bias": Scalar(self.bias)}

    def head(self, dtype):
        return MLP((), self.projector_dim, dtype=dtype)

    def run_once(self, net):
        super().run_once(net)
        net.scale()
        net.bias()

    def loss(self, net, teacher, batch, *, key, step):
        one, two = self.project(net, key, batch).values()
        log_scale, bias = net.scale(), net.bias()
        losses = siglip(
            one,
            two,
            temperature=jnp.exp(-log_scale),
            bias=bias,
            block=self.logits_block,
            present=self.whole(batch),
        )
        return self.over_pairs(losses, batch, {"scale": jnp.exp(log_scale), "bias": bias})
