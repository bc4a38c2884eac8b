"""CoCa: its two losses against loops, and what a caption may see."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import build_objective
from ssljax.spec import Value
from tests.objectives.cases import CASES
from tests.objectives.conftest import PAIRS, outputs_of, trial
from tests.reference.losses import image_text

SECTION = {**CASES["coca"][1], "views": {"crop": {}}}


def changed(**fields):
    run = trial("coca").objective.run
    return build_objective(ConfigDict({**SECTION, **fields}), run)


def value_of(objective, batch):
    one = trial("coca")
    args = {"key": jax.random.key(0), "step": 0}
    return jax.jit(objective.value)(one.state.params, one.state.objective_state, batch, **args)


def captions(text, image):
    """Return the scores of the next token of each, [B, T, V]."""
    one = trial("coca")
    net, _ = one.objective.nets(one.state.params, one.state.objective_state, train=False)
    seen, _ = net.pooler(net.encoder(image).tokens)
    tokens = net.text_encoder(text).tokens
    features, words = net.decoder(tokens, seen, text.segments)
    return jnp.einsum("btd,vd->btv", features, words)


@pytest.fixture(scope="module")
def shown():
    batch = trial("coca").batches[0]
    image = (batch["image"].astype(np.float32) / 255 - 0.3) / 0.4
    return batch["text"], image


def test_the_loss_is_that_of_the_pairs_and_of_every_next_word(shown):
    batch, objective = trial("coca").batches[0], changed(contrastive_weight=0.5, caption_weight=3.0)
    loss, aux = value_of(objective, batch)
    outputs = outputs_of(
        objective, trial("coca").state.params, trial("coca").state.objective_state, batch
    )
    pairs = (np.asarray(outputs[f"projected/{name}"], np.float64) for name in ("image", "text"))
    contrastive = np.mean(image_text.clip(*pairs, temperature=0.07))

    scores, entropies = np.asarray(jax.jit(captions)(*shown), np.float64), []
    for row, segments in enumerate(batch["text"].segments):
        for at in range(int(segments.sum()) - 1):
            own = scores[row, at]
            entropies.append(np.log(np.sum(np.exp(own))) - own[batch["text"].data[row, at + 1]])
    np.testing.assert_allclose(aux.metrics["contrastive"], contrastive, rtol=1e-4)
    np.testing.assert_allclose(aux.metrics["caption"], np.mean(entropies), rtol=1e-5)
    np.testing.assert_allclose(loss, 0.5 * contrastive + 3 * np.mean(entropies), rtol=1e-4)
    blocked, _ = value_of(changed(words_block=4, logits_block=4), batch)
    np.testing.assert_allclose(blocked, value_of(changed(), batch)[0], rtol=1e-5)


def test_a_word_is_told_from_the_image_and_those_before_it(shown):
    """And from nothing after it: the gradient to what follows is 0."""
    text, image = shown
    ids = np.where(np.arange(text.data.shape[1]) < 6, text.data, 7)
    later = Value(ids, text.segments)
    before, after = (np.asarray(jax.jit(captions)(one, image)) for one in (text, later))
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert not np.allclose(before[:, 6:9], after[:, 6:9])
    other = jax.jit(captions)(text, image[::-1])
    assert np.abs(other - before)[:, 0].max() > 1e-4

    one = trial("coca")

    @jax.jit
    def slope(params):
        net, _ = one.objective.nets(params, one.state.objective_state, train=False)
        seen, _ = net.pooler(net.encoder(image).tokens)

        def sixth(tokens):
            return jnp.sum(net.decoder(tokens, seen, text.segments)[0][:, 5] ** 2)

        return jax.grad(sixth)(net.text_encoder(text).tokens)

    gradient = np.asarray(slope(one.state.params))
    assert (gradient[:, 6:] == 0).all() and (gradient[:, 5] != 0).any()


def test_padding_changes_no_caption(shown):
    text, image = shown
    noisy = Value(np.where(text.segments > 0, text.data, 9), text.segments)
    used = np.asarray(text.segments, bool)
    found, expected = (np.asarray(jax.jit(captions)(one, image))[used] for one in (noisy, text))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_decoder_trains_the_encoders_without_the_pairs():
    one, objective = trial("coca"), changed(contrastive_weight=0.0)

    def value(params):
        args = {"key": jax.random.key(0), "step": 0}
        return objective.value(params, one.state.objective_state, one.batches[0], **args)[0]

    gradient = jax.jit(jax.grad(value))(one.state.params)
    sizes = {
        name: sum(float(np.abs(leaf).sum()) for leaf in jax.tree.leaves(tree))
        for name, tree in gradient.items()
    }
    assert min(sizes[name] for name in ("encoder", "text_encoder", "pooler", "decoder")) > 0
    assert sizes["image_projector"] == sizes["text_projector"] == 0


def test_a_text_encoder_that_sees_what_follows_is_refused():
    run = trial("coca").objective.run
    seeing = build_encoder(
        {"name": "text_transformer", "length": 16, "width": 16, "depth": 1, "heads": 2},
        PAIRS.fields["text"],
    )
    with pytest.raises(UserError, match="coca needs config.encoders.text = .*'causal': True"):
        build_objective(ConfigDict(SECTION), dataclasses.replace(run, encoders={"text": seeing}))
    with pytest.raises(UserError, match="objective.decoder_heads=3 must divide encoders.text.wid"):
        changed(decoder_heads=3)
