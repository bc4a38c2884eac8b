"""Rotation: tell by which multiple of 90 degrees an image was turned."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.predictive.pretext import classification
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.rotation import quarter_turns

TURNS = 4


@dataclasses.dataclass(frozen=True)
class Rotation:
    """Unsupervised representation learning by predicting image rotations (Gidaris et al., 2018).

    RotNet. Every image is turned by 0, 90, 180 and 270 degrees, all four in the same batch, and
    the classifier tells the turn:

        loss = mean over images and turns r of -log softmax(classifier(encoder(turn_r(image))))[r]

    Turns are exact (transposes and flips), after the crop, which is square whatever the images are.
    An encoder that tells nothing has the loss log 4.

    Paper: https://arxiv.org/abs/1803.07728. Official code: gidariss/FeatureLearningRotNet, whose
    crop, 224 of 256 pixels at random and mirrored half the time, is the default here. One linear
    layer follows the encoder, as in google/revisiting-self-supervised, where RotNet's AlexNet and
    network-in-network have layers of their own, whose features are then used.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.7656, 0.7656), crop_ratio=(1.0, 1.0), flip=0.5)
    classifier_hidden: tuple = ()

    family: ClassVar[str] = "predictive"
    paper: ClassVar[str] = "arXiv:1803.07728"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)

    @property
    def network(self) -> Chain:
        classifier = MLP(self.classifier_hidden, TURNS, dtype=self.run.dtype)
        return Chain({"encoder": self.run.encoder, "classifier": classifier})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        return {"stats": self.network.init(key, example(self.run.inputs))[1]}

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key = jax.random.split(key)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        turned = rearrange(quarter_turns(images), "b r h w c -> (b r) h w c")
        logits, stats = self.network.apply(
            params, memory["stats"], turned, train=True, key=model_key
        )
        loss, metrics = classification(logits, jnp.tile(jnp.arange(TURNS), len(images)))
        return loss, Aux(metrics=metrics, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
