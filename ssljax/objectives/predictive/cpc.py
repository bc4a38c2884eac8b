"""CPC: tell what comes in a few steps from what comes elsewhere, from all that came before."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import cpc
from ssljax.modalities import modality_of
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.negatives import draw_negatives
from ssljax.schema import Count, Temperature


@dataclasses.dataclass(frozen=True)
class CPC(Objective):
    """Representation learning with contrastive predictive coding (van den Oord et al., 2018).

    The encoder makes a vector z_t of each stretch of an input, and a context c_t of z_1 ... z_t. A
    linear map W_k for each of the next steps k predicts z_(t+k) from c_t: its product with the true
    one is to be larger than those with negatives, z of other times and other examples of the batch,
    or of the same example ("sequence": then all have one speaker, and examples do not depend on
    each other). Evaluation sees the mean of c_t.

    None of the predicted vectors is among its own negatives, and the negatives of a time serve all
    its steps. Riviere et al. 2020 (https://arxiv.org/abs/2002.02848) normalise the channels of each
    time (`encoder.norm`) and take means over channels in place of sums (`temperature`, set to
    `encoder.channels`); their predictions by a transformer are not here.

    Attributes:
      views: one view of each example.
      steps: K, how many steps ahead.
      negatives: for each time.
      negatives_from: "batch" or "sequence".
      temperature: by which products are divided.
      run: see `Objective`.

    Paper: https://arxiv.org/abs/1807.03748. Official code: none of the paper's;
    facebookresearch/CPC_audio, cpc/criterion/criterion.py, which leaves out the time of the context
    among the negatives of all examples, where this leaves out the predicted ones.
    """

    views: Views = Views.crops()
    steps: Count = 12
    negatives: Count = 128
    negatives_from: Literal["batch", "sequence"] = "batch"
    temperature: Temperature = 1.0

    reads = ("audio", "series")
    paper = "arXiv:1807.03748"

    def check(self):
        self.views.require(count=1)
        if not hasattr(self.run.encoder, "context"):
            raise UserError(
                "cpc needs an encoder of contexts that know nothing later: config.encoder must be "
                "{'name': 'audio_gru'} or {'name': 'series_gru'}"
            )
        if self.times <= self.steps:
            raise UserError(
                f"objective.steps={self.steps} must be below the {self.times} vectors that "
                f"config.encoder makes of {self.views.where} of {self.views.size} steps"
            )

    @property
    def times(self) -> int:
        """Vectors of a view."""
        return modality_of(self.run.field).grid(self.run.field, self.run.encoder, self.views.size)[
            0
        ]

    @property
    def batch_coupled(self) -> bool:
        """Whether negatives come from the whole batch."""
        return self.negatives_from == "batch"

    def modules(self):
        encoder = self.run.encoder
        predictor = MLP((), self.steps * encoder.channels, output_bias=False, dtype=self.run.dtype)
        return {"encoder": encoder, "predictor": predictor}

    def run_once(self, net):
        net.predictor(net.encoder(self.blank()).tokens)

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        encoded = net.encoder(x, local=True)
        size, times, _ = encoded.local.shape
        predicted = net.predictor(encoded.tokens[:, : times - self.steps])
        drawn = draw_negatives(
            per_example(jax.random.fold_in(key, 1), batch["row"]),
            times=times,
            steps=self.steps,
            count=self.negatives,
            sequences=size if self.batch_coupled else 1,
        )
        if self.batch_coupled:
            negatives = rearrange(encoded.local, "b n d -> (b n) d")[drawn]
        else:
            negatives = jax.vmap(lambda own, rows: own[rows])(encoded.local, drawn)
        losses = cpc(
            rearrange(predicted, "b t (k d) -> b k t d", k=self.steps),
            encoded.local,
            negatives,
            temperature=self.temperature,
        )
        return Loss(jnp.mean(losses))
