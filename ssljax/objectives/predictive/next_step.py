"""Next-step prediction: forecast the next patch of a series from those before it."""

import dataclasses

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import next_step
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.patches import patch_grid, reconstruction
from ssljax.objectives.views import Views


@dataclasses.dataclass(frozen=True)
class NextStep(Objective):
    """Autoregression over patches, as in a decoder-only model for time series (Das et al., 2023).

    A causal transformer reads the patches of a series; a linear layer maps each of its tokens to
    the values of the next patch. The loss is the squared error of values that are standardised by
    channel; of white noise the best is 1. The official model forecasts patches longer than those
    that it reads, normalises by the first patch and is trained on padded series of many lengths;
    here all patches have one length.

    Paper: https://arxiv.org/abs/2310.10688. Official code: google-research/timesfm.
    """

    views: Views = Views.crops()

    reads = ("series",)
    paper = "arXiv:2310.10688"

    def check(self):
        self.views.require(count=1)
        if not getattr(self.run.encoder, "causal", False):
            raise UserError(
                "next_step needs an encoder that sees no later times: config.encoder must be "
                "{'name': 'series_transformer', 'causal': True}"
            )
        if patch_grid(self.run, self.views)[0] < 2:
            raise UserError(
                f"encoder.patch_size={self.run.encoder.patch_size} leaves one patch in views of "
                f"{self.views.size} times; a next one is to be forecast"
            )

    def modules(self):
        out = reconstruction(self.run).out
        head = MLP((), out, output_axis="outputs", dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "head": head}

    def run_once(self, net):
        net.head(net.encoder(self.blank()).tokens)

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        patches = reconstruction(self.run).target(x)
        prediction = net.head(net.encoder(x).tokens)
        losses = next_step(prediction, patches)
        stays = next_step(patches, patches)  # that the next patch is as this one
        return Loss(jnp.mean(losses), {"loss_of_repeating": jnp.mean(stays)})
