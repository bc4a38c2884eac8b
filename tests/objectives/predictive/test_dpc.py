"""DPC: what predicts what, the recurrent predictor, and what cannot be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import DensePredictor, build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import Field, Spec
from tests.models.jitted import apply, init
from tests.objectives.cases import CASES


def objective_of(length, encoder=(), **fields):
    field = Field("video", (length, 8, 8, 1), "uint8", mean=(0.0,), std=(1.0,))
    own, section = CASES["dpc"]
    encoder = build_encoder(dict(encoder) or own, field)
    run = Run(encoder, Spec({"video": field}, 9), steps=10, batch_size=4)
    return build_objective(ConfigDict({**section, "views": {"crop": {}}, **fields}), run)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_the_predictor_is_the_recurrence_written_out():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    module = DensePredictor(steps=2)
    params, _ = init(module, jax.random.key(0), maps)
    for kernel in (params["update"]["kernel"], params["hidden"]["kernel"]):
        np.testing.assert_allclose(kernel.T @ kernel, np.eye(5), atol=1e-5)  # orthogonal
    made, _ = apply(module, params, {}, maps, train=False)

    def affine(name, x):
        return x @ np.asarray(params[name]["kernel"]) + np.asarray(params[name]["bias"])

    def step(x, h):
        both = np.concatenate([x, h])
        update, reset = sigmoid(affine("update", both)), sigmoid(affine("reset", both))
        return (1 - update) * h + update * np.tanh(affine("out", np.concatenate([x, reset * h])))

    for b in range(2):
        for place in range(4):
            h = np.zeros(5)
            for time in range(3):
                h = step(maps[b, time, place], h)
            first = affine("output", np.maximum(affine("hidden", h), 0))
            second = step(np.maximum(first, 0), h)
            second = affine("output", np.maximum(affine("hidden", second), 0))
            np.testing.assert_allclose(made[b, :, place], [first, second], atol=1e-4)


def test_predictions_see_the_first_blocks_alone():
    objective = objective_of(8, blocks=4, predicted=2)
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))

    @jax.jit
    def predictions(clips):
        net, _ = objective.nets(params, {"stats": {}}, train=False)
        return objective.predictions(net, clips)

    clips = np.random.default_rng(1).normal(size=(2, 8, 8, 8, 1)).astype(np.float32)
    predicted, target = predictions(clips)
    assert predicted.shape == target.shape == (2, 2 * 4, 16)  # two maps of 2 x 2 places
    first = np.arange(8)[:, None, None, None] < 4
    later, changed = predictions(np.where(first, clips, 0))
    np.testing.assert_array_equal(later, predicted)
    assert not np.allclose(changed, target, atol=1e-2)
    earlier, same = predictions(np.where(first, 0, clips))
    np.testing.assert_array_equal(same, target)
    assert not np.allclose(earlier, predicted, atol=1e-3)


def test_a_map_is_the_mean_over_the_times_of_its_block():
    objective = objective_of(8, blocks=2, frames=4, predicted=1)
    tokens = jnp.arange(2 * 2 * 8.0).reshape(4, 8, 1)  # of 2 clips, 2 blocks: 2 times, 4 places

    class Net:
        def encoder(self, parts):
            assert parts.shape == (4, 4, 8, 8, 1)
            return type("Encoded", (), {"tokens": tokens})

    maps = objective.maps(Net(), jnp.zeros((2, 8, 8, 8, 1)))
    np.testing.assert_array_equal(maps[0, 1, :, 0], [10, 11, 12, 13])  # of 8..11 and 12..15


def test_a_residual_network_of_videos_has_maps_too():
    r3d = {"name": "resnet3d", "stage_sizes": (1, 1), "temporal_kernels": (1, 3), "width": 4}
    objective = objective_of(8, {**r3d, "stem": "small_stride2"}, blocks=2, frames=4, predicted=1)
    params, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    assert params["predictor"]["update"]["kernel"].shape == (2 * 32, 32)

    def see(key):
        params, state = objective.init(key, key)
        net, _ = objective.nets(params, state, train=False)
        return objective.predictions(net, jnp.zeros((2, 8, 8, 8, 1)))

    predicted, target = jax.eval_shape(see, jax.random.key(0))
    assert predicted.shape == target.shape == (2, 4, 32)  # 8 pixels -> 4 -> 2


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"blocks": 3}, "are 6 frames, and the clips have 8; set config.data.length=6"),
        ({"blocks": 4, "predicted": 4}, "predicted=4 must be below objective.blocks=4"),
        ({"blocks": 4, "views": {"crop": {"count": 2}}}, "takes 1"),
    ],
)
def test_what_cannot_be(fields, why):
    with pytest.raises(UserError, match=why):
        objective_of(8, **fields)
