import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import MLP, DINOHead
from tests.models.jitted import apply, init

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (8, 6))


def shapes(**fields):
    params, stats = init(MLP(**fields), KEY, X)
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {jax.tree_util.keystr(k, simple=True, separator="/"): v.shape for k, v in leaves}, stats


def test_moco_has_no_batch_norm():
    params, stats = shapes(hidden=(5,), out=3, norm=False)
    assert params == {
        "linear_0/kernel": (6, 5),
        "linear_0/bias": (5,),
        "output/kernel": (5, 3),
        "output/bias": (3,),
    }
    assert stats == {}


def test_byol_has_one_in_the_middle():
    params, stats = shapes(hidden=(5,), out=3, output_bias=False)
    assert params == {
        "linear_0/kernel": (6, 5),
        "norm_0/scale": (5,),
        "norm_0/bias": (5,),
        "output/kernel": (5, 3),
    }
    assert stats.keys() == {"norm_0"}


def test_output_norms():
    names = {"none": set(), "plain": set(), "scale": {"scale"}, "affine": {"scale", "bias"}}
    for name, expected in names.items():
        params, stats = shapes(hidden=(), out=3, output_norm=name, output_bias=False)
        assert {p.split("/")[1] for p in params if p.startswith("output_norm")} == expected
        assert ("output_norm" in stats) == (name != "none")
    with pytest.raises(UserError, match="did you mean 'affine'"):
        shapes(hidden=(), out=3, output_norm="afine")


def test_a_head_is_linear_relu_linear():
    module = MLP(hidden=(5,), out=3, norm=False)
    params, stats = init(module, KEY, X)
    hidden = np.maximum(X @ params["linear_0"]["kernel"] + params["linear_0"]["bias"], 0)
    expected = hidden @ params["output"]["kernel"] + params["output"]["bias"]
    y, _ = apply(module, params, stats, X, train=True)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_plain_output_norm_whitens_each_feature():
    module = MLP(hidden=(16,), out=4, output_norm="plain")
    y, _ = apply(module, *init(module, KEY, X), X, train=True)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), 1, rtol=1e-3)


def test_output_is_float32_under_bfloat16():
    module = MLP(hidden=(5,), out=3, dtype="bfloat16")
    y, _ = apply(module, *init(module, KEY, X), X, train=True)
    assert y.dtype == jnp.float32


def test_dino_head_gives_cosines_to_its_prototypes():
    module = DINOHead(hidden=(5, 4), out=7, bottleneck=3)
    params, stats = init(module, KEY, X)
    y, _ = apply(module, params, stats, 5 * X, train=True)
    assert y.shape == (8, 7) and stats == {} and y.dtype == jnp.float32
    assert set(params) == {"linear_0", "linear_1", "bottleneck", "prototypes"}
    h = 5 * X
    for name in ("linear_0", "linear_1", "bottleneck"):
        h = h @ params[name]["kernel"] + params[name]["bias"]
        h = h if name == "bottleneck" else jax.nn.gelu(h, approximate=False)
    q = params["prototypes"]
    expected = (h / jnp.linalg.norm(h, axis=1, keepdims=True)) @ (q / jnp.linalg.norm(q, axis=0))
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-6)


def test_the_length_of_dino_prototypes_does_not_count():
    module = DINOHead(hidden=(5,), out=7, bottleneck=3)
    params, _ = init(module, KEY, X)
    longer = {**params, "prototypes": params["prototypes"] * jnp.arange(1.0, 8.0)}
    y, _ = apply(module, params, {}, X, train=True)
    np.testing.assert_allclose(apply(module, longer, {}, X, train=True)[0], y, rtol=1e-4, atol=1e-6)


def test_lengths_that_are_learned_are_the_g_of_weight_normalisation():
    """w = g v / |v|, of PyTorch's weight_norm: value and both gradients."""
    fixed = DINOHead(hidden=(5,), out=7, bottleneck=3)
    module = fixed.clone(learned_lengths=True)
    params, _ = init(module, KEY, X)
    np.testing.assert_array_equal(params["prototypes_length"], np.ones(7))
    lengths, v = jnp.arange(1.0, 8.0), params["prototypes"]
    towards = jax.random.normal(KEY, (8, 7))

    def value(lengths, v):
        moved = {**params, "prototypes": v, "prototypes_length": lengths}
        return jnp.sum(towards * apply(module, moved, {}, X, train=True)[0])

    alone = {name: params[name] for name in params if name != "prototypes_length"}
    cosines = apply(fixed, alone, {}, X, train=True)[0]
    got, (by_length, by_v) = jax.jit(jax.value_and_grad(value, argnums=(0, 1)))(lengths, v)
    np.testing.assert_allclose(got, np.sum(towards * cosines * lengths), rtol=1e-5)
    np.testing.assert_allclose(by_length, np.sum(towards * cosines, axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.sum(by_v * v, axis=0), 0, atol=1e-5)  # across v, whatever g is


def test_dino_head_takes_tokens_too():
    module = DINOHead(hidden=(5,), out=7, bottleneck=3, dtype="bfloat16")
    params, _ = init(module, KEY, X)
    tokens = jnp.stack([X, -X], axis=1)
    y, _ = apply(module, params, {}, tokens, train=True)
    assert y.shape == (8, 2, 7) and y.dtype == jnp.float32
    np.testing.assert_allclose(y[:, 0], apply(module, params, {}, X, train=True)[0], atol=2e-2)


def test_the_activation_may_be_gelu():
    module = MLP(hidden=(5,), out=3, norm=False, activation="gelu")
    params, stats = init(module, KEY, X)
    hidden = X @ params["linear_0"]["kernel"] + params["linear_0"]["bias"]
    hidden = jax.nn.gelu(hidden, approximate=False)
    expected = hidden @ params["output"]["kernel"] + params["output"]["bias"]
    y, _ = apply(module, params, stats, X, train=True)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match="unknown activation 'gellu'; did you mean 'gelu'"):
        shapes(hidden=(5,), out=3, activation="gellu")
