"""What is special to objectives of texts: padding, packing, accumulation, what may be seen."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.language.electra import SHARED
from ssljax.ops.keys import key_for
from ssljax.spec import Spec, Value
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import init_state, make_train_step
from tests.objectives.cases import CASES
from tests.objectives.cases.language import TRANSFORMER
from tests.objectives.conftest import BATCH, EXAMPLES, STEPS, WORDS, sentences, started, trial

ROWS = np.arange(BATCH, dtype=np.int32)
KEY = jax.random.key(3)


def objective_of(name, length=16, encoder=None, field=WORDS, **fields):
    """Return the objective of a case for rows of a length."""
    of_case, section = CASES[name]
    field = field.replace(shape=(length,))
    module = build_encoder({**of_case, "length": 32, **(encoder or {})}, field)
    run = Run(module, Spec({"text": field}, EXAMPLES), steps=STEPS, batch_size=BATCH)
    return build_objective(ConfigDict({**section, **fields}), run)


def batch_of(length=16, ids=ROWS, padding=0):
    found = sentences(ids)
    more = ((0, 0), (0, length - 16))
    segments = np.pad(found.segments, more)
    data = np.where(segments > 0, np.pad(found.data, more), padding).astype(np.int32)
    return {"text": Value(data, segments), "id": ids, "row": ids}


@functools.cache
def ready(name, length=16):
    """Return fresh parameters, and the function of loss and gradient of them and of a batch."""
    objective = objective_of(name, length)
    params, state = started(objective)
    state = jax.tree.map(np.zeros_like, state)

    def loss(params, batch):
        return objective.value(params, state, batch, key=KEY, step=0)

    return params, jax.jit(jax.value_and_grad(loss, has_aux=True))


def close(found, expected):
    scale = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(expected))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5 * max(scale, 1))


# log V of equal scores, + log 2 of a pair, + 50 log 2 of replaced words, 6 log 2 of word2vec.
AT_FIRST = {
    "roberta": math.log(24),
    "gpt": math.log(24),
    "bert": math.log(24) + math.log(2),
    "albert": math.log(24) + math.log(2),
    "electra": math.log(24) + 50 * math.log(2),
    "word2vec": 6 * math.log(2),
}


@pytest.mark.parametrize("name", AT_FIRST)
def test_fresh_networks_lose_what_the_table_says(name):
    """Kernels of std 0.02 give scores near 0."""
    one = trial(name)
    small = jax.tree.map(lambda x: 0.02 * x, one.state.params)
    loss = one.step(one.state.replace(params=small), one.batches[0])[1]["loss"]
    assert float(loss) == pytest.approx(AT_FIRST[name], rel=0.01)


@pytest.mark.parametrize("name", ["roberta", "bert"])
def test_what_stands_in_the_padding_changes_neither_loss_nor_gradient(name):
    params, value = ready(name)
    (clean, _), gradient = value(params, batch_of())
    (other, _), others = value(params, batch_of(padding=17))
    np.testing.assert_allclose(other, clean, rtol=1e-6)
    close(others, gradient)


def test_data2vec_of_texts_neither_sees_nor_predicts_padding():
    module = build_encoder({**TRANSFORMER, "length": 32}, WORDS)
    run = Run(module, Spec({"text": WORDS}, EXAMPLES), steps=STEPS, batch_size=BATCH)
    section = {key: one for key, one in CASES["data2vec2"][1].items() if key != "views"}
    section |= {"class_weight": 0.0, "mask_ratio": 0.5, "mask_block": 1}
    objective = build_objective(ConfigDict(section), run)
    params, state = started(objective)
    value = jax.jit(lambda batch: objective.value(params, state, batch, key=KEY, step=0))
    (loss, aux), (other, _) = (value(batch_of(padding=padding)) for padding in (0, 17))
    np.testing.assert_allclose(other, loss, rtol=1e-6)
    real = batch_of()["text"].segments.sum()
    assert 0.3 * real < float(aux.weight) / section["masks"] < 0.7 * real and loss > 0
    with pytest.raises(UserError, match="of texts it must be 0"):
        build_objective(ConfigDict({**section, "class_weight": 1.0}), run)


def test_gpt_on_a_longer_padding_and_in_packed_rows_is_gpt_on_each_text():
    params, value = ready("gpt")
    (loss, aux), gradient = value(params, batch_of())
    (other, more), others = ready("gpt", 24)[1](params, batch_of(24))
    np.testing.assert_allclose(other, loss, rtol=1e-5)
    assert float(aux.weight) == float(more.weight) == batch_of()["text"].segments.sum() - BATCH
    close(others, gradient)

    text = batch_of()["text"]
    data, segments = np.zeros((BATCH // 2, 32), np.int32), np.zeros((BATCH // 2, 32), np.int32)
    for row in range(BATCH // 2):
        start = 0
        for number, example in enumerate((row, BATCH - 1 - row), 1):
            count = text.segments[example].sum()
            data[row, start : start + count] = text.data[example, :count]
            segments[row, start : start + count] = number
            start += count
    packed = {"text": Value(data, segments), "id": ROWS[: BATCH // 2], "row": ROWS[: BATCH // 2]}
    (of_rows, weights), of_packed = ready("gpt", 32)[1](params, packed)
    np.testing.assert_allclose(of_rows, loss, rtol=1e-5)
    assert float(weights.weight) == float(aux.weight)
    close(of_packed, gradient)


def test_gpt_sees_no_later_word():
    """The gradient of the loss at a place to what comes after its target is 0."""
    params, _ = ready("gpt")
    table = np.asarray(params["encoder"]["token_embed"]["embedding"])
    own = table[sentences(ROWS[:1]).data[0]]  # a row for each place
    module = build_encoder({**CASES["gpt"][0], "length": 32}, WORDS.replace(vocab=16))

    def tokens(rows):
        of_places = {**params["encoder"], "token_embed": {"embedding": rows}}
        return module.apply({"params": of_places}, jnp.arange(16)[None], train=False).tokens[0]

    gradient = jax.jit(jax.jacrev(lambda rows: tokens(rows)[:, 0]))
    seen = np.abs(np.asarray(gradient(own))).sum(axis=-1)  # [place, word]
    assert (np.triu(seen, 1) == 0).all() and (np.diag(seen) > 0).all()
    assert (np.tril(seen)[np.tril_indices(16)] > 0).all()


@pytest.mark.parametrize("name", ["roberta", "gpt"])
def test_the_mean_over_words_is_that_of_the_whole_batch_under_accumulation(name):
    objective = objective_of(name)
    params, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    optimizer = build_optimizer({}, steps=STEPS, batch_size=BATCH, params=params).transform
    state = jax.jit(lambda: init_state(objective, optimizer, seed=0))()
    whole, parts = (
        jax.jit(make_train_step(objective, optimizer, seed=0, accumulate=count))(state, batch_of())
        for count in (1, 4)
    )
    for metric in ("loss", "gradient_norm"):
        np.testing.assert_allclose(parts[1][metric], whole[1][metric], rtol=1e-4)


def test_words_are_hidden_anew_in_every_step_and_specials_never():
    objective, text = trial("roberta").objective, sentences(ROWS)
    hidden = jax.jit(objective.hidden)
    made = [hidden(jax.random.key(k), text.data, text.segments, ROWS) for k in (0, 1, 0)]
    np.testing.assert_array_equal(made[0].ids, made[2].ids)
    assert (np.asarray(made[0].ids) != np.asarray(made[1].ids)).any()
    for one in made:
        places, chosen = np.asarray(one.places), np.asarray(one.chosen)
        true = np.take_along_axis(text.data, places, axis=1)[chosen]
        assert (true > 4).all() and chosen.sum(axis=1).min() >= 1
    half = hidden(jax.random.key(0), text.data[8:], text.segments[8:], ROWS[8:])
    np.testing.assert_array_equal(half.ids, np.asarray(made[0].ids)[8:])


def test_a_next_sentence_is_of_the_text_and_a_false_one_of_another():
    objective, text = objective_of("bert", 24), batch_of(24)["text"]
    joined, false, counted = jax.jit(objective.pairs)(jax.random.key(1), text, ROWS)
    assert counted.all() and 0 < np.sum(false) < BATCH
    wholes = [list(row[1 : count - 1]) for row, count in zip(*_rows(text), strict=True)]
    for row, (ids, count) in enumerate(zip(*_rows(joined), strict=True)):
        types = np.asarray(joined.types[row, :count])
        a, b = list(ids[1 : count - types.sum() - 1]), list(ids[count - types.sum() : count - 1])
        assert ids[0] == 2 and ids[count - 1] == 3 == ids[len(a) + 1]
        follows = wholes[row] == a + b
        assert wholes[row][: len(a)] == a and follows != bool(false[row])
        if false[row]:
            assert any(whole[-len(b) :] == b for k, whole in enumerate(wholes) if k != row)


def test_swapped_sentences_are_of_one_text():
    objective, text = objective_of("albert", 24), batch_of(24)["text"]
    joined, swapped, counted = jax.jit(objective.pairs)(jax.random.key(1), text, ROWS)
    assert counted.all() and 0 < np.sum(swapped) < BATCH
    for row, (ids, count) in enumerate(zip(*_rows(joined), strict=True)):
        second = int(joined.types[row].sum())
        a, b = list(ids[1 : count - second - 1]), list(ids[count - second : count - 1])
        whole = list(text.data[row, 1 : text.segments[row].sum() - 1])
        assert whole == (b + a if swapped[row] else a + b)


def _rows(text):
    ids = text.ids if hasattr(text, "ids") else text.data
    return np.asarray(ids), np.asarray(text.segments).sum(axis=1)


def test_the_generator_has_the_embeddings_of_the_encoder():
    one = trial("electra")
    params = one.state.params
    assert not set(params["generator"]) & set(SHARED) and "embed_projection" in params["generator"]
    net, _ = one.objective.nets(params, one.state.objective_state)
    for name in SHARED:
        assert net.params["generator"][name] is params["encoder"][name]


def test_a_word_that_is_drawn_right_is_not_replaced():
    """A generator that always says the same word replaces all but that word."""
    one = trial("electra")
    params = jax.tree.map(lambda x: x, one.state.params)
    params["words"]["bias"] = np.where(np.arange(24) == 7, np.float32(1e4), 0)
    text = one.batches[0]["text"]
    key = key_for(0, "loss", 0)
    made = jax.jit(one.objective.hidden)(jax.random.fold_in(key, 1), text.data, text.segments, ROWS)
    true = np.take_along_axis(text.data, np.asarray(made.places), axis=1)
    wrong = np.sum((true != 7) & np.asarray(made.chosen))
    metrics = one.step(one.state.replace(params=params), one.batches[0])[1]
    assert 0 < wrong < np.sum(made.chosen)
    np.testing.assert_allclose(metrics["replaced"], wrong / text.segments.sum(), rtol=1e-6)


def test_word2vec_draws_neighbours_within_the_window_and_drops_frequent_words():
    objective = dataclasses.replace(trial("word2vec").objective, pairs=4000, window=2)
    ids, segments = jnp.arange(16), jnp.array([1] * 6 + [2] * 6 + [0] * 4)
    kept = jnp.ones(24).at[3].set(0.0)
    run = jax.jit(lambda key: objective._pairs(key, ids, segments, kept))
    words, others, counted = map(np.asarray, run(jax.random.key(0)))
    words, others = words[counted], others[counted]
    distance = np.abs(words - others)
    assert {*distance} == {1, 2} and not np.isin([*words, *others], 3).any()
    assert ((words < 6) == (others < 6)).all() and max(*words, *others) < 12
    # Twice as often; 8 and 6 pairs of words are so far apart, without the one that is dropped.
    ratio = np.mean(distance == 1) / np.mean(distance == 2)
    assert ratio == pytest.approx(2 * 8 / 6, rel=0.15)


def test_noise_is_drawn_by_counts_to_a_power():
    objective = dataclasses.replace(trial("word2vec").objective, pairs=2000, negatives=5)
    counts = jnp.array([0.0, 1.0, 16.0, 0.0])
    drawn = np.asarray(objective._noise(jax.random.key(0), jnp.cumsum(counts**0.75)))
    shares = np.bincount(drawn.ravel(), minlength=4) / drawn.size
    np.testing.assert_allclose(shares, [0, 1 / 9, 8 / 9, 0], atol=0.012)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("gpt", {"encoder": {"causal": False}}, "gpt needs an encoder that sees no later words"),
        ("bert", {"encoder": {"causal": True, "pool": "last"}}, "set encoder.causal=False"),
        ("roberta", {"field": WORDS.replace(special=())}, "gives the text no 'mask' token"),
        ("bert", {"field": WORDS.replace(special=(("mask", 4),))}, "gives the text no 'cls' token"),
        ("bert", {"length": 6}, "config.data.length=6 leaves no room for two sentences"),
        ("roberta", {"random_share": 0.3}, "their sum must be at most 1"),
        ("simcse", {"encoder": {"dropout": 0.0}}, "encoder.dropout is 0; set it to 0.1, say"),
        ("electra", {"generator_heads": 5}, "generator_heads=5 must divide"),
    ],
)
def test_what_does_not_fit_is_refused(name, change, message):
    with pytest.raises(UserError, match=message):
        objective_of(name, **change)


def test_word2vec_takes_vectors_of_words_alone():
    run = objective_of("roberta").run
    with pytest.raises(UserError, match="config.encoder must be {'name': 'word_vectors'}"):
        build_objective({"name": "word2vec"}, run)


@pytest.mark.parametrize("name", ["bert", "electra"])
def test_means_over_different_numbers_are_not_accumulated(name):
    one = trial(name)
    with pytest.raises(UserError, match="accumulate=2 would change the result"):
        make_train_step(one.objective, one.optimizer, seed=0, accumulate=2)


@functools.cache
def outputs(name):
    """Return the function that gives the outputs of parameters and a batch."""
    objective = objective_of(name)
    _, state = started(objective)
    return jax.jit(lambda params, batch: objective.outputs(params, state, batch))


def losses_of(name, params, batch):
    """Return the losses and their numbers; the predicted ids are of the text, as many."""
    found = outputs(name)(params, batch)
    losses, asked = (np.asarray(found[f"{kind}/text"]) for kind in ("losses", "predicted"))
    np.testing.assert_array_equal(np.sum(asked >= 0, axis=1), losses[:, 1])
    text = batch["text"]
    for row, ids, segments in zip(asked, np.asarray(text.data), text.segments, strict=True):
        assert set(row[row >= 0]) <= set(ids[np.asarray(segments) > 0])
    return losses


def test_losses_of_gpt_for_evaluation_are_those_of_training():
    params, value = ready("gpt")
    (loss, aux), _ = value(params, batch_of())
    sums, counts = losses_of("gpt", params, batch_of()).T
    assert counts.sum() == float(aux.weight)
    np.testing.assert_allclose(sums.sum() / counts.sum(), loss, rtol=1e-5)


@pytest.mark.parametrize("name", ["roberta", "bert", "albert", "electra"])
def test_losses_of_hidden_words_depend_on_the_text_alone(name):
    """Not on its place in a batch, nor on what stands in the padding."""
    params, _ = ready(name)
    found = losses_of(name, params, batch_of())
    real = batch_of()["text"].segments.sum(axis=1)
    assert (found[:, 1] >= 1).all() and (found[:, 1] <= np.maximum(0.3 * real, 1)).all()
    assert 0.5 * math.log(24) < found[:, 0].sum() / found[:, 1].sum() < 2 * math.log(24)
    np.testing.assert_allclose(losses_of(name, params, batch_of(padding=17)), found, rtol=1e-5)
    turned = losses_of(name, params, batch_of(ids=ROWS[::-1].copy()))
    np.testing.assert_allclose(turned[::-1], found, rtol=1e-5)
