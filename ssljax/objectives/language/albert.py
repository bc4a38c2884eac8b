"""ALBERT: predict hidden words, and whether two sentences of a text are in order."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.losses import sentence_order
from ssljax.objectives.language.bert import BERT
from ssljax.ops.keys import per_example
from ssljax.ops.sentences import halves


@dataclasses.dataclass(frozen=True)
class ALBERT(BERT):
    """A lite BERT (Lan et al., 2019): masked LM and sentence order.

    As `BERT`, but both sentences are of one text: A and the B that follows it are swapped in half
    of the texts, and class 0 is "in order". What makes the model light are fields of the encoder:
    `shared_layers` and `embed_width`.

    Paper: https://arxiv.org/abs/1909.11942. Official code: google-research/albert,
    create_pretraining_data.py and run_pretraining.py. There spans of up to three words are hidden
    together, and the sentence head has dropout; here words are hidden one by one.
    """

    smallest_batch = 1
    paper = "arXiv:1909.11942"

    sentence_loss = staticmethod(sentence_order)

    def pairs(self, key, text, rows):
        cut_key, swap_key = jax.random.split(key)
        first, second = halves(per_example(cut_key, rows), text.segments)
        swapped = jax.vmap(jax.random.bernoulli)(per_example(swap_key, rows))
        starts, counts = (jnp.ones_like(first), 1 + first), (first, second)

        def part(number):
            """Return the sentence that comes at that place."""
            own, other = number, 1 - number
            start = jnp.where(swapped, starts[other], starts[own])
            return text.data, start, jnp.where(swapped, counts[other], counts[own])

        return self._joined(part(0), part(1)), swapped, second > 0
