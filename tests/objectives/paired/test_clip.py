"""CLIP: two encoders by field, the learned scale, and what each field alone gives."""

import dataclasses
import functools
import math

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.losses import clip
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.views import plain
from ssljax.spec import Value
from ssljax.training.config import complete
from ssljax.training.experiment import build
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import make_train_step
from tests.objectives.cases import CASES, FURTHER, config_of
from tests.objectives.conftest import BATCH, PAIRS, SPEC, outputs_of, texts, trial

ENCODER, SECTION = CASES["clip"]
TEXT = FURTHER["clip"]["text"]


def changed(**fields):
    return build_objective(ConfigDict({**SECTION, **fields}), trial("clip").objective.run)


def test_a_field_alone_gives_the_outputs_that_it_gives_beside_the_other():
    one = trial("clip")
    state, batch = one.state, one.batches[0]
    outputs = jax.jit(one.objective.outputs)
    both = outputs(state.params, state.objective_state, batch)
    assert set(both) == {
        *("image", "text", "projected/image", "projected/text", "tokens/image", "tokens/text")
    }
    for name in ("image", "text"):
        alone = outputs(state.params, state.objective_state, {name: batch[name]})
        assert set(alone) == {name, f"projected/{name}", f"tokens/{name}"}
        for key, found in alone.items():
            np.testing.assert_allclose(found, both[key], rtol=1e-5, atol=1e-6)
    first = next(iter(outputs_of(one.objective, state.params, state.objective_state, batch)))
    assert first == "image"  # what evaluation sees by default


def test_the_loss_is_that_of_the_projections_at_the_learned_scale():
    one = dataclasses.replace(trial("clip"), objective=changed(views={"crop": {}}))
    objective, state, batch = one.objective, one.state, one.batches[0]
    args = {"key": jax.random.key(0), "step": 0}
    loss, aux = jax.jit(objective.value)(state.params, state.objective_state, batch, **args)
    outputs = outputs_of(objective, state.params, state.objective_state, batch)
    loss_of = jax.jit(functools.partial(clip, temperature=0.07))
    expected = loss_of(outputs["projected/image"], outputs["projected/text"])
    np.testing.assert_allclose(loss, expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["scale"], 1 / 0.07, rtol=1e-6)


@pytest.mark.parametrize(("value", "kept"), [(9.0, math.log(100)), (-1.0, 0.0), (2.0, 2.0)])
def test_the_scale_is_kept_between_1_and_its_largest(value, kept):
    one = trial("clip")
    params = {**one.state.params, "scale": {"value": np.float32(value)}}
    after, _ = one.objective.advance(params, one.state.objective_state, {}, step=0)
    np.testing.assert_allclose(after["scale"]["value"], kept, rtol=1e-6)


def test_the_scale_has_no_weight_decay_and_projections_have_no_bias():
    params = trial("clip").state.params
    optimizer = build_optimizer({"weight_decay": 0.2}, steps=10, batch_size=16, params=params)
    assert optimizer.param_groups["scale/value"].weight_decay == 0
    assert optimizer.param_groups["text_projector/output/kernel"].weight_decay == 0.2
    for name in ("image_projector", "text_projector"):
        assert set(params[name]["output"]) == {"kernel"}


def test_padding_of_texts_changes_nothing():
    one = trial("clip")
    state, batch = one.state, one.batches[0]
    text = batch["text"]
    noise = np.random.default_rng(0).integers(0, 256, text.data.shape)
    noisy = Value(np.where(text.segments > 0, text.data, noise).astype(np.int32), text.segments)
    outputs = jax.jit(one.objective.outputs)
    found, other = (
        outputs(state.params, state.objective_state, {"text": each})["text"]
        for each in (text, noisy)
    )
    np.testing.assert_allclose(found, other, rtol=1e-5, atol=1e-6)
    longest = int(text.segments.sum(axis=1).max())
    cut = Value(text.data[:, :longest], text.segments[:, :longest])
    field = PAIRS.fields["text"].replace(shape=(longest,))
    encoder, own = one.objective.run.encoders["text"], state.params["text_encoder"]
    seen = plain(cut, field)
    short = encoder.apply({"params": own}, seen.data, segments=seen.segments, train=False)
    np.testing.assert_allclose(found, short.pooled, rtol=1e-5, atol=1e-6)


def test_a_pair_is_told_from_the_others_after_training():
    """The digits of a batch have ten texts: those of the same digit are equally good."""
    one = trial("clip")
    options = {"learning_rate": 0.003, "schedule": "constant"}
    params = one.state.params
    optimizer = build_optimizer(options, steps=200, batch_size=BATCH, params=params).transform
    step = jax.jit(make_train_step(one.objective, optimizer, seed=0))
    state = one.state.replace(opt_state=optimizer.init(params))
    for _ in range(200):
        state, _ = step(state, one.batches[0])
    outputs = outputs_of(one.objective, state.params, state.objective_state, one.batches[0])
    similar = outputs["projected/image"] @ outputs["projected/text"].T
    partner = np.diag(similar)
    assert np.mean(partner >= similar.max(axis=1) - 1e-5) > 0.9


def run_of(**changes):
    fields = {"encoder": build_encoder(ENCODER, SPEC.fields["image"]), "spec": PAIRS, "steps": 10}
    return Run(**{**fields, "batch_size": 16, **changes})


@pytest.mark.parametrize(
    ("further", "said"),
    [
        ((), "CLIP needs an encoder of each of two fields, and config.encoder reads 'image'"),
        (("image",), "config.encoders.image reads the field that config.encoder reads"),
        (("text", "label"), "CLIP compares two fields, and config.encoders has text, label"),
    ],
)
def test_other_encoders_than_of_two_fields_are_refused(further, said):
    run = run_of(encoders=dict.fromkeys(further, trial("clip").objective.run.encoders["text"]))
    with pytest.raises(UserError, match=said):
        build_objective(ConfigDict(SECTION), run)


def test_an_encoder_that_nothing_uses_is_refused():
    run = run_of(encoders=trial("clip").objective.run.encoders)
    with pytest.raises(UserError, match="config.encoders has an encoder of 'text', and config.obj"):
        build_objective(ConfigDict(CASES["simclr"][1]), run)


@pytest.mark.parametrize("fields", [{"temperature": 0.001}, {"temperature": 2.0}])
def test_a_scale_out_of_its_range_is_named(fields):
    with pytest.raises(UserError, match="objective.temperature=.* must lie between 1 and .*=100"):
        changed(**fields)


@pytest.mark.parametrize(
    ("encoders", "spec", "said"),
    [
        ({"text": TEXT}, SPEC, "config.encoders.text encodes the field 'text', and the data have"),
        ({"caption": TEXT}, PAIRS, "the data have image .image., text .text."),
        ({"text": ENCODER}, PAIRS, "encoders.text.name='vit' encodes image data, and the data"),
        ({"text": {**TEXT, "heads": 3}}, PAIRS, "encoders.text.heads=3 must divide encoders.text"),
        ({"text": {"name": "ts2vec"}}, PAIRS, "encoders.text.name='ts2vec' encodes series data"),
        ({"text": {"width": 3}}, PAIRS, "encoders.text lacks encoders.text.name"),
        ({"text": {**TEXT, "widht": 3}}, PAIRS, "did you mean 'encoders.text.width'"),
    ],
)
def test_encoders_that_do_not_fit_the_data_are_named(encoders, spec, said):
    config = complete({**config_of("clip"), "encoders": encoders})
    with pytest.raises(UserError, match=said):
        build(config, spec)


def test_texts_reach_the_objective_in_batches_of_the_run():
    experiment = build(complete(config_of("clip")))
    batch = experiment.pipeline().batch(0)
    names = "zero one two three four five six seven eight nine".split()
    for row in range(4):
        kept = batch["text"].data[row][batch["text"].segments[row] > 0]
        label = experiment.source[int(batch["id"][row])]["label"]
        assert bytes(kept.astype(np.uint8)).decode() == f"the {names[label]}"
    expected = texts([f"the {names[experiment.source[int(batch['id'][0])]['label']]}"])
    np.testing.assert_array_equal(batch["text"].data[:1], expected.data)
    placed = experiment.put(batch)
    assert placed["text"].segments.sharding.is_equivalent_to(placed["id"].sharding, 1)
