"""DeepCluster-v2: banks by example id, labels from k-means on them, fixed prototypes."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from einops import rearrange
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import apply, build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.clustering.features import unit_features
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, EXAMPLES, SPEC, all_batches, trial


def test_refresh_labels_every_image_with_its_nearest_prototype():
    memory = trial("deepcluster_v2").state.objective_state
    for head, (prototypes, labels) in enumerate(
        zip(memory["prototypes"], memory["labels"], strict=True)
    ):
        bank = np.asarray(memory["banks"][head % 2], np.float64)
        np.testing.assert_allclose(np.linalg.norm(bank, axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(labels, np.argmax(bank @ np.asarray(prototypes).T, axis=1))
        assert len(labels) == EXAMPLES


def test_a_step_writes_the_features_of_its_images_and_no_others():
    one = trial("deepcluster_v2")
    state = one.step(one.state, one.batches[1])[0]
    ids = one.batches[1]["id"]
    others = np.setdiff1d(np.arange(EXAMPLES), ids)
    for before, after in zip(
        one.state.objective_state["banks"], state.objective_state["banks"], strict=True
    ):
        assert (np.abs(np.asarray(after - before))[ids].max(axis=1) > 1e-4).all()
        np.testing.assert_array_equal(after[others], before[others])
    jax.tree.map(
        np.testing.assert_array_equal,
        state.objective_state["prototypes"],
        one.state.objective_state["prototypes"],
    )


def test_the_projector_sees_views_of_all_sizes_together_and_the_encoder_each_size_alone():
    one, key = trial("deepcluster_v2"), jax.random.key(2)
    params, stats = one.state.params, one.state.objective_state["stats"]

    def expected(stats):
        """src/resnet50.py of facebookresearch/swav: forward_backbone by size, then forward_head."""
        groups = one.objective.views(key, one.batches[0]).values()
        pooled = []
        for views in groups:
            flat = rearrange(views, "b v h w c -> (b v) h w c")
            output, stats = _apply(one, "encoder", params, stats, flat)
            pooled.append(rearrange(output.pooled, "(b v) d -> b v d", b=BATCH))
        pooled = rearrange(jnp.concatenate(pooled, axis=1), "b v d -> (b v) d")
        z, stats = _apply(one, "projector", params, stats, pooled)
        z /= jnp.linalg.norm(z, axis=1, keepdims=True)
        return rearrange(z, "(b v) d -> v b d", b=BATCH), stats

    @jax.jit
    def found(stats):
        net, _ = one.objective.nets(params, {"stats": stats})
        return unit_features(net, one.objective.views(key, one.batches[0])), net.stats

    got = found(stats)
    wanted = jax.jit(expected)(stats)
    assert len(got[0]) == 4  # two large views, two small ones
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), got, wanted)


def _apply(one, name, params, stats, inputs):
    module = one.objective.networks[name]
    output, own = apply(module, params[name], stats[name], inputs, train=True)
    return output, {**stats, name: own}


def test_equal_scores_give_log_k():
    one = trial("deepcluster_v2")
    zeros = [jnp.zeros_like(p) for p in one.state.objective_state["prototypes"]]
    memory = {**one.state.objective_state, "prototypes": zeros}
    loss, _ = jax.jit(
        lambda memory: one.objective.value(
            one.state.params, memory, one.batches[0], key=jax.random.key(0), step=0
        )
    )(memory)
    assert float(loss) == pytest.approx((math.log(6) + math.log(4)) / 2, rel=1e-5)


def test_refresh_is_due_once_an_epoch():
    objective = trial("deepcluster_v2").objective
    due = [step for step in range(8) if objective.refresh_due(step)]
    assert due == [0, 3, 6] and EXAMPLES // BATCH == 3


def test_refresh_is_a_function_of_state_and_key():
    one = trial("deepcluster_v2")
    first = one.objective.refresh(one.state, all_batches, key=jax.random.key(1))
    again = one.objective.refresh(one.state, all_batches, key=jax.random.key(1))
    jax.tree.map(np.testing.assert_array_equal, first.objective_state, again.objective_state)


def test_more_prototypes_than_images_are_refused():
    encoder, section = CASES["deepcluster_v2"]
    run = Run(build_encoder(encoder), SPEC, steps=10, batch_size=BATCH)
    with pytest.raises(UserError, match=f"there are only {EXAMPLES} examples"):
        build_objective(ConfigDict({**section, "prototypes": (64,)}), run)
