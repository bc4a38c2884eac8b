"""How weights start, against what follows from the definitions: deviations and bounds."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import MLP, ConvDecoder, DINOHead, build_encoder
from ssljax.models.initializers import KERNELS, TOKENS, bias_initializer, kernel_initializer
from tests.models.jitted import init

KEY = jax.random.key(0)
FAN_IN, FAN_OUT = 400, 300
# A standard normal number cut off at c has the variance 1 - 2 c phi(c) / (Phi(c) - Phi(-c)), which
# is 0.29112 for c = 1 and 0.77374 for c = 2.
AT_ONE, AT_TWO = 0.53956, 0.87963
# The standard deviation, and the largest value if there is one.
DRAWN = {
    "lecun": (1 / 20, 2 / 20 / AT_TWO),
    "torch": (1 / 20 / math.sqrt(3), 1 / 20),
    "haiku": (AT_TWO / 20, 2 / 20),
    "xavier": (math.sqrt(2 / 700), math.sqrt(6 / 700)),
    "xavier_torch_bias": (math.sqrt(2 / 700), math.sqrt(6 / 700)),
    "kaiming": (math.sqrt(2 / 400), None),
    "normal": (0.02, None),
    "small_normal": (0.01, None),
    "truncated": (0.02 * AT_ONE, 0.02),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels(name):
    std, largest = DRAWN[name]
    kernel = np.asarray(kernel_initializer(name)(KEY, (FAN_IN, FAN_OUT), jnp.float32))
    assert kernel.mean() == pytest.approx(0, abs=std / 50)
    assert kernel.std() == pytest.approx(std, rel=0.01)
    reached = np.abs(kernel).max()
    if largest is None:
        assert reached > 3.5 * std
    else:
        assert 0.99 * largest < reached < 1.0001 * largest


@pytest.mark.parametrize("name", KERNELS)
def test_biases_are_0_but_pytorchs(name):
    bias = np.asarray(bias_initializer(name, FAN_IN)(KEY, (4000,), jnp.float32))
    if name in ("torch", "xavier_torch_bias"):
        assert bias.std() == pytest.approx(1 / 20 / math.sqrt(3), rel=0.03)
        assert 0.99 / 20 < bias.max() <= 1 / 20 and -1 / 20 <= bias.min() < -0.99 / 20
    else:
        assert not np.any(bias)


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("zeros", 0.0),
        ("normal", 0.02),
        ("tiny", 1e-6),
        ("unit", 1.0),
        ("truncated", 0.02 * AT_ONE),
        ("uniform", 12**-0.5),
    ],
)
def test_tokens(name, std):
    assert len(TOKENS) == 6
    config = {"name": "vit", "width": 1024, "heads": 1, "scan": False, "image_size": 16}
    encoder = build_encoder({**config, "registers": 7, "token_init": name}).clone(depth=0)
    params = init(encoder, KEY, jnp.zeros((1, 16, 16, 1)))[0]
    for token in ("cls_token", "register_tokens"):
        assert np.std(params[token]) == pytest.approx(std, rel=0.1)
    assert np.std(params["pos_embed"]) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ("fields", "std", "bias"),
    [
        ({}, math.sqrt(2 / (256 + 64)), 0),  # as the transformer
        ({"kernel_init": "truncated_by_depth"}, 0.02 * AT_ONE, 0),
        ({"kernel_init": "normal", "patch_init": "torch"}, 1 / 16 / math.sqrt(3), 1 / 16),
        ({"patch_init": "xavier_torch_bias"}, math.sqrt(2 / (256 + 64)), 1 / 16),
        ({"patch_init": "kaiming"}, math.sqrt(2 / 256), 0),
    ],
)
def test_maps_of_patches(fields, std, bias):
    encoder = build_encoder({"name": "vit", "width": 64, "heads": 1, "scan": False, **fields})
    encoder = encoder.clone(depth=0)
    params = init(encoder, KEY, jnp.zeros((1, 16, 16, 1)))[0]["patch_embed"]["linear"]
    assert np.std(params["kernel"]) == pytest.approx(std, rel=0.02)
    assert np.std(params["bias"]) == pytest.approx(bias / math.sqrt(3), rel=0.2)
    assert np.abs(params["bias"]).max() <= bias


def test_heads_start_as_asked():
    x = jnp.zeros((2, 100))
    params = init(MLP((400,), 300, norm=False, linear_init="torch"), KEY, x)[0]
    for name, fan_in in (("linear_0", 100), ("output", 400)):
        bound = fan_in**-0.5
        for part in ("kernel", "bias"):
            assert np.abs(params[name][part]).max() == pytest.approx(bound, rel=0.02)
            assert np.std(params[name][part]) == pytest.approx(bound / math.sqrt(3), rel=0.1)
    params = init(DINOHead((400,), 500, 300), KEY, x)[0]
    for name in ("linear_0", "bottleneck"):  # trunc_normal_(std=.02) of timm is not cut off
        assert np.std(params[name]["kernel"]) == pytest.approx(0.02, rel=0.02)
        assert np.abs(params[name]["kernel"]).max() > 0.07
    assert np.std(params["prototypes"]) == pytest.approx(300**-0.5 / math.sqrt(3), rel=0.02)


def test_the_fan_in_of_a_grouped_convolution_is_that_of_a_group():
    decoder = ConvDecoder(grid=(2, 2), out=40, width=64, depth=1, kernel=3, groups=4)
    params = init(decoder, KEY, jnp.zeros((1, 4, 32)))[0]
    for name, fan_in in (("conv_0", 3 * 3 * 32 / 4), ("output", 64)):
        for part in ("kernel", "bias"):
            assert np.abs(params[name][part]).max() == pytest.approx(fan_in**-0.5, rel=0.1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernel_init": "xavire"}, "unknown encoder.kernel_init 'xavire'; did you mean 'xavier'"),
        ({"patch_init": "troch"}, "unknown encoder.patch_init 'troch'; did you mean 'torch'"),
        ({"token_init": "tinny"}, "unknown encoder.token_init 'tinny'; did you mean 'tiny'"),
        ({"positions_interpolation": "cubic"}, "unknown encoder.positions_interpolation 'cubic'"),
    ],
)
def test_an_unknown_name_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        build_encoder({"name": "vit_ti", **fields})
