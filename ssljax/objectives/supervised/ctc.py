"""CTC: the letters of what is said, from a linear head on the times of an encoder."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError, printable
from ssljax.losses import ctc
from ssljax.modalities import modality_of
from ssljax.models import LinearHead, MaskToken
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.frames import require_frames
from ssljax.objectives.masked.patches import hidden_spans, require_mask
from ssljax.objectives.views import Views, plain
from ssljax.ops.keys import per_example
from ssljax.ops.masking import span_mask
from ssljax.schema import Count, CountOrNone, Decay, Positive, Share
from ssljax.spec import target_kind


@dataclasses.dataclass(frozen=True)
class CTC(Objective):
    """Connectionist temporal classification, as wav2vec 2.0 is fine-tuned (Baevski et al., 2020).

    A linear head gives scores of a blank and of each letter at each time of the encoder; patches of
    a spectrogram at one time are averaged. The loss is the sum of `ssljax.losses.ctc` over the
    batch, divided by its letters, as in fairseq. An example without letters counts nothing; one
    with more letters, and blanks between equal ones, than times has loss 0, and is refused by name
    before training. A shorter sound ends in silence, where blanks are said.

    In training, of frames of waves: spans of times are hidden behind a mask token, that of the run
    that `init_from` names, as in wav2vec 2.0's pretraining; then spans of channels, of all times of
    an example, are set to 0 (SpecAugment within the network).

    Attributes:
      views: one view of each example, by default as it is.
      head_std: standard deviation of the head's kernel at the start.
      head_dropout: share of what the head reads that is hidden in training.
      beam: width of a beam search, whose error rate is scored beside the greedy one; 0: none.
      mask_ratio, mask_block, mask_adjust: share of the times that is hidden; 0: none. See
        `Wav2Vec2`.
      channel_mask_ratio, channel_mask_block, channel_mask_adjust: likewise of the channels.
      run: see `Objective`.

    Paper: https://arxiv.org/abs/2006.11477 (section 3.3; Graves et al. 2006 for CTC).
    Official code: facebookresearch/fairseq, fairseq/criterions/ctc.py, fairseq/models/wav2vec/
    wav2vec2_asr.py, wav2vec2.py (apply_mask). There the number of hidden times and channels varies
    with the overlaps of spans; the padding of shorter sounds is neither masked nor read by the
    loss; and spans of channels end within the channels.
    """

    views: Views = Views.crops()
    head_std: Positive = 0.01
    head_dropout: Decay = 0.0
    beam: CountOrNone = 0
    mask_ratio: Decay = 0.0
    mask_block: Count = 10
    mask_adjust: Share = 0.16
    channel_mask_ratio: Decay = 0.0
    channel_mask_block: Count = 64
    channel_mask_adjust: Share = 0.1

    reads = ("audio", "series")
    paper = "arXiv:2006.11477"
    predicts = "logits"

    def check(self):
        self.views.require(count=1)
        label = self.run.spec.fields.get("label")
        if label is None or target_kind(label) != "letters":
            raise UserError(
                "config.objective.name='ctc' learns letters, and the batches have none; set "
                "config.data.labels='letters' with sounds that have transcripts, or whose classes "
                "are words"
            )
        if self.mask_ratio or self.channel_mask_ratio:
            require_frames(self.run, "ctc with mask_ratio or channel_mask_ratio")
        if self.mask_ratio:
            require_mask(self.mask, mask_ratio=self.mask_ratio, mask_block=self.mask_block)
        if self.channel_mask_ratio:
            require_mask(self.channel_mask, channel_mask_ratio=self.channel_mask_ratio)

    def check_labels(self, labels: np.ndarray, names: Sequence[str]) -> None:
        """Raise a UserError, by name, for examples that need more times than the encoder makes:
        one for each letter, and a blank between equal ones."""
        said, times = labels >= 0, self.grid[0]
        equal = said[:, 1:] & (labels[:, 1:] == labels[:, :-1])
        needed = said.sum(axis=1) + equal.sum(axis=1)
        if not (long := np.flatnonzero(needed > times)).size:
            return
        first = long[np.argmax(needed[long])]
        raise UserError(
            f"config.objective.name='ctc': the letters of {len(long):,} of {len(labels):,} "
            f"examples need more times than the {times} that config.encoder makes, most of all "
            f"{printable(names[first])} with {needed[first]}; give longer views, an encoder of "
            "shorter steps, or shorter transcripts"
        )

    @property
    def grid(self):
        """Times of a view, and patches at each of them."""
        grid = modality_of(self.run.field).grid(self.run.field, self.run.encoder, self.views.size)
        return (grid[0], 1) if len(grid) == 1 else grid

    def modules(self):
        letters = self.run.spec.fields["label"].vocab
        head = LinearHead(
            letters + 1, std=self.head_std, dropout=self.head_dropout, dtype=self.run.dtype
        )
        modules = {"encoder": self.run.encoder, "head": head}
        if self.mask_ratio:
            modules["mask_token"] = MaskToken(self.run.encoder.width, "uniform")
        return modules

    @property
    def continues(self) -> tuple[str, ...]:
        """The networks besides the encoder that start as those of the other run."""
        return ("mask_token",) if self.mask_ratio else ()

    def mask(self, keys):
        """Return bool[B, N], True where a time is hidden."""
        return hidden_spans(self, keys)

    def channel_mask(self, keys):
        """Return bool[B, D], True where a channel is set to 0."""
        return span_mask(
            keys,
            grid=(self.run.encoder.width,),
            ratio=self.channel_mask_ratio,
            side=self.channel_mask_block,
            adjust=self.channel_mask_adjust,
        )

    def run_once(self, net):
        if self.mask_ratio:
            net.mask_token()
        net.head(net.encoder(self.blank()).tokens)

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        logits = self._scores(net, net.encoder(x, **self._masks(net, batch, key)))
        labels = batch["label"]
        count = jnp.sum(labels >= 0, dtype=jnp.float32)
        losses = jnp.where((labels >= 0).any(axis=1), ctc(logits, labels), 0)
        return Loss(jnp.sum(losses) / jnp.maximum(count, 1), weight=count)

    def _masks(self, net, batch, key):
        """Return what is hidden from the encoder, by the names of its arguments."""
        found: dict[str, jax.Array] = {}
        _, time_key, channel_key = jax.random.split(key, 3)
        if self.mask_ratio:
            keys = per_example(time_key, batch["row"])
            found |= {"masked": self.mask(keys), "mask_token": net.mask_token()}
        if self.channel_mask_ratio:
            keys = per_example(channel_key, batch["row"])
            found["masked_channels"] = self.channel_mask(keys)
        return found

    def _scores(self, net, encoded):
        tokens = encoded.tokens
        if self.grid[1] > 1:
            tokens = tokens.reshape(len(tokens), -1, self.grid[1], tokens.shape[-1]).mean(axis=2)
        return net.head(tokens)

    def outputs(self, params, state, batch):
        """Return the features and tokens of `Objective.outputs`, and the scores of letters.

        Returns:
          "logits" besides: float32 [B, N, K + 1], of the blank, then of each letter.
        """
        net = self.evaluated(params, state)
        encoded = net.encoder(plain(batch[self.run.name], self.run.field))
        return {
            self.run.name: encoded.pooled,
            f"tokens/{self.run.name}": encoded.tokens,
            "logits": self._scores(net, encoded).astype(jnp.float32),
        }
