"""BEiT: predict the ids that a frozen tokenizer gives to masked patches."""

import dataclasses
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_cross_entropy
from ssljax.models import MLP, MaskToken, build_encoder
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.generative.vq_vae import VQVAE
from ssljax.objectives.masked.patches import patch_grid, require_mask, require_patches
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.masking import block_mask
from ssljax.schema import Count, parse


@dataclasses.dataclass(frozen=True)
class BEiT(Objective):
    """BEiT: BERT pre-training of image transformers (Bao et al., 2021).

    A frozen tokenizer turns the image into as many ids as it has patches. The encoder sees the
    image with blocks of patches behind a mask token; a linear layer gives a score to every id at
    each of them. The loss is the cross entropy of the tokenizer's ids at the masked patches.

    The tokenizer is a VQ-VAE trained before: `tokenizer` has its "encoder", its "codes" and
    "code_dim". Its weights are in the memory, and come from its run by

        config.init_from = (
            {"workdir": RUN, "take": "params", "put": "objective_state/tokenizer/params"},
            {
                "workdir": RUN,
                "take": "objective_state",
                "put": "objective_state/tokenizer/objective_state",
            },
        )

    Without that it is a random one.

    Paper: https://arxiv.org/abs/2106.08254. Official code: microsoft/unilm,
      beit/modeling_pretrain.py, whose tokenizer is DALL-E's discrete VAE of 8,192 codes, on the
      image at half the size, and whose encoder has relative positions.
    """

    tokenizer: Mapping
    views: Views = Views.crops(
        crop_scale=(0.08, 1.0), flip=0.5, brightness=0.4, contrast=0.4, saturation=0.4
    )
    mask_patches: Count = 75
    smallest_block: Count = 16

    paper = "arXiv:2106.08254"
    reads = ("image",)

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "beit")
        require_mask(self.mask, mask_patches=self.mask_patches, smallest_block=self.smallest_block)
        patches = math.prod(patch_grid(self.run, self.views))
        tokens = jax.eval_shape(self._fresh_tokens).shape[1]
        if tokens != patches:
            raise UserError(
                f"tokenizer makes {tokens} tokens of an image that has {patches} patches; they "
                "must be equally many"
            )

    @property
    def vq_vae(self) -> VQVAE:
        """The tokenizer; its decoder is not used."""
        fields = {**self.tokenizer}
        if "encoder" not in fields:
            raise UserError("tokenizer lacks tokenizer.encoder, that of the tokenizer's run")
        encoder = build_encoder(fields.pop("encoder"), self.run.field, "tokenizer.encoder")
        run = dataclasses.replace(self.run, encoder=encoder)
        return dataclasses.replace(parse(VQVAE, fields, "tokenizer", run=run), views=self.views)

    def _fresh_tokens(self):
        tokenizer = self.memory(jax.random.key(0))["tokenizer"]
        return self._tokens(tokenizer, self.blank())

    def _tokens(self, tokenizer, images):
        return self.vq_vae.tokenize(tokenizer["params"], tokenizer["objective_state"], images)

    def modules(self):
        head = {"linear_init": "truncated", "output_axis": "vocab", "dtype": self.run.dtype}
        return {
            "encoder": self.run.encoder,
            "head": MLP((), self.vq_vae.codes, **head),
            "mask_token": MaskToken(self.run.encoder.width, "truncated"),
        }

    def run_once(self, net):
        net.mask_token()
        net.head(net.encoder(self.blank()).tokens)

    def memory(self, key):
        params, state = self.vq_vae.init(key, key)
        used = {name: params[name] for name in ("encoder", "to_code")}
        return {"tokenizer": {"params": used, "objective_state": state}}

    def mask(self, keys):
        grid = patch_grid(self.run, self.views)
        return block_mask(keys, grid=grid, count=self.mask_patches, smallest=self.smallest_block)

    def loss(self, net, teacher, batch, *, key, step):
        images = self.views.stacked(key, batch)[:, 0]
        masked = self.mask(per_example(jax.random.split(key)[1], batch["row"]))
        ids = self._tokens(net.state["tokenizer"], images)
        encoded = net.encoder(images, masked=masked, mask_token=net.mask_token())
        # The masked patches alone, of which every image has equally many: scores are large.
        places = jnp.argsort(~masked, axis=1)[:, : self.mask_patches]
        tokens = jnp.take_along_axis(encoded.tokens, places[:, :, None], axis=1)
        ids = jnp.take_along_axis(ids, places, axis=1)
        scores = net.head(tokens)
        loss = jnp.mean(masked_cross_entropy(scores, ids, where=jnp.ones(ids.shape, bool)))
        return Loss(loss, {"accuracy": jnp.mean(jnp.argmax(scores, axis=-1) == ids)})
