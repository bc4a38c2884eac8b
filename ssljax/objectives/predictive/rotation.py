"""Rotation: tell by which multiple of 90 degrees an image was turned."""

import dataclasses

import jax.numpy as jnp
from einops import rearrange

from ssljax.models import MLP
from ssljax.objectives.base import Objective
from ssljax.objectives.predictive.pretext import classification
from ssljax.objectives.views import Views
from ssljax.ops.rotation import quarter_turns
from ssljax.schema import Widths

TURNS = 4


@dataclasses.dataclass(frozen=True)
class Rotation(Objective):
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

    views: Views = Views.crops(crop_scale=(0.7656, 0.7656), crop_ratio=(1.0, 1.0), flip=0.5)
    classifier_hidden: Widths = ()

    reads = ("image",)
    paper = "arXiv:1803.07728"
    batch_coupled = True

    def check(self):
        self.views.require(count=1)

    def modules(self):
        classifier = MLP(self.classifier_hidden, TURNS, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "classifier": classifier}

    def loss(self, net, teacher, batch, *, key, step):
        turned = quarter_turns(self.views.stacked(key, batch)[:, 0])
        logits = net.classifier(net.encoder(rearrange(turned, "b r ... -> (b r) ...")).pooled)
        return classification(logits, jnp.tile(jnp.arange(TURNS), len(turned)))
