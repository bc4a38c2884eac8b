"""TS2Vec: two overlapping windows of a series agree at every time and scale of their overlap."""

import dataclasses
from typing import Annotated

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import hierarchical_contrastive
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import plain
from ssljax.ops.keys import per_example
from ssljax.schema import Range, Share, Size


@dataclasses.dataclass(frozen=True)
class TS2Vec(Objective):
    """TS2Vec: towards universal representation of time series (Yue et al., 2021).

    Two windows of a series overlap; each is encoded with random times masked. At the times of the
    overlap, and at those of a pyramid of max pools over it, the vectors of one window find those of
    the other among those of other examples at that time and those of other times of that example.
    The length and the place of the windows are drawn once a step, as officially; each example
    shifts them by an offset of its own. Evaluation sees the mean of all parameters since the start,
    and the maximum over time of its vectors.

    The windows are masks over the whole series: one compiled program takes all lengths. What lies
    outside is 0 after the encoder's first map, not cut off, so that later layers see their biases
    there where the official code's see zeros.

    Paper: https://arxiv.org/abs/2106.10466. Official code: zhihanyue/ts2vec, ts2vec.py.
    """

    instance_weight: Share = 0.5
    temporal_from: Size = 0
    mask: Annotated[float, Range(0, 1, below=True)] = 0.5

    teacher = ("encoder",)
    features_of_teacher = True
    reads = ("series",)
    paper = "arXiv:2106.10466"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        encoder = self.run.encoder
        if getattr(encoder, "patch", None) != () or hasattr(encoder, "context"):  # CPC's: no masks
            raise UserError(
                "ts2vec needs an encoder with a vector for every time: config.encoder must be "
                "{'name': 'ts2vec'}"
            )
        if 2 ** (self.temporal_from + 1) > (times := self.run.field.shape[0]):
            raise UserError(
                f"objective.temporal_from={self.temporal_from} needs overlaps of at least "
                f"{2 ** (self.temporal_from + 1)} times; the series have {times}"
            )

    def loss(self, net, teacher, batch, *, key, step):
        x = plain(batch[self.run.name], self.run.field)
        window_key, shift_key, first_key, second_key = jax.random.split(key, 4)
        times = jnp.arange(x.shape[1])
        begin, end, left, right = self.windows(window_key, x.shape[1])

        def shift(key):
            return jax.random.randint(key, (), -begin, x.shape[1] - end + 1)

        offset = jax.vmap(shift)(per_example(shift_key, batch["row"]))[:, None]
        overlap = jnp.clip(left + offset + times, 0, x.shape[1] - 1)[..., None]
        views = []
        for own, low, high in ((first_key, begin, right), (second_key, left, end)):
            inside = (low + offset <= times) & (times < high + offset)
            hidden = self.hidden(per_example(own, batch["row"]), x.shape[1])
            tokens = net.encoder(x, masked=hidden | ~inside).tokens
            views.append(jnp.take_along_axis(tokens, overlap, axis=1))
        losses = hierarchical_contrastive(
            *views,
            instance_weight=self.instance_weight,
            temporal_from=self.temporal_from,
            where=jnp.broadcast_to(times < right - left, x.shape[:2]),
        )
        return Loss(jnp.mean(losses), {"overlap": (right - left).astype(jnp.float32)})

    def windows(self, key, times):
        """Return begin <= left < right <= end: windows [begin, right) and [left, end)."""
        keys = jax.random.split(key, 4)
        length = jax.random.randint(keys[0], (), 2 ** (self.temporal_from + 1), times + 1)
        left = jax.random.randint(keys[1], (), 0, times - length + 1)
        begin = jax.random.randint(keys[2], (), 0, left + 1)
        end = jax.random.randint(keys[3], (), left + length, times + 1)
        return begin, end, left, left + length

    def hidden(self, keys, times):
        """Return bool[B, T], times masked by chance."""
        return jax.vmap(lambda key: jax.random.bernoulli(key, self.mask, (times,)))(keys)

    def decay(self, step):
        # The mean over the first parameters and those after each step so far.
        return (step + 1) / (step + 2)
