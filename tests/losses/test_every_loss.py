"""What every loss has to satisfy; the table is in cases/."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.test_util import check_grads, check_jvp, check_vjp

from tests.losses.cases import BATCH, CASES

every_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def split(case, inputs):
    trained = {name: inputs[name] for name in case.trained}
    return trained, {name: value for name, value in inputs.items() if name not in trained}


@functools.cache
def compiled_gradient(case):
    def weighted(trained, rest, weights):
        loss = case({**trained, **rest})
        return jnp.sum(loss * weights), loss

    return jax.jit(jax.value_and_grad(weighted, has_aux=True))


def value_and_gradient(case, inputs, weights=None):
    if weights is None:  # unequal ones, so that no row is mixed up
        weights = np.ones(()) if case.scalar else np.linspace(0.5, 1.5, BATCH)
    (_, loss), gradient = compiled_gradient(case)(*split(case, inputs), weights)
    return loss, gradient


@every_loss
def test_equals_the_loop_in_float64(case):
    with jax.enable_x64(True):
        inputs = case.inputs(dtype=np.float64)
        loss = case(inputs)
        assert loss.shape == (() if case.scalar else (BATCH,)) and loss.dtype == jnp.float64
        np.testing.assert_allclose(loss, case.reference(**inputs, **case.options), rtol=1e-10)


@every_loss
def test_gradient_is_the_slope(case):
    with jax.enable_x64(True):
        trained, rest = split(case, case.inputs(dtype=np.float64))

        def loss(trained):
            return case({**trained, **rest})

        def pulled_back(trained):  # by the gradient that the other tests have compiled
            loss, _ = value_and_gradient(case, {**trained, **rest})
            return loss, lambda to: (value_and_gradient(case, {**trained, **rest}, to)[1],)

        if "fwd" in case.modes:
            pushed_forward = jax.jit(lambda point, along: jax.jvp(loss, point, along))
            check_jvp(loss, pushed_forward, (trained,), rtol=1e-5)
        if "rev" in case.modes:
            check_vjp(loss, pulled_back, (trained,), rtol=1e-5)


@every_loss
def test_gradient_in_float32_is_that_in_float64(case):
    """Terms that cancel in exact arithmetic may leave nothing of a gradient in float32."""
    inputs = case.inputs()
    single = value_and_gradient(case, inputs)[1]
    with jax.enable_x64(True):
        wide = {k: v.astype(np.float64) if k in case.shapes else v for k, v in inputs.items()}
        double = value_and_gradient(case, wide)[1]
    for name, gradient in single.items():
        scale = np.abs(double[name]).max()
        np.testing.assert_allclose(gradient, double[name], rtol=1e-3, atol=1e-5 * scale)


@every_loss
def test_no_gradient_reaches_the_target(case):
    inputs = case.inputs()
    targets = {name: inputs[name] for name in case.targets}
    gradient = jax.jit(jax.grad(lambda t: jnp.sum(case({**inputs, **t}))))(targets)
    for name, value in gradient.items():
        assert not np.any(value), name


@every_loss
def test_bfloat16_is_accumulated_in_float32(case):
    half = {
        name: jnp.asarray(value, jnp.bfloat16) if name in case.shapes else value
        for name, value in case.inputs().items()
    }
    loss, gradient = value_and_gradient(case, half)
    assert loss.dtype == jnp.float32
    assert all(value.dtype == jnp.bfloat16 for value in gradient.values())
    rounded = {name: np.asarray(value, np.float64) for name, value in half.items()}
    exact = rounded | case.extra
    np.testing.assert_allclose(loss, case.reference(**exact, **case.options), rtol=2e-6, atol=2e-6)


@every_loss
@pytest.mark.parametrize("kind", ["zero", "collapsed", "opposite", "huge", "tiny", "one huge"])
def test_extreme_inputs_stay_finite(case, kind):
    row = np.linspace(-1, 1, 6, dtype=np.float32)
    inputs = case.inputs()
    for position, name in enumerate(case.shapes):
        value = inputs[name]
        inputs[name] = {
            "zero": np.zeros_like(value),
            "collapsed": np.broadcast_to(row, value.shape),
            "opposite": np.broadcast_to(row * (-1) ** position, value.shape),
            "huge": value * np.float32(case.largest),
            "tiny": value * np.float32(1e-38),
            "one huge": np.where(np.arange(6) == 2, np.float32(case.largest), value),
        }[kind]
    loss, gradient = value_and_gradient(case, inputs)
    assert np.isfinite(loss).all()
    assert all(np.isfinite(value).all() for value in gradient.values())


@every_loss
def test_eight_devices_give_what_one_gives(case):
    inputs = case.inputs()
    mesh = Mesh(jax.devices(), ("data",))
    rows, everywhere = PartitionSpec("data"), PartitionSpec()
    placed = {
        name: jax.device_put(
            value, NamedSharding(mesh, everywhere if name in case.shared else rows)
        )
        for name, value in inputs.items()
    }
    jax.tree.map(
        lambda one, eight: np.testing.assert_allclose(one, eight, rtol=1e-5, atol=1e-6),
        value_and_gradient(case, inputs),
        value_and_gradient(case, placed),
    )


@every_loss
def test_follows_a_permutation_of_the_batch(case):
    inputs, order = case.inputs(), np.random.default_rng(3).permutation(BATCH)
    permuted = {
        name: value if name in case.shared else value[order] for name, value in inputs.items()
    }
    expected, found = (np.asarray(value_and_gradient(case, x)[0]) for x in (inputs, permuted))
    expected = expected if case.scalar else expected[order]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@every_loss
def test_integers_are_refused_by_name(case):
    for name in case.shapes:
        inputs = case.inputs()
        inputs[name] = inputs[name].astype(np.uint8)
        with pytest.raises(TypeError, match=f"{name} must be of a float dtype, got uint8"):
            case(inputs)


@every_loss
def test_other_shapes_are_refused_by_name(case):
    for name in [name for name in list(case.shapes)[1:] if name not in case.first]:
        inputs = case.inputs()
        inputs[name] = inputs[name][..., :-1]
        with pytest.raises(ValueError, match=rf"{name} must have shape .* [DKZ] = 6, as in .*5\]"):
            case(inputs)


@every_loss
def test_an_empty_batch_is_refused(case):
    inputs = {
        name: value if name in case.shared else value[:0] for name, value in case.inputs().items()
    }
    with pytest.raises(ValueError, match=f"{next(iter(case.shapes))} must not be empty"):
        case(inputs)


# What the others of the batch enter the loss for: one example alone would have a gradient of 0.
COMPARING = "nt_xent", "batch_info_nce", "dcl", "dclw", "sup_con", "clip", "barlow_twins", "vicreg"


@pytest.mark.parametrize("name", [*COMPARING, "koleo"])
def test_an_example_alone_is_refused_where_nothing_is_left_to_compare(name):
    inputs = CASES[name].inputs()
    alone = {key: value[:1] for key, value in inputs.items()}
    first = next(iter(CASES[name].shapes))
    with pytest.raises(ValueError, match=f"{first} must hold at least 2 examples"):
        CASES[name](alone)


with_temperature = {name: c for name, c in CASES.items() if "temperature" in c.options}
learns_temperature = {name: c for name, c in with_temperature.items() if not c.sharpens}


@pytest.mark.parametrize("case", with_temperature.values(), ids=with_temperature)
@pytest.mark.parametrize("temperature", [0.0, -0.1, float("nan")])
def test_temperature_has_to_be_positive(case, temperature):
    with pytest.raises(ValueError, match=f"temperature must be positive, got {temperature}"):
        case.loss(**case.inputs(), **{**case.options, "temperature": temperature})


@pytest.mark.parametrize("case", learns_temperature.values(), ids=learns_temperature)
def test_temperature_can_be_learned(case):
    with jax.enable_x64(True):
        inputs = case.inputs(dtype=np.float64)
        loss = jax.jit(lambda t: case.loss(**inputs, **{**case.options, "temperature": t}))
        check_grads(loss, (0.3,), order=1, modes=["rev"], rtol=1e-5)
