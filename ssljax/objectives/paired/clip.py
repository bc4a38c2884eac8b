"""CLIP: find the text of each image in the batch, and the image of each text."""

import dataclasses
import math

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import clip
from ssljax.models import Scalar
from ssljax.objectives.paired.pair import Paired
from ssljax.schema import Positive, Size, Temperature


@dataclasses.dataclass(frozen=True)
class CLIP(Paired):
    """Learning transferable visual models from natural language supervision (Radford et al., 2021).

    Two encoders, each followed by a linear map without bias; with i and t of unit length,
    s_bc = scale * i_b.t_c, and the loss is the mean of the cross entropies of the rows and of the
    columns of s, each with the pair's own column as its class. Equal similarities give log(B). The
    logarithm of the scale is trained, without weight decay; after each step it is brought back
    between 0 and log(max_scale), as in OpenCLIP's code.

    A text's features are the mean of its tokens unless `config.encoders.text` says otherwise;
    CLIP's are those of the token that ends it: causal=True, pool="last".

    Attributes:
      temperature: 1 / scale at the start.
      max_scale: the largest scale.
      logits_block: rows and columns of logits that the loss holds at a time; 0: all.

    Paper: https://arxiv.org/abs/2103.00020. Official code: openai/CLIP, model.py, without training;
    mlfoundations/open_clip, loss.py and train.py.
    """

    temperature: Temperature = 0.07
    max_scale: Positive = 100.0
    logits_block: Size = 0

    paper = "arXiv:2103.00020"

    def check(self):
        super().check()
        if not 1 <= 1 / self.temperature <= self.max_scale * (1 + 1e-6):
            raise UserError(
                f"objective.temperature={self.temperature} starts the scale at "
                f"{1 / self.temperature:g}; it must lie between 1 and "
                f"objective.max_scale={self.max_scale:g}"
            )

    def modules(self):
        # Its parameter is the logarithm of the scale.
        return {**super().modules(), "scale": Scalar(-math.log(self.temperature))}

    def run_once(self, net):
        super().run_once(net)
        net.scale()

    def loss(self, net, teacher, batch, *, key, step):
        one, two = self.project(net, key, batch).values()
        log_scale = net.scale()
        losses = clip(
            one,
            two,
            temperature=jnp.exp(-log_scale),
            block=self.logits_block,
            present=self.whole(batch),
        )
        return self.over_pairs(losses, batch, {"scale": jnp.exp(log_scale)})

    def advance(self, params, state, carry, *, step):
        params, state = super().advance(params, state, carry, step=step)
        log_scale = jnp.clip(params["scale"]["value"], 0.0, math.log(self.max_scale))
        return {**params, "scale": {"value": log_scale}}, state
