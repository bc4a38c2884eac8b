"""CPC's encoder: its frames, what its contexts know, what is refused."""

import jax
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder
from tests.models.jitted import apply, init

SMALL = {"name": "audio_gru", "channels": 6, "context": 4, "kernels": (5, 4), "strides": (3, 2)}


def encoded(x, **fields):
    module = build_encoder({**SMALL, **fields})
    params, _ = init(module, jax.random.key(1), x)
    return module, apply(module, params, {}, x, train=False, local=True)[0]


def test_the_papers_encoder_makes_a_vector_of_each_160_samples():
    module = build_encoder({"name": "audio_gru"})
    assert module.hop == 160
    assert module.grid((20_480,)) == (128,) and module.grid((8000,)) == (50,)
    x = jax.ShapeDtypeStruct((2, 20_480), "float32")
    params, _ = jax.eval_shape(lambda x: init(module, jax.random.key(0), x), x)
    kernels = [params[f"conv_{i}"]["kernel"].shape for i in range(5)]
    assert kernels == [(10, 1, 512), (8, 512, 512), *[(4, 512, 512)] * 3]
    recurrent = sum(leaf.size for leaf in jax.tree.leaves(params["gru"]))
    # PyTorch's GRU has two biases for each gate, of which two are one degree of freedom.
    assert recurrent == 3 * (512 * 256 + 256 * 256 + 256) + 256


@pytest.mark.parametrize("fields", [{}, {"norm": "layer"}])
def test_contexts_know_nothing_later_and_vectors_only_their_stretch(fields):
    x = np.asarray(jax.random.normal(jax.random.key(0), (1, 60)), np.float32)
    module, first = encoded(x, **fields)
    assert first.tokens.shape == (1, 10, 4) and first.local.shape == (1, 10, 6)
    np.testing.assert_allclose(first.pooled, first.tokens.mean(axis=1), rtol=1e-5)
    changed = x.copy()
    changed[:, 33:] += 1.0
    _, second = encoded(changed, **fields)
    same = np.abs(first.local - second.local).max(axis=(0, 2)) == 0
    np.testing.assert_array_equal(same, np.arange(10) < 4)  # z_n hears samples up to 6 n + 9
    kept = np.abs(first.tokens - second.tokens).max(axis=(0, 2)) == 0
    np.testing.assert_array_equal(kept, np.arange(10) < 4)
    early = x.copy()
    early[:, 0] += 1.0
    _, third = encoded(early, **fields)
    assert not np.any(first.local[:, 2:] != third.local[:, 2:])
    assert np.abs(first.tokens[:, 5] - third.tokens[:, 5]).max() > 0


def test_of_a_norm_each_time_keeps_its_own():
    """A louder part changes vectors there alone: the norm is over channels, never over time."""
    x = np.asarray(jax.random.normal(jax.random.key(0), (1, 60)), np.float32)
    louder = np.where(np.arange(60) < 30, x, 50 * x)
    _, first = encoded(x, norm="layer")
    _, second = encoded(louder, norm="layer")
    np.testing.assert_array_equal(first.local[:, :4], second.local[:, :4])


def test_spectrograms_series_and_missing_values():
    x = np.random.default_rng(0).normal(size=(2, 12, 3)).astype(np.float32)
    _, found = encoded(x)
    assert found.tokens.shape == (2, 2, 4)
    _, series = encoded(x, name="series_gru", kernels=(2,), strides=(1,))
    assert series.tokens.shape == (2, 12, 4)
    x[:, 3] = np.nan
    missing = encoded(x, name="series_gru", kernels=(2,), strides=(1,))[1]
    zeros = encoded(np.nan_to_num(x), name="series_gru", kernels=(2,), strides=(1,))[1]
    np.testing.assert_array_equal(missing.tokens, zeros.tokens)


def test_silence_is_finite():
    _, found = encoded(np.zeros((2, 60), np.float32), norm="layer")
    assert np.isfinite(found.local).all() and np.isfinite(found.tokens).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match=r"leave nothing of 3 steps; give at least 6"):
        build_encoder(SMALL).grid((3,))
    with pytest.raises(UserError, match=r"encoder.strides=\(3,\) must be as many as"):
        build_encoder({**SMALL, "strides": (3,)})
    with pytest.raises(UserError, match="each at most its kernel"):
        build_encoder({**SMALL, "strides": (3, 5)})
