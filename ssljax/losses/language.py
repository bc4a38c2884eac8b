"""Losses of language models: masked and causal words, pairs of sentences, replaced words."""

import functools

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32
from ssljax.ops.placement import on_own_examples


def masked_lm(
    features: jax.Array,
    embedding: jax.Array,
    ids: jax.Array,
    *,
    where: jax.Array,
    bias: jax.Array | None = None,
    block: int = 0,
) -> jax.Array:
    """Mean cross entropy of the hidden tokens of every text, by the vectors of the vocabulary.

        s_bnv = h_bn.e_v + c_v
        loss_b = sum_n m_bn (log sum_v exp(s_bnv) - s_bn[y_bn]) / sum_n m_bn

    The loss of a batch is the mean weighted by sum_n m_bn: the mean over all predicted tokens. A
    text without any has loss 0. Values where `where` is False have no effect. Only reverse mode
    works (`jax.jvp` is refused).

    Args:
      features: float[B, N, D], what a head gives of the tokens to predict.
      embedding: float[V, D], a vector for each id, as the encoder embeds it (tied weights).
      ids: int[B, N], the true ids, in [0, V) where they are predicted. One out of range makes the
        loss NaN; if it is known while tracing, it is an error.
      where: bool[B, N], True where a token is predicted.
      bias: float[V]; None for none.
      block: tokens of each text whose logits are in memory at a time, computed again for the
        gradient; 0 for all N, and the logits are kept.

    Returns:
      [B], at least float32; log V if all scores are equal.

    Raises:
      ValueError: shapes do not fit, block is negative, `where` is known to be False everywhere, or
        an id of a predicted token is known to be out of range.
      TypeError: features, embedding or bias are not floats, ids not integers or `where` not bool.

    BERT, https://arxiv.org/abs/1810.04805; google-research/bert, run_pretraining.py
    (get_masked_lm_output).

    >>> hidden, ids = jnp.array([[True, False]]), jnp.array([[3, 0]])
    >>> print(masked_lm(jnp.zeros((1, 2, 5)), jnp.ones((4, 5)), ids, where=hidden).round(4))
    [1.3863]
    """
    checks.shapes(
        features=(features, "B N D"),
        embedding=(embedding, "V D"),
        ids=(ids, "B N"),
        where=(where, "B N"),
    )
    bias = jnp.zeros(len(embedding), embedding.dtype) if bias is None else bias
    checks.shapes(embedding=(embedding, "V D"), bias=(bias, "V"))
    checks.floats(features=features, embedding=embedding, bias=bias)
    checks.integers(ids=ids)
    checks.booleans(where=where)
    checks.some(where=where)
    checks.below(len(embedding), where=where, ids=ids)
    checks.not_negative(block=block)
    features = jnp.where(where[..., None], features, 0)
    ids = jnp.where(where, ids, 0)
    entropies = _cross_entropies(features, embedding, bias, ids, block)
    counts = jnp.maximum(jnp.sum(where, axis=1), 1)
    return jnp.sum(jnp.where(where, entropies, 0), axis=1) / counts


def causal_lm(
    features: jax.Array,
    embedding: jax.Array,
    ids: jax.Array,
    *,
    segments: jax.Array,
    block: int = 0,
) -> jax.Array:
    """Mean cross entropy of the token after each one, by the vectors of the vocabulary (GPT).

    As `masked_lm` of ids[:, 1:] from features[:, :-1], where both tokens are of one text. The loss
    of a batch is the mean weighted by the number of these places, see `followed`.

    Args:
      features: float[B, N, D], of tokens that have seen themselves and those before.
      embedding: float[V, D].
      ids: int[B, N], in [0, V) but for padding.
      segments: int[B, N]: 0 for padding, 1, 2, ... for the texts packed into a row.
      block: see `masked_lm`.

    Returns:
      [B], at least float32; log V if all scores are equal.

    Raises:
      ValueError: shapes do not fit, or N is 1.
      TypeError: features or embedding are not floats, or ids or segments not integers.

    GPT, https://cdn.openai.com/research-covers/language-unsupervised/language_understanding_paper.pdf;
    openai/gpt-2, src/model.py, which is without its training.

    >>> ids = jnp.array([[1, 0, 3]])
    >>> ones = jnp.ones((1, 3), int)
    >>> loss = causal_lm(jnp.zeros((1, 3, 5)), jnp.ones((4, 5)), ids, segments=ones)
    >>> print(loss.round(4))
    [1.3863]
    """
    checks.shapes(features=(features, "B N D"), ids=(ids, "B N"), segments=(segments, "B N"))
    checks.integers(segments=segments)
    if ids.shape[1] < 2:
        raise ValueError(f"ids must hold at least 2 tokens of a text, got shape {list(ids.shape)}")
    # Rolled rather than cut, so that the number of tokens stays one that devices and blocks divide.
    following = jnp.roll(ids, -1, axis=1)
    return masked_lm(features, embedding, following, where=followed(segments), block=block)


def followed(segments: jax.Array) -> jax.Array:
    """Return bool[B, N], whether a token has a next one in its text.

    >>> followed(jnp.array([[1, 1, 2, 2, 2, 0]])).astype(int).tolist()
    [[1, 0, 1, 1, 0, 0]]
    """
    same = (segments[:, 1:] > 0) & (segments[:, 1:] == segments[:, :-1])
    return jnp.pad(same, ((0, 0), (0, 1)))


def next_sentence(logits: jax.Array, other: jax.Array) -> jax.Array:
    """Cross entropy of whether a second sentence is from another text (BERT).

    Args:
      logits: float[B, 2]: class 0 says that the second follows the first, class 1 that it is from
        another text.
      other: bool[B], whether it is.

    Returns:
      [B], at least float32; log 2 if both scores are equal.

    Raises:
      ValueError: shapes do not fit.
      TypeError: the logits are not floats, or `other` is not bool.

    BERT, https://arxiv.org/abs/1810.04805; google-research/bert, run_pretraining.py
    (get_next_sentence_output: 0 is "next sentence").

    >>> print(next_sentence(jnp.array([[9.0, 0.0]]), jnp.array([False])).round(3))
    [0.]
    """
    return _two_classes(logits, other=other)


def sentence_order(logits: jax.Array, swapped: jax.Array) -> jax.Array:
    """Cross entropy of whether two consecutive sentences of one text are swapped (ALBERT).

    Args:
      logits: float[B, 2]: class 0 says that they are in order, class 1 that they are swapped.
      swapped: bool[B], whether they are.

    Returns:
      [B], at least float32; log 2 if both scores are equal.

    Raises:
      ValueError: shapes do not fit.
      TypeError: the logits are not floats, or `swapped` is not bool.

    ALBERT, https://arxiv.org/abs/1909.11942; google-research/albert, run_pretraining.py.

    >>> print(sentence_order(jnp.zeros((1, 2)), jnp.array([True])).round(4))
    [0.6931]
    """
    return _two_classes(logits, swapped=swapped)


def replaced_token(logits: jax.Array, replaced: jax.Array, *, where: jax.Array) -> jax.Array:
    """Mean binary cross entropy of whether each token was replaced by a generator (ELECTRA).

        loss_b = sum_n m_bn (log(1 + exp(s_bn)) - r_bn s_bn) / sum_n m_bn

    Args:
      logits: float[B, N], of which the sigmoid is the probability that a token was replaced.
      replaced: bool[B, N]; a token that the generator got right is not.
      where: bool[B, N], True at all tokens that are no padding. A text without any has loss 0.

    Returns:
      [B], at least float32; log 2 if all logits are 0.

    Raises:
      ValueError: shapes do not fit, or `where` is known to be False everywhere.
      TypeError: logits are not floats, or `replaced` or `where` not bool.

    ELECTRA, https://arxiv.org/abs/2003.10555; google-research/electra, run_pretraining.py
    (_get_discriminator_output).

    >>> real = jnp.array([[True, True, False]])
    >>> print(replaced_token(jnp.zeros((1, 3)), ~real, where=real).round(4))
    [0.6931]
    """
    checks.shapes(logits=(logits, "B D"), replaced=(replaced, "B D"), where=(where, "B D"))
    checks.floats(logits=logits)
    checks.booleans(replaced=replaced, where=where)
    checks.some(where=where)
    logits = jnp.where(where, at_least_float32(logits), 0)
    losses = jax.nn.softplus(logits) - jnp.where(replaced, logits, 0)
    return jnp.sum(jnp.where(where, losses, 0), axis=1) / jnp.maximum(jnp.sum(where, axis=1), 1)


def skip_gram(centre: jax.Array, context: jax.Array, noise: jax.Array) -> jax.Array:
    """Skip-gram with negative sampling: tell a word's neighbour from words drawn as noise.

        loss_b = -log s(u_b.v_b) - sum_k log s(-n_bk.v_b),  s the logistic function

    Args:
      centre: float[B, D], v, the vectors of the words.
      context: float[B, D], u, the output vectors of a neighbour of each.
      noise: float[B, K, D], n, the output vectors of K words that are none.

    Returns:
      [B], at least float32; (1 + K) log 2 where output vectors are 0, as at the start.

    Raises:
      ValueError: shapes do not fit.
      TypeError: an input is not of a float dtype.

    word2vec, https://arxiv.org/abs/1310.4546 (equation 4); tmikolov/word2vec, word2vec.c.

    >>> zeros = jnp.zeros((1, 3))
    >>> print(f"{skip_gram(zeros, zeros, jnp.zeros((1, 5, 3)))[0]:.3f}")  # 6 log 2
    4.159
    """
    checks.shapes(centre=(centre, "B D"), context=(context, "B D"), noise=(noise, "B K D"))
    checks.floats(centre=centre, context=context, noise=noise)
    centre, context, noise = map(at_least_float32, (centre, context, noise))
    true = jnp.sum(centre * context, axis=-1)
    false = jnp.einsum("bkd,bd->bk", noise, centre, precision="highest")
    return jax.nn.softplus(-true) + jnp.sum(jax.nn.softplus(false), axis=1)


def _two_classes(logits: jax.Array, **second: jax.Array) -> jax.Array:
    ((name, given),) = second.items()
    checks.shapes(logits=(logits, "B D"), **{name: (given, "B")})
    if logits.shape[1] != 2:
        raise ValueError(f"logits must have shape [B, 2], got {list(logits.shape)}")
    checks.floats(logits=logits)
    checks.booleans(**{name: given})
    shares = jax.nn.log_softmax(at_least_float32(logits), axis=1)
    return -jnp.where(given, shares[:, 1], shares[:, 0])


def _cross_entropies(features, embedding, bias, ids, block):
    """Return [B, N], -log of the probability of each id."""
    if not block or block >= ids.shape[1]:
        return _of_block(embedding, bias, features, ids)
    run = functools.partial(_in_blocks, block=block)
    # Each device goes through the blocks of its own texts, so that gradients of the vectors are
    # summed over devices once, and not for each block.
    return on_own_examples(run, 2)(embedding, bias, features, ids)


def _in_blocks(embedding, bias, features, ids, *, block):
    length = ids.shape[1]
    longer = -length % block

    def blocks(x):
        padded = jnp.pad(x, ((0, 0), (0, longer), *[(0, 0)] * (x.ndim - 2)))
        return rearrange(padded, "b (n c) ... -> n b c ...", c=block)

    # A loop already keeps XLA from merging the recomputation with the forward pass.
    one = jax.checkpoint(functools.partial(_of_block, embedding, bias), prevent_cse=False)
    found = jax.lax.map(lambda x: one(*x), (blocks(features), blocks(ids)))
    return rearrange(found, "n b c -> b (n c)")[:, :length]


def _of_block(embedding, bias, features, ids):
    wide = jnp.promote_types(features.dtype, jnp.float32)
    # One product of matrices: for the gradient of a product of three dimensions, XLA's CPU compiler
    # transposes copies of the logits.
    rows, vectors = rearrange(features, "b n d -> (b n) d"), embedding.astype(features.dtype)
    logits = jnp.einsum("rd,vd->rv", rows, vectors, preferred_element_type=wide)
    logits = logits + bias.astype(wide)
    known = (ids >= 0) & (ids < len(embedding))
    entropies = _entropies(logits, jnp.where(known, ids, 0).ravel()).reshape(ids.shape)
    return jnp.where(known, entropies, jnp.nan)


@jax.custom_vjp
def _entropies(logits: jax.Array, ids: jax.Array) -> jax.Array:
    """Return log sum_v exp(s_rv) - s_r[y_r], [R], of logits [R, V].

    Its gradient softmax(s) - onehot(y) is one pass over the logits. JAX's of logsumexp and of the
    choice of a logit would be several arrays of their size. Only reverse mode works.
    """
    return _entropies_forward(logits, ids)[0]


def _entropies_forward(logits, ids):
    norm = jax.nn.logsumexp(logits, axis=1)
    true = jnp.take_along_axis(logits, ids[:, None], axis=1)[:, 0]
    return norm - true, (logits, norm, ids)


def _entropies_backward(saved, cotangent):
    logits, norm, ids = saved
    right = ids[:, None] == jnp.arange(logits.shape[1], dtype=ids.dtype)
    return cotangent[:, None] * (jnp.exp(logits - norm[:, None]) - right), None


_entropies.defvjp(_entropies_forward, _entropies_backward)
