"""MultiMAE: reconstruct several inputs of a scene from a few patches of all of them."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_l1
from ssljax.models import CrossDecoder, PlacedPatches
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.patches import (
    patch_grid,
    reconstruction,
    require_mask,
    require_patches,
)
from ssljax.objectives.views import Views
from ssljax.ops.edges import edges
from ssljax.ops.keys import per_example
from ssljax.ops.masking import dirichlet_mask
from ssljax.ops.patches import patchify
from ssljax.schema import Count, Depth, NotNegative, OpenShare, Positive, Width


@dataclasses.dataclass(frozen=True)
class MultiMAE(Objective):
    """MultiMAE: multi-modal multi-task masked autoencoders (Bachmann et al., 2022).

    Each input has a stem of its own, and one encoder sees the visible patches of all inputs
    together: a fixed number, shared among the inputs as a draw of a symmetric Dirichlet
    distribution says. A decoder for each input, with cross-attention to all visible patches,
    predicts its hidden patches. The loss is the sum over the inputs.

    The inputs are a view of an image and its edges (`ssljax.ops.edges`), which are made of the view
    on the device: no second field of the data is read. The paper's are images with depth and
    segments that networks made of them. Edges stand for a dense input that lies on the same pixels
    as the image and says less; unlike depth they are a function of it.

    Of images the error is squared and each patch normalised by its own mean and variance, of edges
    it is absolute, as the paper has it of depth. Fewer patches are seen than an input has, so that
    every example hides some of each. Evaluation shows the encoder images alone.

    Attributes:
      visible: share of the patches of both inputs that is seen, below 1/2.
      concentration: of the Dirichlet distribution; 1: all shares are as likely, larger: more even.
      edges_weight: weight of the loss of edges.

    Paper: https://arxiv.org/abs/2204.01678. Official code: EPFL-VILAB/MultiMAE,
    multimae/multimae.py, multimae/output_adapters.py and multimae/criterion.py.
    """

    views: Views = Views.crops(crop_scale=(0.2, 1.0), flip=0.5)
    visible: OpenShare = 0.25
    concentration: Positive = 1.0
    edges_weight: NotNegative = 1.0
    decoder_width: Width = 256
    decoder_depth: Depth = 2
    decoder_heads: Count = 8

    paper = "arXiv:2204.01678"
    reads = ("image",)

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "multimae")
        encoder = self.run.encoder
        if encoder.positions not in ("sincos", "learned") or encoder.grad_cache > 1:
            raise UserError(
                "multimae puts tokens of another stem beside those of the encoder; it needs "
                "encoder.positions='sincos' or 'learned', and encoder.grad_cache=1"
            )
        patches = math.prod(patch_grid(self.run, self.views))
        if self._visible >= patches:
            raise UserError(
                f"objective.visible={self.visible} shows {self._visible} patches, as many as the "
                f"{patches} of an input or more, so that some examples would hide none of it; it "
                "must be below 0.5"
            )
        require_mask(self.mask, visible=self.visible, concentration=self.concentration)
        if self.decoder_width % self.decoder_heads:
            raise UserError(
                f"objective.decoder_heads={self.decoder_heads} must divide "
                f"objective.decoder_width={self.decoder_width}"
            )

    def modules(self):
        encoder, grid = self.run.encoder, patch_grid(self.run, self.views)
        options = {
            "width": self.decoder_width,
            "depth": self.decoder_depth,
            "heads": self.decoder_heads,
            "norm_epsilon": encoder.norm_epsilon,
            "attention": encoder.attention,
            "scan": encoder.scan,
            "remat": encoder.remat,
            "dtype": self.run.dtype,
        }
        out = reconstruction(self.run).out
        stem = PlacedPatches(encoder.patch, encoder.width, self.run.dtype)
        return {
            "encoder": encoder,
            "edges_stem": stem,
            "decoder": CrossDecoder(grid, 2, 0, out, **options),
            "edges_decoder": CrossDecoder(grid, 2, 1, math.prod(encoder.patch), **options),
        }

    def mask(self, keys):
        patches = math.prod(patch_grid(self.run, self.views))
        counts = (patches, patches)
        return dirichlet_mask(
            keys, counts=counts, visible=self._visible, concentration=self.concentration
        )

    @property
    def _visible(self) -> int:
        """Patches of both inputs that are seen."""
        return max(1, round(2 * math.prod(patch_grid(self.run, self.views)) * self.visible))

    def run_once(self, net):
        x = self.blank()
        self._predicted(net, x, edges(x), self.mask(jax.random.split(jax.random.key(0), 2)))

    def _predicted(self, net, x, of_edges, mask):
        encoded = net.encoder(x, keep=mask.keep, beside=net.edges_stem(of_edges))
        return (
            net.decoder(encoded, mask.keep, mask.restore),
            net.edges_decoder(encoded, mask.keep, mask.restore),
        )

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        of_edges = edges(x)
        mask = self.mask(per_example(jax.random.split(key)[1], batch["row"]))
        image, edge = self._predicted(net, x, of_edges, mask)
        hidden, hidden_edges = jnp.split(mask.masked, 2, axis=1)
        target = patchify(of_edges, patch=self.run.encoder.patch)
        normalised = reconstruction(self.run, normalize=True)
        losses = {
            "image": jnp.mean(normalised.loss(image, x, where=hidden)),
            "edges": jnp.mean(masked_l1(edge, target, where=hidden_edges)),
        }
        total = losses["image"] + self.edges_weight * losses["edges"]
        return Loss(total, {f"loss/{name}": value for name, value in losses.items()})
