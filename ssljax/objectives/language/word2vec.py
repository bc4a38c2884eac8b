"""word2vec: tell the neighbours of a word from words drawn as noise."""

import dataclasses

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.losses import skip_gram
from ssljax.models import WordMean, WordVectors, named
from ssljax.objectives.base import Loss, Objective
from ssljax.ops.keys import per_example
from ssljax.schema import Count, NotNegative


@dataclasses.dataclass(frozen=True)
class Word2Vec(Objective):
    """Distributed representations of words (Mikolov et al., 2013): skip-gram, negative sampling.

    A pair is a word of a text and a neighbour at a distance of up to `window`, of which a distance
    d is drawn as often as a window of random size reaches it: (window + 1 - d) times. The loss is
    -log s(u.v) - sum_k log s(-n_k.v): v is the word's vector, u the neighbour's output vector, n_k
    those of words drawn as noise, by their counts to the power of `noise_power`. A word of
    frequency f is left out of pairs with probability 1 - (sqrt(f / t) + 1) t / f, t = `subsample`.

    Counts are those of the words seen so far in the run, and in its state.

    Args (fields):
      window: largest distance of a neighbour, in words.
      negatives: words of noise of each pair.
      pairs: drawn from each text in a step.
      subsample: the frequency above which words are left out; 0 to keep all.
      noise_power: see above.

    Paper: https://arxiv.org/abs/1310.4546. Official code: tmikolov/word2vec, word2vec.c. It goes
    through all pairs of a text; here so many are drawn. Words that are left out do not count in its
    windows; here they do. Its counts are those of the whole corpus.
    """

    window: Count = 5
    negatives: Count = 5
    pairs: Count = 64
    subsample: NotNegative = 1e-3
    noise_power: NotNegative = 0.75

    reads = ("text",)
    takes_ragged = True
    takes_packed = True
    batch_coupled = True  # by the counts
    paper = "arXiv:1310.4546"

    def check(self):
        if not isinstance(self.run.encoder, WordMean):
            raise UserError(
                "word2vec learns a vector for each word: config.encoder must be "
                "{'name': 'word_vectors'}"
            )

    def modules(self):
        encoder = self.run.encoder
        return {"encoder": encoder, "context": WordVectors(encoder.vocab, encoder.width)}

    def run_once(self, net):
        net.encoder(self.blank())
        net.context(jnp.zeros((1, 1), jnp.int32))

    def memory(self, key):
        return {"counts": named(jnp.zeros(self.run.encoder.vocab), "vocab")}

    def loss(self, net, teacher, batch, *, key, step):
        text = batch[self.run.name]
        real = (text.segments > 0).astype(jnp.float32)
        counts = net.state["counts"].at[text.data].add(real)
        keys = per_example(jax.random.fold_in(key, 1), batch["row"])
        noise_cdf = jnp.cumsum(counts**self.noise_power)
        frequency = counts / jnp.maximum(counts.sum(), 1)
        centres, contexts, kept = jax.vmap(self._pairs, in_axes=(0, 0, 0, None))(
            keys, text.data, text.segments, self._kept(frequency)
        )
        noise = jax.vmap(self._noise, in_axes=(0, None))(keys, noise_cdf)
        count = jnp.sum(kept, dtype=jnp.float32)
        losses = skip_gram(
            rearrange(net.encoder(centres).tokens, "b p d -> (b p) d"),
            rearrange(net.context(contexts), "b p d -> (b p) d"),
            rearrange(net.context(noise), "b p k d -> (b p) k d"),
        )
        loss = jnp.sum(jnp.where(kept.ravel(), losses, 0)) / jnp.maximum(count, 1)
        return Loss(loss, {"pairs": count}, carry={"counts": counts})

    def _kept(self, frequency):
        """Return the probability of each word to be in pairs."""
        if not self.subsample:
            return jnp.ones_like(frequency)
        share = self.subsample / jnp.maximum(frequency, 1e-30)
        return jnp.minimum(jnp.sqrt(share) + share, 1)

    def _pairs(self, key, ids, segments, kept):
        """Return (words, neighbours, which pairs count), each [pairs], of one text."""
        place_key, side_key, reach_key, keep_key = jax.random.split(jax.random.fold_in(key, 0), 4)
        shape, last = (self.pairs,), jnp.maximum(jnp.sum(segments > 0), 1)
        place = jax.random.randint(place_key, shape, 0, last)
        reach = jnp.arange(self.window, 0, -1, dtype=jnp.float32)
        distance = 1 + jax.random.categorical(reach_key, jnp.log(reach), shape=shape)
        other = place + jnp.where(jax.random.bernoulli(side_key, shape=shape), distance, -distance)
        inside = (other >= 0) & (other < len(ids))
        other = jnp.clip(other, 0, len(ids) - 1)
        same = (segments[place] == segments[other]) & (segments[place] > 0)
        chance = jnp.stack([kept[ids[place]], kept[ids[other]]])
        stays = jnp.all(jax.random.uniform(keep_key, chance.shape) < chance, axis=0)
        return ids[place], ids[other], inside & same & stays

    def _noise(self, key, cdf):
        """Return int32[pairs, negatives], words drawn by the cumulative weights of all."""
        drawn = jax.random.uniform(jax.random.fold_in(key, 1), (self.pairs, self.negatives))
        found = jnp.searchsorted(cdf, drawn * cdf[-1], side="right")
        return jnp.minimum(found, len(cdf) - 1)
