"""SigLIP and what all objectives of two fields share: learned numbers, frozen towers."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax import losses
from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import build_objective
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import init_state
from tests.objectives.cases import CASES
from tests.objectives.conftest import outputs_of, trial


def changed(case="siglip", **fields):
    return build_objective(ConfigDict({**CASES[case][1], **fields}), trial(case).objective.run)


def value(objective, state, batch):
    args = {"key": jax.random.key(0), "step": 0}
    return objective.value(state.params, state.objective_state, batch, **args)


@pytest.mark.parametrize("block", [0, 4])
def test_the_loss_is_that_of_the_projections_at_the_learned_numbers(block):
    one = trial("siglip")
    objective, batch = changed(views={"crop": {}}, logits_block=block), one.batches[0]
    params = {**one.state.params, "bias": {"value": np.float32(-3.0)}}
    run = jax.jit(functools.partial(value, objective))
    loss, aux = run(dataclasses.replace(one.state, params=params), batch)
    outputs = outputs_of(objective, params, one.state.objective_state, batch)
    image, text = outputs["projected/image"], outputs["projected/text"]
    expected = jax.jit(functools.partial(losses.siglip, temperature=0.1, bias=-3.0))(image, text)
    np.testing.assert_allclose(loss, expected.mean(), rtol=1e-5)
    np.testing.assert_allclose([aux.metrics["scale"], aux.metrics["bias"]], [10, -3], rtol=1e-6)


def test_scale_and_bias_have_no_weight_decay():
    params = trial("siglip").state.params
    optimizer = build_optimizer({"weight_decay": 0.2}, steps=10, batch_size=16, params=params)
    for path in ("scale/value", "bias/value", "text_projector/output/bias"):
        assert optimizer.param_groups[path].weight_decay == 0


def test_a_frozen_tower_gets_no_gradient_and_keeps_its_statistics():
    one = trial("siglip")
    resnet = build_encoder(
        {"name": "resnet", "width": 4, "stage_sizes": (1,)}, one.objective.run.field
    )
    run = dataclasses.replace(one.objective.run, encoder=resnet)
    section, batch = CASES["siglip"][1], one.batches[0]
    found = {}
    for freeze in ((), ("image",), ("text",)):
        objective = build_objective(ConfigDict({**section, "freeze": freeze}), run)
        optimizer = build_optimizer(
            {},
            steps=10,
            batch_size=16,
            params=jax.eval_shape(objective.init_networks, jax.random.key(0))[0],
        )
        state = jax.jit(lambda o=objective, t=optimizer.transform: init_state(o, t, seed=0))()
        value_and_grad = jax.jit(
            jax.value_and_grad(
                lambda params, o=objective, s=state: _loss(o, params, s, batch), has_aux=True
            )
        )
        (_, carry), gradient = value_and_grad(state.params)
        moved = {
            name: any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient[name]))
            for name in ("encoder", "text_encoder", "image_projector", "text_projector")
        }
        before = state.objective_state["stats"]["encoder"]
        still = jax.tree.map(np.array_equal, before, carry["stats"]["encoder"])
        found[freeze] = moved, all(jax.tree.leaves(still))
        assert objective.frozen == tuple(
            {"image": "encoder", "text": "text_encoder"}[n] for n in freeze
        )
    everything = dict.fromkeys(
        ("encoder", "text_encoder", "image_projector", "text_projector"), True
    )
    assert found[()] == (everything, False)
    assert found[("image",)] == ({**everything, "encoder": False}, True)
    assert found[("text",)] == ({**everything, "text_encoder": False}, False)


def _loss(objective, params, state, batch):
    loss, aux = value(objective, dataclasses.replace(state, params=params), batch)
    return loss, aux.carry


def test_without_a_projection_features_are_compared_as_they_are():
    one = trial("siglip, frozen")
    assert "image_projector" not in one.state.params
    outputs = outputs_of(one.objective, one.state.params, one.state.objective_state, one.batches[0])
    unit = np.array(outputs["image"])
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    np.testing.assert_allclose(outputs["projected/image"], unit, rtol=1e-5, atol=1e-6)


def test_a_common_space_of_another_size_is_refused():
    objective = changed("siglip, frozen", projector_dim=8)
    with pytest.raises(
        UserError, match="projector_dim=8 must be 16, the size of the features of 'im"
    ):
        jax.eval_shape(objective.init_networks, jax.random.key(0))


def test_a_frozen_field_that_is_not_there_is_named():
    with pytest.raises(UserError, match="field of objective.freeze 'txt'; did you mean 'text'"):
        changed(freeze=("txt",))
