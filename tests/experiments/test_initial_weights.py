"""How the encoders of the papers' recipes start, at a small size, as their official codes do."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import models
from tests.experiments.configs import config_of

WIDTH, PATCH = 64, 16 * 16 * 3
PYTORCH = PATCH**-0.5  # the bound of its uniform numbers
XAVIER = math.sqrt(2 / (PATCH + WIDTH))
CUT = 0.02 * 0.53956  # normal, cut off at one sigma
TIMM = {"patch": PYTORCH / math.sqrt(3), "bias": PYTORCH, "kernel": 0.02, "token": 1e-6}
BEIT = {"patch": CUT, "bias": 0, "kernel": CUT, "token": CUT, "last": CUT / math.sqrt(2)}
# Standard deviations; of biases, the bound. "last" is the last kernel of the first block's MLP.
STARTS = {
    "beit_imagenet_vit_b": BEIT,
    "data2vec2_imagenet_vit_b": {"patch": XAVIER, "bias": PYTORCH, "kernel": 0.02, "token": 1.0},
    "dino_imagenet_vit_s": {**TIMM, "token": 0.02},
    "dinov2_imagenet_vit_l": TIMM,
    "i_jepa_imagenet_vit_h": {"patch": 0.02, "bias": 0, "kernel": 0.02},
    "ibot_imagenet_vit_s": {**TIMM, "token": 0.02},
    "lejepa_imagenet_vit_h": TIMM,
    "mae_imagenet_vit_l": {
        "patch": XAVIER,
        "bias": PYTORCH,
        "kernel": math.sqrt(2 / (2 * WIDTH)),
        "token": 0.02,
        "last": math.sqrt(2 / (5 * WIDTH)),
    },
    "moco_v3_imagenet_vit_b": {
        "patch": XAVIER,
        "bias": 0,
        "kernel": math.sqrt(2 / (2 * WIDTH)),
        "token": 1e-6,
        "last": math.sqrt(2 / (5 * WIDTH)),
    },
    "msn_imagenet_vit_s": {"patch": math.sqrt(2 / PATCH), "bias": 0, "kernel": 0.02, "token": 0.02},
    "simmim_imagenet_vit_b": BEIT,
}


@pytest.mark.parametrize("name", STARTS)
def test_an_encoder_starts_as_its_papers(name):
    small = {"name": "vit", "patch_size": 16, "image_size": 16, "width": WIDTH, "heads": 2}
    config = {**config_of(f"experiments/image/paper/{name}.py").encoder, **small, "depth": 1}
    encoder = models.build_encoder({**config, "activation": "gelu"})
    images = jnp.zeros((1, 16, 16, 3))
    params = jax.jit(lambda key: models.init(encoder, key, images)[0])(jax.random.key(0))
    expected = STARTS[name]
    block, patches = params["trunk"]["blocks"], params["patch_embed"]["linear"]
    assert np.std(patches["kernel"]) == pytest.approx(expected["patch"], rel=0.03)
    assert np.abs(patches["bias"]).max() == pytest.approx(expected["bias"], rel=0.1)
    assert np.std(block["attention"]["query"]["kernel"]) == pytest.approx(
        expected["kernel"], rel=0.05
    )
    last = expected.get("last", expected["kernel"])
    assert np.std(block["mlp"]["fc2"]["kernel"]) == pytest.approx(last, rel=0.05)
    assert ("cls_token" in params) == ("token" in expected)
    if "token" in expected:
        assert np.std(params["cls_token"]) == pytest.approx(expected["token"], rel=0.3)
