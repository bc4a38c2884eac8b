"""R3D: CVRL's counts and shapes, and what it has in common with the network of images."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import models
from ssljax.errors import UserError
from ssljax.models import build_encoder
from tests.models.jitted import apply, init

KEY = jax.random.key(0)
SMALL = {"name": "resnet3d", "stage_sizes": (1, 1), "width": 4, "stem": "small"}


def test_cvrls_network():
    """31.7 million parameters (Qian et al., table 1); 16 frames of 224 pixels become 8 of 7."""
    module, videos = build_encoder({"name": "r3d50"}), jnp.zeros((2, 16, 224, 224, 3))
    params, stats = jax.eval_shape(lambda: init(module, KEY, videos))
    # ResNet-50's, four more frames of the stem's kernel, two more of 6 + 3 first kernels.
    more = 4 * 49 * 3 * 64 + 2 * 256 * (512 + 5 * 1024) + 2 * 512 * (1024 + 2 * 2048)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 25_557_032 - 2_049_000 + more
    assert params["stage_2"]["block_0"]["conv_0"]["kernel"].shape == (3, 1, 1, 512, 256)
    assert params["stage_1"]["block_0"]["conv_1"]["kernel"].shape == (1, 3, 3, 128, 128)
    out, _ = jax.eval_shape(lambda p, s: apply(module, p, s, videos, train=True), params, stats)
    assert out.pooled.shape == (2, 2048)
    assert out.tokens.shape == (2, 8 * 7 * 7, 2048)
    assert module.grid((16, 224, 224, 3)) == (8, 7, 7)


def test_without_kernels_in_time_frames_are_images():
    module = build_encoder({**SMALL, "temporal_kernels": (1, 1)})
    videos = jax.random.normal(KEY, (2, 3, 10, 8, 3))
    params, stats = init(module, KEY, videos)
    params["stem_conv"]["kernel"] = params["stem_conv"]["kernel"].at[jnp.array([0, 2])].set(0.0)
    out, _ = apply(module, params, stats, videos, train=False)
    assert module.grid((3, 10, 8, 3)) == (3, 5, 4) and out.tokens.shape == (2, 60, 32)

    flat = build_encoder({**SMALL, "name": "resnet", "block": "bottleneck"})
    flat_params = jax.tree.map(lambda x: x[len(x) // 2] if x.ndim == 5 else x, params)
    images = videos.reshape(6, 10, 8, 3)
    frames, _ = apply(flat, flat_params, stats, images, train=False)
    np.testing.assert_allclose(out.tokens.reshape(6, 20, 32), frames.tokens, atol=1e-5)
    np.testing.assert_allclose(out.pooled, frames.pooled.reshape(2, 3, 32).mean(1), atol=1e-5)


def test_kernels_in_time_see_other_frames():
    module = build_encoder({**SMALL, "temporal_kernels": (1, 3)})
    videos = jax.random.normal(KEY, (2, 8, 4, 4, 1))
    params, stats = init(module, KEY, videos)
    see = functools.partial(models.apply, module, train=False, layers=True)
    out, _ = jax.jit(see)(params, stats, videos)
    assert out.layers.shape == (2, 2, 2, 32)
    np.testing.assert_allclose(out.layers[:, -1, 0], out.pooled, rtol=1e-5)
    moved, _ = apply(module, params, stats, videos.at[:, 3].add(1.0), train=False)
    changed = np.abs(moved.tokens - out.tokens).reshape(2, 8, -1).max((0, 2)) > 1e-5
    # The stem and the first kernel of the second stage reach one frame further each.
    np.testing.assert_array_equal(changed, [False, True, True, True, True, True, False, False])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temporal_kernels": (3,)}, "must have an entry for each of encoder.stage_sizes"),
        ({"temporal_kernels": (1, 2)}, r"temporal_kernels=\(1, 2\) must be odd"),
        ({"temporal_kernels": (1, 1), "grad_cache": 2}, "grad_cache=2 cannot be"),
    ],
)
def test_what_cannot_be(fields, message):
    with pytest.raises(UserError, match=message):
        build_encoder({**SMALL, **fields})
