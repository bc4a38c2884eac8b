"""Shuffle and Learn: tell whether three frames of a video come in their order."""

import dataclasses

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.models import MLP
from ssljax.objectives.base import Objective
from ssljax.objectives.predictive.pretext import classification
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.schema import Count, OpenShare


@dataclasses.dataclass(frozen=True)
class ShuffleAndLearn(Objective):
    """Shuffle and learn: unsupervised learning using temporal order verification (Misra et al.,
    2016).

    Of a clip five frames a < b < c < d < e are drawn, b and d `span` frames apart, a and e at least
    `margin` frames outside of them. In order are (b, c, d); out of order (b, a, d) and (b, e, d):
    the first and the last frame are the same, so that only the middle one tells. Half of all
    triples are shown backwards, which changes no answer. The encoder sees each frame by itself:

        loss = mean of -log softmax(W [z_1, z_2, z_3] + v)[in order or not]

    An encoder that tells nothing has the loss log 2 at first, and the accuracy of the larger class,
    1 - `positives`.

    Paper: https://arxiv.org/abs/1603.08561. Official code: none with the training; imisra/shuffle-
    tuple has the networks. The paper draws frames where there is much motion, and all frames of
    `span` or less; here every place is as likely and the distance is fixed. A batch has one triple
    of each clip.
    """

    views: Views = Views.crops(crop_scale=(0.5, 1.0), flip=0.5)
    span: Count = 60
    margin: Count = 15
    positives: OpenShare = 0.25

    reads = ("video",)
    paper = "arXiv:1603.08561"

    def check(self):
        self.views.require(count=1)
        if self.span < 2:
            raise UserError("objective.span=1 leaves no frame between two; set 2 or more")
        needed, found = self.span + 2 * self.margin + 1, self.run.field.shape[-4]
        if found < needed:
            raise UserError(
                f"objective.span={self.span} and objective.margin={self.margin} on both sides need "
                f"{needed} frames, and the clips have {found}; set config.data.length={needed} or "
                "more"
            )

    def modules(self):
        classifier = MLP((), 2, norm=False, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "classifier": classifier}

    def run_once(self, net):
        self.logits(net, self.blank()[:, :3])

    def logits(self, net, frames):
        """Return [B, 2] of three frames [B, 3, H, W, C] in the order in which they are shown."""
        z = net.encoder(rearrange(frames, "b n ... -> (b n) 1 ...")).pooled
        return net.classifier(rearrange(z, "(b n) d -> b (n d)", n=3))

    def triple(self, key):
        """Return three places of a clip, int32[3], and whether they are in order, int32."""
        length = self.run.field.shape[-4]
        keys = jax.random.split(key, 5)

        def between(i, low, high):
            return jax.random.randint(keys[i], (), low, high + 1)

        first = between(0, self.margin, length - 1 - self.margin - self.span)
        last = first + self.span
        inside = between(1, first + 1, last - 1)
        before, after = (
            between(2, 0, first - self.margin),
            between(3, last + self.margin, length - 1),
        )
        u = jax.random.uniform(keys[4], (3,))
        ordered = u[0] < self.positives
        middle = jnp.where(ordered, inside, jnp.where(u[1] < 0.5, before, after))
        places = jnp.stack([first, middle, last])
        return jnp.where(u[2] < 0.5, places, places[::-1]), ordered.astype(jnp.int32)

    def loss(self, net, teacher, batch, *, key, step):
        clips = self.views.stacked(key, batch)[:, 0]
        keys = per_example(jax.random.split(key)[1], batch["row"])
        places, labels = jax.vmap(self.triple)(keys)
        frames = jax.vmap(lambda clip, at: clip[at])(clips, places)
        return classification(self.logits(net, frames), labels)
