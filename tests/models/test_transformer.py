import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.models import Transformer, stack_blocks
from ssljax.models.transformer import Attention, LayerNorm
from tests.models.jitted import apply, init, scrambled
from tests.reference import models as reference

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (2, 5, 8))
trunk = functools.partial(Transformer, depth=3, heads=2)


def run(module, params, x=X, **kwargs):
    return apply(module, params, {}, x, **{"train": False, **kwargs})[0]


def test_against_numpy():
    module = trunk(scan=False)
    params = scrambled(init(module, KEY, X)[0])
    x = np.asarray(X[0], np.float64)
    for i in range(3):
        x = reference.transformer_block(x, params[f"block_{i}"], heads=2)
    expected = reference.layer_norm(x, **params["norm"])
    np.testing.assert_allclose(run(module, params)[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fields", [{}, {"qk_norm": True, "layer_scale": 0.1}])
@pytest.mark.parametrize("activation", ["gelu", "swiglu"])
def test_scan_and_unrolled_agree_in_value_and_gradient(activation, fields):
    unrolled, scanned = (trunk(scan=s, activation=activation, **fields) for s in (False, True))
    params = scrambled(init(unrolled, KEY, X)[0])
    stacked = stack_blocks(params)
    assert jax.tree.structure(stacked) == jax.tree.structure(init(scanned, KEY, X)[0])

    def loss(module):
        return jax.jit(jax.value_and_grad(lambda p: jnp.sum(jnp.sin(run(module, p)))))

    value, grads = loss(unrolled)(params)
    other, others = loss(scanned)(stacked)
    np.testing.assert_allclose(value, other, rtol=1e-5)
    expected = stack_blocks(grads)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), others, expected)


@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("remat", ["dots", "dots_no_batch", "full"])
def test_remat_changes_memory_and_nothing_else(scan, remat):
    plain, saving = trunk(scan=scan, drop_path=0.3), trunk(scan=scan, drop_path=0.3, remat=remat)
    params = scrambled(init(plain, KEY, X)[0])

    def grad(module):
        def loss(p):
            return jnp.sum(jnp.sin(run(module, p, train=True, key=KEY)))

        return jax.jit(jax.grad(loss))

    compare = functools.partial(np.testing.assert_allclose, atol=1e-5)
    jax.tree.map(compare, grad(plain)(params), grad(saving)(params))
    x = jnp.zeros((8, 64, 32))
    params = jax.eval_shape(lambda: init(plain, KEY, x)[0])

    def saved(module):
        """Bytes that the forward pass leaves for the backward pass."""

        def forward(p, x):
            return jax.vjp(lambda p, x: run(module, p, x, train=True, key=KEY), p, x)[1]

        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(forward, params, x)))

    assert saved(saving) < 0.7 * saved(plain)


def test_in_bfloat16_a_loop_keeps_no_copy_of_the_kernels():
    """Kernels are cast before the loop, norms within it; values are those of the unrolled trunk."""
    scanned, unrolled = (trunk(dtype=jnp.bfloat16, scan=scan) for scan in (True, False))
    params = scrambled(init(unrolled, KEY, X)[0])
    stacked = stack_blocks(params)
    np.testing.assert_array_equal(run(scanned, stacked), run(unrolled, params))

    def loss(p):
        return jnp.sum(scanned.apply({"params": p}, X, train=False).astype(jnp.float32))

    loops = [e for e in jax.make_jaxpr(jax.grad(loss))(stacked).eqns if e.primitive.name == "scan"]
    forward, backward = loops
    kernels = {leaf.shape for leaf in jax.tree.leaves(stacked["blocks"]) if leaf.ndim == 3}
    assert not kernels & {out.aval.shape for out in forward.outvars}
    gradients = [out.aval for out in backward.outvars if out.aval.shape in kernels]
    assert len(gradients) == 6 and {g.dtype for g in gradients} == {jnp.dtype(jnp.bfloat16)}
    norms = [out.aval for out in backward.outvars if out.aval.shape == (3, 8)]
    assert sum(one.dtype == jnp.float32 for one in norms) == 4  # scale and bias of both


@pytest.mark.parametrize("remat", ["none", "full"])
def test_mlp_outputs_are_what_the_mlps_add(remat):
    unrolled, scanned = (trunk(scan=s, remat=remat) for s in (False, True))
    params = scrambled(init(unrolled, KEY, X)[0])
    tokens, added = run(unrolled, params, mlp_outputs=True)
    x = np.asarray(X[0], np.float64)
    for i in range(3):
        block = params[f"block_{i}"]
        normed = reference.layer_norm(x, **block["norm1"])
        between = x + reference.attention(normed, block["attention"], heads=2)
        x = reference.transformer_block(x, block, heads=2)
        np.testing.assert_allclose(added[i, 0], x - between, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(tokens, run(unrolled, params), rtol=1e-5, atol=1e-5)
    for one, other in zip(
        run(scanned, stack_blocks(params), mlp_outputs=True), (tokens, added), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_mlp_outputs_cost_nothing_unless_asked_for():
    def text(**kwargs):
        params = jax.eval_shape(lambda: init(trunk(), KEY, X)[0])
        return str(jax.make_jaxpr(lambda p: run(trunk(), p, **kwargs))(params))

    stacked = f"f32[3,{','.join(map(str, X.shape))}]"
    assert stacked in text(mlp_outputs=True) and stacked not in text()


def test_attention_against_numpy():
    module = Attention(heads=2, qk_norm=False, norm_epsilon=1e-6, dtype=jnp.float32)
    params = scrambled(init(module, KEY, X)[0])
    expected = [reference.attention(x, params, heads=2) for x in X]
    np.testing.assert_allclose(apply(module, params, {}, X, train=False)[0], expected, atol=1e-5)


@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("kernel_init", ["normal", "truncated_by_depth"])
def test_normal_kernels_shrink_with_depth_where_asked(kernel_init, scan):
    """By sqrt(2 l) at the end of each branch of block l, and nowhere else."""
    whole = 0.02 if kernel_init == "normal" else 0.02 * 0.53956  # cut off at one sigma
    module = Transformer(depth=3, heads=2, kernel_init=kernel_init, scan=scan)
    params = init(module, KEY, jnp.zeros((1, 2, 64)))[0]
    blocks = (params if scan else stack_blocks(params))["blocks"]
    shrink = np.sqrt(2.0 * np.arange(1, 4)) if kernel_init == "truncated_by_depth" else np.ones(3)
    for branch, name, last in (
        ("attention", "query", False),
        ("attention", "out", True),
        ("mlp", "fc1", False),
        ("mlp", "fc2", True),
    ):
        std = np.std(blocks[branch][name]["kernel"], axis=(1, 2))
        np.testing.assert_allclose(std, whole / (shrink if last else 1), rtol=0.05)
        assert not np.any(blocks[branch][name]["bias"])


def test_unknown_kernel_init():
    with pytest.raises(ValueError, match="kernel_init.*xavire.*xavier"):
        init(trunk(kernel_init="xavire"), KEY, X)


def test_tokens_have_no_order():
    module = trunk()
    params = scrambled(init(module, KEY, X)[0])
    order = jnp.array([3, 0, 4, 1, 2])
    np.testing.assert_allclose(
        run(module, params, X[:, order]), run(module, params)[:, order], atol=1e-4
    )


def test_qk_norm_bounds_the_scores():
    """Tokens a thousand times larger before the projections attend as they did."""
    module = Attention(heads=2, qk_norm=True, norm_epsilon=1e-6, dtype=jnp.float32)
    params = scrambled(init(module, KEY, X)[0])
    for name in ("query", "key"):
        params[name]["bias"] = 0 * params[name]["bias"]
    y, _ = apply(module, params, {}, X, train=False)
    for name in ("query", "key"):
        params[name]["kernel"] = 1000 * params[name]["kernel"]
    larger, _ = apply(module, params, {}, X, train=False)
    np.testing.assert_allclose(y, larger, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("scan", [True, False])
def test_drop_path_skips_whole_branches_of_examples(scan):
    """With a rate of 1/2 in the last of two blocks, an example's branch is dropped or doubled."""
    module = Transformer(depth=2, heads=2, drop_path=0.5, scan=scan)
    x = jnp.tile(X[:1], (400, 1, 1))
    params = scrambled(init(module, KEY, x)[0])
    out = np.asarray(run(module, params, x, train=True, key=KEY))
    kinds, counts = np.unique(out.round(3).reshape(400, -1), axis=0, return_counts=True)
    assert len(kinds) == 4  # two branches of the second block; the first has the rate 0
    assert counts.min() > 60
    np.testing.assert_array_equal(run(module, params, x)[0], run(module, params, x)[1])


def test_uniform_drop_path_skips_branches_of_the_first_block_too():
    module = Transformer(depth=2, heads=2, drop_path=0.5, drop_path_uniform=True)
    x = jnp.tile(X[:1], (400, 1, 1))
    params = scrambled(init(module, KEY, x)[0])
    out = np.asarray(run(module, params, x, train=True, key=KEY))
    kinds, counts = np.unique(out.round(3).reshape(400, -1), axis=0, return_counts=True)
    assert len(kinds) == 16 and counts.min() > 5  # all subsets of four branches, 25 of each


def test_drop_path_keeps_the_expectation():
    block = Transformer(depth=1, heads=2, drop_path=0.0)
    module = Transformer(depth=1, heads=2, drop_path=0.3)
    params = scrambled(init(block, KEY, X)[0])
    # linspace(0, 0.3, 1) is 0: a single block never drops.
    np.testing.assert_allclose(
        run(module, params, train=True, key=KEY), run(block, params), rtol=1e-5, atol=1e-6
    )


def test_layer_scale_starts_near_the_identity():
    module = trunk(layer_scale=1e-6)
    params, _ = init(module, KEY, X)
    gammas = [params["blocks"][f"scale{i}"]["gamma"] for i in (1, 2)]
    assert all(g.shape == (3, 8) and np.allclose(g, 1e-6) for g in gammas)
    expected = reference.layer_norm(X, 1.0, 0.0)
    np.testing.assert_allclose(run(module, params), expected, atol=1e-4)


def test_swiglu_keeps_the_parameter_count():
    def count(activation):
        module, x = trunk(activation=activation), jnp.zeros((1, 4, 96))
        return sum(v.size for v in jax.tree.leaves(jax.eval_shape(lambda: init(module, KEY, x)[0])))

    assert abs(count("swiglu") / count("gelu") - 1) < 0.01


def test_gelu_tanh_is_an_approximation_of_gelu():
    exact, tanh = trunk(), trunk(activation="gelu_tanh")
    params, _ = init(exact, KEY, X)
    one, two = run(exact, params), run(tanh, params)
    assert not np.array_equal(one, two)
    np.testing.assert_allclose(one, two, atol=5e-3)


def test_bfloat16_softmax_is_float32():
    """Scores of large queries differ by less than bfloat16 resolves, and still count."""
    module = Attention(heads=1, qk_norm=False, norm_epsilon=1e-6, dtype=jnp.bfloat16)
    x = jnp.zeros((1, 2, 4)).at[0, :, 0].set(1.0).at[0, 1, 1].set(1.0)
    identity = {"kernel": jnp.eye(4), "bias": jnp.zeros(4)}
    params = {name: identity for name in ("query", "key", "value", "out")}
    params["query"] = {"kernel": jnp.diag(jnp.array([256.0, 1, 0, 0])), "bias": jnp.zeros(4)}
    y = apply(module, params, {}, x, train=False)[0].astype(jnp.float32)
    # The second token's scores are 128 and 128.5; in bfloat16 both would be 128.
    expected = 1 / (1 + np.exp(-0.5))
    np.testing.assert_allclose(y[0, 1, 1], expected, atol=4e-3)


def test_tokens_far_from_zero_are_normalised_as_well():
    tokens = np.random.default_rng(0).normal(size=(2, 3, 64)).astype(np.float32) + 1000
    module = LayerNorm(1e-6)
    y, _ = apply(module, {"scale": jnp.ones(64), "bias": jnp.zeros(64)}, {}, tokens, train=True)
    atol = 4 * np.spacing(np.float32(1000))  # tokens are known to so much, and so is their mean
    np.testing.assert_allclose(y, reference.layer_norm(tokens, 1.0, 0.0), atol=atol)
