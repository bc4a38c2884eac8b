"""An attentive probe: one block of cross-attention with a learned query, and a linear classifier.

    q = query + attention(query, norm(tokens));  q = q + mlp(norm(q));  logits = linear(q)

on the frozen tokens of the last layer, over a sweep of learning rates at once. It asks what is in
the tokens, whatever they are pooled by: masked prediction trains no feature for the whole image.

V-JEPA (Bardes et al. 2024, arXiv:2404.08471); facebookresearch/jepa, src/models/attentive_pooler.py
and evals/image_classification_frozen/eval.py (AdamW, weight decay 0.01, half a cosine), which take
one rate and choose on the test set.
"""

import dataclasses
import functools
import math
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.evaluation.gradient_probe import Head, Schedule
from ssljax.evaluation.protocols.base import Protocol
from ssljax.evaluation.protocols.linear_sgd import edge_note
from ssljax.evaluation.subject import TOKENS, NotMeasured
from ssljax.evaluation.sweep import Sweep, crop_of
from ssljax.schema import (
    Above,
    AtMost,
    Count,
    CountOrNone,
    NotEmpty,
    NotNegative,
    OpenShare,
    Positive,
)

RATES = (3e-4, 1e-3, 3e-3, 1e-2)


@dataclasses.dataclass(frozen=True)
class Attentive(Protocol):
    """Cross-attention pooling and a linear classifier, trained by AdamW.

    Attributes:
      epochs: passes over the training examples
      batch_size: examples of a step
      learning_rates: those that are tried, for a batch of 256; scaled with the batch
      weight_decay: of matrices
      heads: of the attention; they divide the width; 0: one for each 64 features
      mlp_ratio: hidden width of the MLP in widths
      augment: whether images are cropped at random and mirrored
      holdout: part of each class of train on which the rate is chosen
    """

    epochs: Count = 20
    batch_size: Count = 256
    learning_rates: Annotated[tuple[Positive, ...], NotEmpty()] = RATES
    weight_decay: NotNegative = 0.01
    heads: CountOrNone = 0
    mlp_ratio: Annotated[float, Above(0), AtMost(64)] = 4.0
    augment: bool = True
    holdout: OpenShare = 0.1

    main = "accuracy"

    def measure(self, subject):
        subject.require(TOKENS)
        if any(field.ragged for field in subject.examples.fields.values()):
            raise NotMeasured("examples differ in length, and the probe would see the padding")
        width = subject.outputs[TOKENS][-1]
        if self.heads and width % self.heads:
            raise NotMeasured(f"heads={self.heads} does not divide the width {width} of the tokens")
        heads = self.heads or _heads(width)
        crop = crop_of(subject) if self.augment else None
        schedule = Schedule(self.epochs, optimizer="adamw", weight_decay=self.weight_decay)
        found = Sweep(
            TOKENS,
            functools.partial(attentive_head, heads=heads, mlp_ratio=self.mlp_ratio),
            self.learning_rates,
            schedule,
            self.batch_size,
            self.holdout,
            transform=crop,
        ).classify(subject)
        notes = edge_note(found)
        accuracy = found.pop("accuracy")
        return {"numbers": {"accuracy": accuracy}, **found, "heads": heads, "notes": notes}


def _heads(width: int) -> int:
    most = max(1, width // 64)
    return next(heads for heads in range(most, 0, -1) if width % heads == 0)


def attentive_head(shape: tuple[int, ...], classes: int, *, heads: int, mlp_ratio: float) -> Head:
    """Return the probe of tokens [N, d]: weights N(0, 0.02), those of the last map of each branch
    divided by sqrt(2), biases 0."""
    width = shape[-1]
    hidden = int(width * mlp_ratio)
    sizes = {
        "query_map": (width, width),
        "key": (width, width),
        "value": (width, width),
        "out": (width, width),
        "fc1": (width, hidden),
        "fc2": (hidden, width),
        "classifier": (width, classes),
    }

    def init(generator: np.random.Generator) -> dict:
        params: dict = {"query": generator.normal(0, 0.02, width).astype(np.float32)}
        for name, size in sizes.items():
            std = 0.02 / math.sqrt(2) if name in ("out", "fc2") else 0.02
            weights = generator.normal(0, std, size).astype(np.float32)
            params[name] = {"weights": weights, "bias": np.zeros(size[1], np.float32)}
        for name in ("norm1", "norm2"):
            one, zero = np.ones(width, np.float32), np.zeros(width, np.float32)
            params[name] = {"scale": one, "bias": zero}
        return params

    return Head(init, _Attend(heads))


@dataclasses.dataclass(frozen=True)
class _Attend:
    heads: int

    def __call__(self, params: dict, tokens: jax.Array) -> jax.Array:
        """Return logits [b, K] of tokens [b, N, d]."""
        split = (self.heads, -1)
        query = _affine(params["query_map"], params["query"]).reshape(split)  # the same for all
        seen = _norm(params["norm1"], tokens)
        keys, values = (
            _affine(params[name], seen).reshape(*tokens.shape[:2], *split)
            for name in ("key", "value")
        )
        scores = jnp.einsum("hd,bnhd->bhn", query, keys) / math.sqrt(query.shape[-1])
        pooled = jnp.einsum("bhn,bnhd->bhd", jax.nn.softmax(scores), values)
        q = params["query"] + _affine(params["out"], pooled.reshape(len(tokens), -1))
        hidden = jax.nn.gelu(_affine(params["fc1"], _norm(params["norm2"], q)), approximate=False)
        q = q + _affine(params["fc2"], hidden)
        return _affine(params["classifier"], q)


def _affine(params: dict, x: jax.Array) -> jax.Array:
    return x @ params["weights"] + params["bias"]


def _norm(params: dict, x: jax.Array) -> jax.Array:
    mean = jnp.mean(x, axis=-1, keepdims=True)
    centred = x - mean
    variance = jnp.mean(centred**2, axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-6) * params["scale"] + params["bias"]
