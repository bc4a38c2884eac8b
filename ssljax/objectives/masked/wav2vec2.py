"""wav2vec 2.0: tell the quantised frame of every hidden frame from those of others."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import code_diversity, masked_contrastive
from ssljax.models import MLP, GumbelQuantizer, MaskToken
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.frames import (
    at_places,
    hidden_count,
    hidden_places,
    penalty_of,
    require_frames,
)
from ssljax.objectives.masked.patches import hidden_spans, patch_grid, require_mask
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.other_places import other_places
from ssljax.ops.quantization import perplexity
from ssljax.ops.schedule import geometric
from ssljax.schema import (
    Count,
    Decay,
    NotNegative,
    OpenShare,
    Part,
    Prototypes,
    Share,
    Temperature,
    Width,
)


@dataclasses.dataclass(frozen=True)
class Wav2Vec2(Objective):
    """wav2vec 2.0: a framework for self-supervised learning of speech representations (Baevski et
    al., 2020).

    The convolutions make frames of a waveform. Spans of them are hidden behind a mask token, and
    the transformer gives a context vector for each. The target of a hidden frame is the frame
    itself, quantised: a code of each of `groups` groups, chosen with Gumbel noise. By cosines over
    `logit_temperature`, the context must find its target among `negatives` of other hidden frames
    of the same sound (`masked_contrastive`). To this are added `diversity_weight` times
    `code_diversity`, and `penalty_weight` times the mean square of the frames.

    The temperature of the Gumbel softmax at step t is max(first x factor^t, last), of
    `code_temperature` = (first, last, factor).

    `mask_ratio` of the frames are hidden, the same number in all sounds: spans of `mask_block`
    frames for a share of mask_ratio + mask_adjust of the frames, which overlap, and then as many
    single ones more or fewer as are needed.

    Paper: https://arxiv.org/abs/2006.11477. Official code: facebookresearch/fairseq,
      fairseq/models/wav2vec/wav2vec2.py, criterions/wav2vec_criterion.py. There spans start with
      probability .065, which hides 49 % of the frames on average, and each sound of a device loses
      hidden frames until all have as many as the one with fewest. The diversity is that of a
      device there.
    """

    views: Views = Views.crops()
    mask_ratio: OpenShare = 0.49
    mask_block: Count = 10
    mask_adjust: Share = 0.16
    negatives: Count = 100
    groups: Count = 2
    codes: Prototypes = 320
    code_dim: Width = 256
    projector_dim: Width = 256
    logit_temperature: Temperature = 0.1
    code_temperature: tuple[Temperature, Temperature, Part] = (2.0, 0.5, 0.999995)
    diversity_weight: NotNegative = 0.1
    penalty_weight: NotNegative = 10.0
    feature_dropout: Decay = 0.0

    reads = ("audio",)
    batch_coupled = True
    paper = "arXiv:2006.11477"

    def check(self):
        self.views.require(count=1)
        require_frames(self.run, "wav2vec2")
        require_mask(self.mask, mask_ratio=self.mask_ratio, mask_block=self.mask_block)
        if self.code_dim % self.groups:
            raise UserError(
                f"objective.groups={self.groups} must divide objective.code_dim={self.code_dim}"
            )
        if self.hidden < 2:
            raise UserError(
                f"objective.mask_ratio={self.mask_ratio} hides {self.hidden} of "
                f"{patch_grid(self.run, self.views)[0]} frames; there must be 2, of which one is "
                "the negative of the other"
            )

    @property
    def hidden(self) -> int:
        """Frames that are hidden in each sound."""
        return hidden_count(self.run, self.views, self.mask_ratio)

    def modules(self):
        head = {"linear_init": "torch", "dtype": self.run.dtype}
        return {
            "encoder": self.run.encoder,
            "mask_token": MaskToken(self.run.encoder.width, "uniform"),
            "quantizer": GumbelQuantizer(
                self.groups, self.codes, self.code_dim, self.feature_dropout, self.run.dtype
            ),
            "context_projector": MLP((), self.projector_dim, **head),
            "target_projector": MLP((), self.projector_dim, **head),
        }

    def run_once(self, net):
        net.mask_token()
        encoded = net.encoder(self.blank())
        net.context_projector(encoded.tokens)
        net.target_projector(net.quantizer(encoded.frames.normalised).vectors)

    def mask(self, keys):
        """Return bool[B, N], True where a frame is hidden."""
        return hidden_spans(self, keys)

    def temperature(self, step):
        """Return the temperature of the Gumbel softmax."""
        first, last, factor = self.code_temperature
        return geometric(step, start=first, end=last, factor=factor)

    def loss(self, net, teacher, batch, *, key, step):
        _, mask_key, noise_key, negative_key = jax.random.split(key, 4)
        waves = self.views.stacked(key, batch)[:, 0]
        masked = self.mask(per_example(mask_key, batch["row"]))
        places = hidden_places(masked, self.hidden)
        keys = per_example(negative_key, batch["row"])
        negatives = other_places(keys, places=self.hidden, count=self.negatives)
        shape = (self.hidden, self.groups, self.codes)
        keys = per_example(noise_key, batch["row"])
        noise = jax.vmap(lambda key: jax.random.gumbel(key, shape))(keys)

        encoded = net.encoder(waves, masked=masked, mask_token=net.mask_token())
        quantized = net.quantizer(
            at_places(encoded.frames.normalised, places),
            noise=noise,
            temperature=self.temperature(step),
        )
        losses = masked_contrastive(
            net.context_projector(at_places(encoded.tokens, places)),
            net.target_projector(quantized.vectors),
            quantized.codes,
            negatives,
            temperature=self.logit_temperature,
        )
        contrast, diversity = jnp.mean(losses), code_diversity(quantized.logits)
        penalty = penalty_of(encoded.frames.convolved)
        value = contrast + self.diversity_weight * diversity + self.penalty_weight * penalty
        used = jnp.mean(jax.nn.one_hot(quantized.codes, self.codes), axis=(0, 1))
        metrics = {
            "contrast": contrast,
            "diversity": diversity,
            "penalty": penalty,
            "codes_in_use": sum(perplexity(group) for group in used),
        }
        return Loss(value, metrics)
