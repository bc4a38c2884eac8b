"""I-JEPA: predict, from the rest of an image, a teacher's features of blocks that are hidden."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import unknown
from ssljax.losses import mse, smooth_l1
from ssljax.models import Predictor, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_share
from ssljax.objectives.masked.patches import blank, patch_grid, require_patches
from ssljax.objectives.views import Views, plain
from ssljax.ops.ema import ema
from ssljax.ops.keys import per_example
from ssljax.ops.masking import multi_block
from ssljax.ops.normalize import standardize
from ssljax.ops.schedule import linear

DISTANCES = {"smooth_l1": smooth_l1, "l2": mse}


@dataclasses.dataclass(frozen=True)
class IJEPA:
    """Self-supervised learning from images with a joint-embedding predictive architecture (Assran
    et al., 2023).

    The encoder sees the context, patches outside of a few target blocks. A narrow transformer
    predicts from it, block by block, what the teacher says there: its tokens of the whole image,
    each normalised to mean 0 and variance 1, without gradient. The loss is the mean of the
    distances of the predicted values.

    The teacher's parameters are a moving average, updated after the optimizer's step, with a
    momentum that rises linearly to 1. Evaluation sees the mean of its patch tokens.

    Paper: https://arxiv.org/abs/2301.08243. Official code: facebookresearch/ijepa, src/train.py.
      The paper writes an L2 distance, the code has the smooth L1 (the default here). The number of
      patches in a block and in the context is fixed, where the code draws the first for every batch
      and cuts the second down to the smallest of the batch: see `ssljax.ops.masking.multi_block`.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.3, 1.0))
    targets: int = 4
    target_scale: float = 0.175
    target_aspect: tuple = (0.75, 1.5)
    context_scale: tuple = (0.85, 1.0)
    distance: str = "smooth_l1"  # or l2
    momentum: float = 0.996
    predictor_width: int = 384
    predictor_depth: int = 12

    family: ClassVar[str] = "masked"
    paper: ClassVar[str] = "arXiv:2301.08243"
    keeps: ClassVar[tuple[str, ...]] = ("teacher",)
    batch_coupled: ClassVar[bool] = False

    def __post_init__(self):
        require_share(momentum=self.momentum)
        self.views.require(self.run.inputs, count=1)
        require_patches(self.run, "i_jepa")
        if self.distance not in DISTANCES:
            raise unknown("distance", self.distance, DISTANCES)
        jax.eval_shape(lambda: self._blocks(jax.random.split(jax.random.key(0))))  # its errors, now

    @property
    def predictor(self) -> Predictor:
        encoder = self.run.encoder
        return Predictor(
            grid=patch_grid(self.run, self.views),
            out=encoder.width,
            width=self.predictor_width,
            depth=self.predictor_depth,
            heads=encoder.heads,
            kernel_init=encoder.kernel_init,
            scan=encoder.scan,
            remat=encoder.remat,
            dtype=encoder.dtype,
        )

    def _blocks(self, keys):
        return multi_block(
            keys,
            grid=patch_grid(self.run, self.views),
            targets=self.targets,
            scale=self.target_scale,
            aspect=tuple(self.target_aspect),
            context_scale=tuple(self.context_scale),
        )

    def init_params(self, key, batch):
        encoder_key, predictor_key = jax.random.split(key)
        images, blocks = blank(self.run, self.views), self._blocks(jax.random.split(key))
        encoder, _ = init(self.run.encoder, encoder_key, images)
        tokens = self._encode(encoder, images, train=False, keep=blocks.context)
        predictor, _ = init(self.predictor, predictor_key, tokens, *blocks)
        return {"encoder": encoder, "predictor": predictor}

    def _encode(self, params, images, **options):
        return apply(self.run.encoder, params, {}, images, **options)[0].tokens

    def init_memory(self, key, params, batch):
        return {"teacher": {"encoder": params["encoder"]}}

    def loss(self, params, memory, batch, *, key, step):
        views_key, mask_key, model_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        blocks = self._blocks(per_example(mask_key, batch["row"]))

        target = standardize(self._encode(memory["teacher"]["encoder"], images, train=False))
        places = rearrange(blocks.targets, "b t k -> b (t k) 1")
        target = jnp.take_along_axis(target, places, axis=1)
        target = rearrange(target, "b (t k) d -> b t k d", t=self.targets)

        context = self._encode(
            params["encoder"], images, train=True, key=model_key, keep=blocks.context
        )
        prediction, _ = apply(self.predictor, params["predictor"], {}, context, *blocks, train=True)
        loss = jnp.mean(DISTANCES[self.distance](prediction, target))
        return loss, Aux(metrics={}, carry={})

    def advance(self, params, memory, carry, *, step):
        momentum = linear(step, start=self.momentum, end=1.0, steps=self.run.steps)
        online = {"encoder": params["encoder"]}
        return params, {"teacher": ema(memory["teacher"], online, momentum)}

    def embed(self, params, memory, batch):
        images = plain(batch, self.run.inputs)
        tokens = self._encode(memory["teacher"]["encoder"], images, train=False)
        return jnp.mean(tokens, axis=1, dtype=jnp.float32)
