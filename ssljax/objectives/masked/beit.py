"""BEiT: predict the ids that a frozen tokenizer gives to masked patches."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError
from ssljax.losses import masked_cross_entropy
from ssljax.models import MLP, apply, build_encoder, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.construct import construct
from ssljax.objectives.generative.vq_vae import VQVAE
from ssljax.objectives.masked.patches import blank, mask_token, patch_grid, require_patches
from ssljax.objectives.views import Views, embed
from ssljax.ops.keys import per_example
from ssljax.ops.masking import block_mask


@dataclasses.dataclass(frozen=True)
class BEiT:
    """BEiT: BERT pre-training of image transformers (Bao et al., 2021).

    A frozen tokenizer turns the image into as many ids as it has patches. The encoder sees the
    image with blocks of patches behind a mask token; a linear layer gives a score to every id at
    each of them. The loss is the cross entropy of the tokenizer's ids at the masked patches.

    The tokenizer is a VQ-VAE trained before: `tokenizer` has its "encoder", its "codes" and
    "code_dim". Its weights are in the memory, and come from its run by

        config.init_from = (
            {"workdir": RUN, "take": "params", "put": "objective_state/tokenizer/params"},
            {"workdir": RUN, "take": "memory", "put": "objective_state/tokenizer/memory"},
        )

    Without that it is a random one.

    Paper: https://arxiv.org/abs/2106.08254. Official code: microsoft/unilm,
      beit/modeling_pretrain.py, whose tokenizer is DALL-E's discrete VAE of 8,192 codes, on the
      image at half the size, and whose encoder has relative positions.
    """

    run: Run
    tokenizer: Mapping
    views: Views = Views.crops(
        crop_scale=(0.08, 1.0), flip=0.5, brightness=0.4, contrast=0.4, saturation=0.4
    )
    mask_patches: int = 75
    smallest_block: int = 16

    family: ClassVar[str] = "masked"
    paper: ClassVar[str] = "arXiv:2106.08254"
    keeps: ClassVar[tuple[str, ...]] = ("tokenizer",)
    batch_coupled: ClassVar[bool] = False

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        require_patches(self.run, "beit")
        jax.eval_shape(lambda: self._mask(jax.random.split(jax.random.key(0))))  # its errors, now
        patches = int(np.prod(patch_grid(self.run, self.views)))
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
        run = dataclasses.replace(self.run, encoder=build_encoder(fields.pop("encoder")))
        return dataclasses.replace(construct(VQVAE, fields, "tokenizer", run=run), views=self.views)

    def _fresh_tokens(self):
        images = blank(self.run, self.views)
        return self._tokens(self.init_memory(jax.random.key(0), {}, {})["tokenizer"], images)

    def _tokens(self, tokenizer, images):
        return self.vq_vae.tokenize(tokenizer["params"], tokenizer["memory"], images)

    @property
    def head(self) -> MLP:
        return MLP((), self.vq_vae.codes, linear_init="truncated", dtype=self.run.dtype)

    def _mask(self, keys):
        return block_mask(
            keys,
            grid=patch_grid(self.run, self.views),
            count=self.mask_patches,
            smallest=self.smallest_block,
        )

    def init_params(self, key, batch):
        encoder_key, head_key, token_key = jax.random.split(key, 3)
        images = blank(self.run, self.views)
        encoder, _ = init(self.run.encoder, encoder_key, images)
        encoded, _ = apply(self.run.encoder, encoder, {}, images, train=False)
        head, _ = init(self.head, head_key, encoded.tokens)
        token = mask_token(token_key, encoded.tokens.shape[-1])
        return {"encoder": encoder, "head": head, "mask_token": token}

    def init_memory(self, key, params, batch):
        vq_vae = self.vq_vae
        params = vq_vae.init_params(key, batch)
        memory = vq_vae.init_memory(key, params, batch)
        used = {name: params[name] for name in ("encoder", "to_code")}
        return {"tokenizer": {"params": used, "memory": memory}}

    def loss(self, params, memory, batch, *, key, step):
        views_key, mask_key, model_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        masked = self._mask(per_example(mask_key, batch["row"]))
        ids = self._tokens(memory["tokenizer"], images)
        encoded, _ = apply(
            self.run.encoder,
            params["encoder"],
            {},
            images,
            train=True,
            key=model_key,
            masked=masked,
            mask_token=params["mask_token"]["token"],
        )
        # The masked patches alone, of which every image has equally many: scores are large.
        places = jnp.argsort(~masked, axis=1)[:, : self.mask_patches]
        tokens = jnp.take_along_axis(encoded.tokens, places[:, :, None], axis=1)
        ids = jnp.take_along_axis(ids, places, axis=1)
        scores, _ = apply(self.head, params["head"], {}, tokens, train=True)
        loss = jnp.mean(masked_cross_entropy(scores, ids, where=jnp.ones(ids.shape, bool)))
        accuracy = jnp.mean(jnp.argmax(scores, axis=-1) == ids)
        return loss, Aux(metrics={"accuracy": accuracy}, carry={})

    def advance(self, params, memory, carry, *, step):
        return params, memory

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], {}, batch)
