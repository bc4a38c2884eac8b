"""Binding several fields to one: each term is that of the examples that have its two fields."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.losses import clip
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import PRESENCE, presence_of
from ssljax.training.sharding import AXES, batch_sharding, make_mesh
from tests.objectives.cases.paired import TEXT
from tests.objectives.cases.small import POOLED_VIT
from tests.objectives.conftest import AUDIO, BATCH, EXAMPLES, PAIRS, SPECS, make_batch, started

SOUND = {"name": "audio_transformer", "patch_time": 4, "patch_bands": 4, "frames": 8, "bands": 8}
SOUND |= {"width": 16, "depth": 1, "heads": 2}
PRESENT = {
    "image": np.arange(BATCH) % 5 != 1,
    "text": np.arange(BATCH) % 3 != 2,
    "audio": np.arange(BATCH) % 4 < 2,
}


def bind(present=(), **fields):
    spec = PAIRS.replace(audio=AUDIO, **{presence_of(name): PRESENCE for name in present})
    sections = {"text": TEXT, "audio": SOUND}
    run = Run(
        encoder=build_encoder(ConfigDict(POOLED_VIT), spec.fields["image"]),
        encoders={
            name: build_encoder(ConfigDict(section), spec.fields[name])
            for name, section in sections.items()
        },
        spec=spec,
        steps=10,
        batch_size=BATCH,
    )
    assert spec.num_examples == EXAMPLES
    return build_objective({"name": "bind", "projector_dim": 8, **fields}, run)


def batch_of(present=()):
    sound = make_batch(0, SPECS["audio"])["audio"]
    flags = {presence_of(name): PRESENT[name] for name in present}
    return {**make_batch(0, PAIRS), "audio": sound, **flags}


TEMPERATURE, WEIGHTS = {"text": 0.5, "audio": 0.1}, {"text": 1.0, "audio": 0.25}


@functools.cache
def made():
    """Return an objective, parameters, a state, and the function of its loss: compiled once."""
    views = {"crop": {"count": 1, "crop_scale": (1.0, 1.0), "flip": 0.0}}  # nothing is drawn
    fields = {"temperature": TEMPERATURE, "weights": {"audio": WEIGHTS["audio"]}}
    objective = bind(PRESENT, views=views, **fields)
    params, state = started(objective)

    def value(params, batch):
        return objective.value(params, state, batch, key=jax.random.key(3), step=0)

    return objective, params, state, jax.jit(jax.value_and_grad(value, has_aux=True))


def value_of(params, batch):
    (loss, aux), gradient = made()[3](params, batch)
    return float(loss), aux.metrics, gradient


def test_each_term_is_that_of_the_examples_with_both_fields():
    objective, params, state, _ = made()
    loss, metrics, gradient = value_of(params, batch_of(PRESENT))

    @jax.jit
    def projected(params):
        net, _ = objective.nets(params, state)
        return objective.project(net, jax.random.key(3), batch_of())

    z, total = projected(params), 0.0
    for name, weight in WEIGHTS.items():
        whole = PRESENT["image"] & PRESENT[name]
        assert 2 < whole.sum() < BATCH
        image, other = z["image"][whole], z[name][whole]
        expected = 2 * clip(image, other, temperature=TEMPERATURE[name]).mean()
        np.testing.assert_allclose(metrics[f"loss/{name}"], expected, rtol=1e-5)
        np.testing.assert_allclose(metrics[f"pairs/{name}"], whole.mean())
        total += weight * expected
    np.testing.assert_allclose(loss, total, rtol=1e-5)

    mesh = make_mesh(dict(zip(AXES, (8, 1, 1), strict=True)))
    with jax.set_mesh(mesh):
        placed = jax.device_put(batch_of(PRESENT), batch_sharding(mesh))
        of_eight, _, shared = value_of(params, placed)
    np.testing.assert_allclose(of_eight, loss, rtol=1e-5)
    largest = max(float(jnp.linalg.norm(leaf)) for leaf in jax.tree.leaves(gradient))
    for one, two in zip(jax.tree.leaves(shared), jax.tree.leaves(gradient), strict=True):
        np.testing.assert_allclose(one, two, atol=2e-5 * largest)


def test_what_stands_in_for_a_missing_field_changes_nothing():
    params, batch = made()[1], batch_of(PRESENT)
    loss, _, gradient = value_of(params, batch)
    other = {**batch, "audio": np.where(PRESENT["audio"][:, None], batch["audio"], 77)}
    again, _, same = value_of(params, other)
    np.testing.assert_allclose(again, loss, rtol=1e-6)
    largest = max(float(jnp.linalg.norm(leaf)) for leaf in jax.tree.leaves(gradient))
    for one, two in zip(jax.tree.leaves(same), jax.tree.leaves(gradient), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5 * largest)
    none = {**batch, presence_of("audio"): np.zeros(BATCH, bool)}
    _, metrics, gradient = value_of(params, none)
    assert float(metrics["loss/audio"]) == 0 and float(metrics["loss/text"]) > 0
    silent = gradient["audio_encoder"], gradient["audio_projector"]
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(silent))


def test_equal_features_give_the_logarithm_of_the_batch_in_each_direction():
    params = dict(made()[1])
    for name in WEIGHTS:  # all projections of a field are 0
        params[f"{name}_projector"] = jax.tree.map(jnp.zeros_like, params[f"{name}_projector"])
    everywhere = {presence_of(name): np.ones(BATCH, bool) for name in PRESENT}
    loss, metrics, _ = value_of(params, {**batch_of(), **everywhere})
    np.testing.assert_allclose(metrics["loss/text"], 2 * np.log(BATCH), rtol=1e-6)
    np.testing.assert_allclose(loss, 2.5 * np.log(BATCH), rtol=1e-6)


def test_all_fields_have_outputs_in_the_common_space():
    objective, params, state, _ = made()
    found = jax.eval_shape(objective.outputs, params, state, batch_of())
    common = [f"projected/{name}" for name in ("image", "text", "audio")]
    assert {found[name].shape for name in common} == {(BATCH, 8)}
    alone = jax.eval_shape(objective.outputs, params, state, {"audio": batch_of()["audio"]})
    assert set(alone) == {"audio", "projected/audio", "tokens/audio"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"weights": {"speech": 1.0}}, "unknown field of objective.weights 'speech'"),
        ({"temperature": {"image": 1.0}}, "unknown field of objective.temperature 'image'"),
        ({"temperature": {"text": 1.0}}, "objective.temperature lacks audio"),
        ({"temperature": {"text": 0.0, "audio": 1.0}}, "temperature.text=0.0"),
    ],
)
def test_fields_that_are_not_bound_are_named(fields, said):
    with pytest.raises(UserError, match=said):
        bind(**fields)


def test_two_fields_suffice():
    objective = bind()
    run = dataclasses.replace(objective.run, encoders={"audio": objective.run.encoders["audio"]})
    two = dataclasses.replace(objective, run=run)
    assert set(two.modules()) == {"encoder", "audio_encoder", "image_projector", "audio_projector"}
