"""The predictor of LeWM and its encoder of actions, written out in loops."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads
from scipy.special import erf

from ssljax.models import ActionPredictor, build_encoder
from tests.models.jitted import apply, init, scrambled

SIZES = {"frames": 4, "depth": 2, "heads": 2, "head_dim": 3, "mlp_dim": 5, "dropout": 0.0}
B, T, D, A = 2, 3, 4, 6


def made(**changes):
    """Return the module, its first parameters, some that are all random, and inputs."""
    module = ActionPredictor(**{**SIZES, **changes})
    rng = np.random.default_rng(0)
    z, actions = (rng.normal(size=(B, T, n)).astype(np.float32) for n in (D, A))
    params, _ = init(module, jax.random.key(0), z, actions)
    return module, params, scrambled(params), z, actions


def silu(x):
    return x / (1 + np.exp(-x))


def norm(x, epsilon, params=None):
    x = (x - x.mean()) / np.sqrt(x.var() + epsilon)
    return x if params is None else x * params["scale"] + params["bias"]


def affine(params, x):
    return x @ params["kernel"] + params.get("bias", 0)


def expected(params, z, actions):
    """Return the prediction for one episode, float64, a frame at a time."""
    x = [z[t] + params["positions"][t] for t in range(T)]
    for i in range(SIZES["depth"]):
        own = params[f"block_{i}"]
        parts = [np.split(affine(own["modulation"], silu(actions[t])), 6) for t in range(T)]
        shown = []
        for t in range(T):
            shift, scale, *_ = parts[t]
            one = norm(x[t], 1e-6) * (1 + scale) + shift
            shown.append(norm(one, 1e-5, own["attention_norm"]))
        q, k, v = (
            [affine(own[name], one).reshape(2, 3) for one in shown]
            for name in ("query", "key", "value")
        )
        after = []
        for t in range(T):
            heads = []
            for h in range(2):
                scores = np.array([q[t][h] @ k[s][h] / np.sqrt(3) for s in range(t + 1)])
                weights = np.exp(scores) / np.exp(scores).sum()
                heads.append(sum(w * v[s][h] for s, w in enumerate(weights)))
            y = x[t] + parts[t][2] * affine(own["out"], np.concatenate(heads))
            one = norm(y, 1e-6) * (1 + parts[t][4]) + parts[t][3]
            hidden = affine(own["fc1"], norm(one, 1e-5, own["mlp_norm"]))
            hidden = hidden * (1 + erf(hidden / np.sqrt(2))) / 2
            after.append(y + parts[t][5] * affine(own["fc2"], hidden))
        x = after
    return np.stack([norm(one, 1e-5, params["norm"]) for one in x])


def test_the_predictor_is_what_its_formula_says():
    module, _, params, z, actions = made()
    found, _ = apply(module, params, {}, z, actions, train=False)
    wide = jax.tree.map(np.float64, params)
    for b in range(B):
        np.testing.assert_allclose(found[b], expected(wide, z[b], actions[b]), atol=2e-5)


def test_every_block_starts_as_the_identity():
    module, params, _, z, actions = made()
    found, _ = apply(module, params, {}, z, actions, train=False)
    x = z + params["positions"][:T]
    plain = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(found, plain, atol=1e-5)


def test_a_frame_sees_no_later_frame_and_no_later_action():
    module, _, params, z, actions = made()
    found, _ = apply(module, params, {}, z, actions, train=False)
    for changed in ((z, actions + (np.arange(T) == 2)[:, None]), (z, actions[:, ::-1])):
        other, _ = apply(module, params, {}, *changed, train=False)
        assert np.abs(other - found).max(axis=(0, 2)).argmax() >= 1
    later = z.copy()
    later[:, 2] += 1
    acted = actions.copy()
    acted[:, 2] -= 1
    other, _ = apply(module, params, {}, later, acted, train=False)
    np.testing.assert_array_equal(other[:, :2], found[:, :2])
    assert np.abs(other[:, 2] - found[:, 2]).max() > 1e-2
    fewer, _ = apply(module, params, {}, z[:, :2], actions[:, :2], train=False)
    np.testing.assert_allclose(fewer, found[:, :2], atol=1e-6)


def test_gradients_are_those_of_differences():
    module, _, params, z, actions = made()

    def total(z, actions):
        return jnp.sum(apply(module, params, {}, z, actions, train=False)[0] ** 3)

    check_grads(total, (z, actions), order=1, modes="rev", atol=0.05, rtol=0.05)


def test_dropout_acts_in_training_alone():
    module, _, params, z, actions = made(dropout=0.5)
    still, _ = apply(module, params, {}, z, actions, train=False)
    key = jax.random.key(1)
    moved, _ = apply(module, params, {}, z, actions, train=True, key=key)
    assert np.abs(moved - still).max() > 0.1
    np.testing.assert_allclose(
        still, apply(made()[0], params, {}, z, actions, train=True, key=key)[0], atol=1e-6
    )


def test_step_mlp_encodes_each_step_by_itself():
    encoder = build_encoder({"name": "step_mlp", "width": 3, "hidden": 5, "out": 4})
    x = np.random.default_rng(1).normal(size=(B, T, 2)).astype(np.float32)
    params, _ = init(encoder, jax.random.key(0), x)
    encoded, _ = apply(encoder, params, {}, x, train=False)
    for b in range(B):
        for t in range(T):
            hidden = silu(affine(params["fc2"], affine(params["fc1"], x[b, t])))
            np.testing.assert_allclose(
                encoded.tokens[b, t], affine(params["fc3"], hidden), atol=1e-5
            )
    np.testing.assert_allclose(encoded.pooled, encoded.tokens.mean(axis=1), atol=1e-6)
