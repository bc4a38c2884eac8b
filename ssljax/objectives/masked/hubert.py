"""HuBERT: predict the units of hidden frames; units are found by k-means, twice."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_units
from ssljax.models import MLP, MaskToken, UnitVectors, apply, first_blocks, without_drop_path
from ssljax.objectives.base import Loss, Refreshing
from ssljax.objectives.masked.frames import (
    at_places,
    hidden_count,
    hidden_places,
    penalty_of,
    require_frames,
)
from ssljax.objectives.masked.patches import hidden_spans, require_mask
from ssljax.objectives.views import Views, plain
from ssljax.ops.keys import per_example
from ssljax.ops.kmeans import kmeans
from ssljax.ops.memory_bank import write_rows
from ssljax.ops.quantization import nearest_code
from ssljax.ops.spectrogram import deltas, spectrogram
from ssljax.schema import (
    Count,
    Depth,
    NotNegative,
    OpenShare,
    Prototypes,
    Share,
    Temperature,
    Width,
)
from ssljax.spec import Spectrogram

# Kaldi's MFCC of 25 ms every 10 ms at 16 kHz, with their first and second differences.
MFCC = Spectrogram(kind="mfcc", bands=23, window=400, hop=160, low=20.0, coefficients=13)
EVERY = 2  # MFCC for each frame of the encoder
FIRST = 120  # samples put before, so that every second MFCC is of the 400 samples of a frame


@dataclasses.dataclass(frozen=True)
class HuBERT(Refreshing):
    """HuBERT: self-supervised speech representation learning by masked prediction of hidden units
    (Hsu et al., 2021).

    Spans of the frames of a waveform are hidden behind a mask token. Every hidden frame predicts
    its unit, by the cosine of a projection with a vector of each unit, over `logit_temperature`
    (`masked_units`). To this is added `penalty_weight` times the mean square of the frames.

    Units are the clusters of k-means, clusters[0] and clusters[1] in the two iterations:

    1. of MFCC and their first and second differences, found before the first step;
    2. of what block `layer` of the encoder gives of the sounds as they are, found at the share
       `second_share` of the run. The encoder of that moment goes on labelling frames to the end.

    The second iteration has a projection and vectors of its own. With `second_share` 1 there is
    only the first. With 0 there is only the second, whose encoder comes from another run:

        config.init_from = (
            {"workdir": RUN, "take": "params/encoder", "put": "objective_state/labeller"},
        )

    Frames are labelled anew in every step, as the windows of a sound differ. `mask_ratio` of the
    frames are hidden, the same number in all sounds, see `Wav2Vec2`.

    Paper: https://arxiv.org/abs/2106.07447. Official code: facebookresearch/fairseq,
      fairseq/models/hubert/hubert.py, criterions/hubert_criterion.py and
      examples/hubert/simple_kmeans. There the second iteration is a run of its own that starts
      afresh, labels are of whole recordings, and k-means is of mini-batches.
    """

    views: Views = Views.crops()
    clusters: tuple[Prototypes, Prototypes] = (100, 500)
    second_share: Share = 0.4
    layer: Depth = 6
    mask_ratio: OpenShare = 0.57
    mask_block: Count = 10
    mask_adjust: Share = 0.23
    projector_dim: Width = 256
    logit_temperature: Temperature = 0.1
    penalty_weight: NotNegative = 10.0
    kmeans_iterations: Count = 30
    kmeans_frames: Count = 200_000

    reads = ("audio",)
    paper = "arXiv:2106.07447"

    def check(self):
        self.views.require(count=1)
        require_frames(self.run, "hubert")
        require_mask(self.mask, mask_ratio=self.mask_ratio, mask_block=self.mask_block)
        encoder = self.run.encoder
        if self.second and self.layer > encoder.depth:
            raise UserError(
                f"objective.layer={self.layer}; it must be from 1 to config.encoder.depth="
                f"{encoder.depth}"
            )
        if self.second and encoder.shared_layers:
            raise UserError(
                "objective.second_share below 1 takes features from one of the encoder's blocks; "
                "set config.encoder.shared_layers=False"
            )
        count = self.run.spec.num_examples
        (frames,) = self.run.encoder.grid(self.run.field.shape)
        found = count * self._frames_of_each(frames)
        if max(self.clusters) > found:
            raise UserError(
                f"objective.clusters={self.clusters}: k-means sees {found:,} frames of "
                f"{count:,} sounds; there must be at least as many (objective.kmeans_frames="
                f"{self.kmeans_frames:,})"
            )

    @property
    def first(self) -> bool:
        """Whether there is a first iteration."""
        return self.second_share > 0

    @property
    def second(self) -> bool:
        """Whether there is a second iteration."""
        return self.second_share < 1

    @property
    def second_step(self) -> int:
        """The step before which the second iteration begins."""
        return round(self.second_share * self.run.steps)

    @property
    def hidden(self) -> int:
        """Frames that are hidden in each sound."""
        return hidden_count(self.run, self.views, self.mask_ratio)

    @property
    def _iterations(self) -> tuple[int, ...]:
        return tuple(number for number, on in ((1, self.first), (2, self.second)) if on)

    def modules(self):
        made = {
            "encoder": self.run.encoder,
            "mask_token": MaskToken(self.run.encoder.width, "uniform"),
        }
        for i in self._iterations:
            head = {"linear_init": "torch", "dtype": self.run.dtype}
            made[f"projector_{i}"] = MLP((), self.projector_dim, **head)
            made[f"units_{i}"] = UnitVectors(self.clusters[i - 1], self.projector_dim)
        return made

    def run_once(self, net):
        net.mask_token()
        tokens = net.encoder(self.blank()).tokens
        for i in self._iterations:
            getattr(net, f"projector_{i}")(tokens)
            getattr(net, f"units_{i}")()

    def memory(self, key):
        widths = 3 * MFCC.coefficients, self.run.encoder.width
        return {
            f"centroids_{i}": jnp.zeros((self.clusters[i - 1], widths[i - 1]))
            for i in self._iterations
        }

    def init_state(self, key, params, stats):
        state = super().init_state(key, params, stats)
        return {**state, "labeller": params["encoder"]} if self.second else state

    def mask(self, keys):
        """Return bool[B, N], True where a frame is hidden."""
        return hidden_spans(self, keys)

    def loss(self, net, teacher, batch, *, key, step):
        waves = self.views.stacked(key, batch)[:, 0]
        masked = self.mask(per_example(jax.random.split(key)[1], batch["row"]))
        places = hidden_places(masked, self.hidden)
        encoded = net.encoder(waves, masked=masked, mask_token=net.mask_token())
        tokens = at_places(encoded.tokens, places)
        penalty = penalty_of(encoded.frames.convolved)
        losses = {}
        for i in self._iterations:
            labels = self._labels(i, net.state, waves, step)
            values = masked_units(
                getattr(net, f"projector_{i}")(tokens),
                getattr(net, f"units_{i}")(),
                jnp.take_along_axis(labels, places, axis=1),
                temperature=self.logit_temperature,
                where=jnp.ones(places.shape, bool),
            )
            losses[i] = jnp.mean(values)
        units = losses[self._iterations[0]]
        if len(losses) == 2:
            units = jnp.where(step >= self.second_step, losses[2], losses[1])
        return Loss(units + self.penalty_weight * penalty, {"units": units, "penalty": penalty})

    def _labels(self, iteration, state, waves, step):
        """Return int32[B, N], the units of frames in an iteration."""
        if iteration == 1:
            return nearest_code(mfcc_of_frames(waves, self.run.field.rate), state["centroids_1"])

        def found():
            features = self.features(state["labeller"], waves)
            return nearest_code(features, state["centroids_2"])

        if not self.first:
            return found()
        none = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), jax.eval_shape(found))
        return jax.lax.cond(step >= self.second_step, found, lambda: none)

    def features(self, params, waves):
        """Return float32[B, N, D], what block `layer` gives of the frames of waves."""
        encoder, params = first_blocks(
            without_drop_path(self.run.encoder), jax.lax.stop_gradient(params), self.layer
        )
        encoded, _ = apply(encoder, params, {}, waves, train=False)
        return encoded.tokens.astype(jnp.float32)

    def refresh_due(self, step):
        return step == 0 or (self.second and step == self.second_step)

    def refresh(self, state, batches, *, key):
        memory = dict(state.objective_state)
        iteration = 2 if self.second and int(state.step) >= self.second_step else 1
        if iteration == 2 and self.first:
            memory["labeller"] = jax.tree.map(jnp.copy, state.params["encoder"])

        def features(waves, memory):
            if iteration == 1:
                return mfcc_of_frames(waves, self.run.field.rate)
            return self.features(memory["labeller"], waves)

        draw, start = jax.random.split(key)
        centroids, _ = kmeans(
            self._frames(batches, features, memory, draw),
            start,
            clusters=self.clusters[iteration - 1],
            iterations=self.kmeans_iterations,
        )
        memory[f"centroids_{iteration}"] = centroids
        return state.replace(objective_state=memory)

    def _frames_of_each(self, frames: int) -> int:
        """Return how many frames of each sound k-means sees."""
        return max(1, min(frames, self.kmeans_frames // self.run.spec.num_examples))

    def _frames(self, batches, features, memory, key):
        """Return the features [M, D] of frames drawn from every sound of the training set."""
        name, field, count = self.run.name, self.run.field, self.run.spec.num_examples

        @jax.jit
        def drawn(batch, memory):
            found = features(plain(batch[name], field), memory)
            each = self._frames_of_each(found.shape[1])
            noise = jax.vmap(lambda key: jax.random.uniform(key, found.shape[1:2]))
            order = jnp.argsort(noise(per_example(key, batch["id"])), axis=1)
            return at_places(found, order[:, :each])

        bank = None
        for batch in batches():
            rows = drawn(batch, memory)
            if bank is None:
                bank = jnp.zeros((count, rows[0].size))
            bank = _write(bank, batch["id"], rows.reshape(len(rows), -1), batch["valid"])
        return bank.reshape(-1, rows.shape[-1])


@jax.jit
def _write(bank, ids, rows, where):
    return write_rows(bank, ids, rows, where=where)


def mfcc_of_frames(waves: jax.Array, rate: float) -> jax.Array:
    """Return float32[B, N, 39], the MFCC of the samples that each frame of an encoder is made of,
    and their first and second differences.

    Args:
      waves: float32[B, S].
      rate: samples per second.
    """
    padded = jnp.pad(waves, ((0, 0), (FIRST, 0)))
    cepstra = spectrogram(padded, rate=rate, form=MFCC)
    slopes = deltas(cepstra)
    found = jnp.concatenate([cepstra, slopes, deltas(slopes)], axis=-1)
    frames = (waves.shape[1] - 400) // (EVERY * MFCC.hop) + 1
    return found[:, EVERY : EVERY * (frames + 1) : EVERY]
