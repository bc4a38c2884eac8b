"""Fine-tuning against timm: mixed labels, kernels of other channels, rates of layers."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import binary_cross_entropy, soft_cross_entropy
from ssljax.models.refit import _of_channels
from ssljax.ops.augment import mixed
from ssljax.ops.labels import smoothed
from ssljax.training.param_groups import layer_scales

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

RNG = np.random.default_rng(0)


def test_mixed_labels_are_timms():
    from timm.data.mixup import mixup_target

    labels = RNG.integers(0, 7, 10)
    wanted = mixup_target(torch.tensor(labels), 7, lam=0.3, smoothing=0.1).numpy()
    found = mixed(smoothed(jnp.asarray(labels), 7, smoothing=0.1), 0.3)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_soft_labels_lose_as_in_timm():
    from timm.loss import SoftTargetCrossEntropy

    logits = RNG.normal(size=(6, 4)).astype(np.float32)
    targets = RNG.dirichlet(np.ones(4), 6).astype(np.float32)
    wanted = SoftTargetCrossEntropy()(torch.tensor(logits), torch.tensor(targets))
    found = soft_cross_entropy(logits[:, None], targets[:, None], weights=jnp.ones((6, 1)))
    assert float(jnp.mean(found)) == pytest.approx(float(wanted), rel=1e-5)


def test_several_labels_lose_as_in_pytorch():
    logits = RNG.normal(size=(6, 4)).astype(np.float32)
    targets = RNG.integers(0, 2, (6, 4)).astype(np.float32)
    wanted = torch.nn.BCEWithLogitsLoss()(torch.tensor(logits), torch.tensor(targets))
    found = jnp.mean(binary_cross_entropy(jnp.asarray(logits), jnp.asarray(targets)))
    assert float(found) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("channels", (1, 2, 4, 6))
def test_kernels_of_other_channels_are_timms(channels):
    from timm.models import adapt_input_conv

    kernel = RNG.normal(size=(2, 2, 3, 5)).astype(np.float32)  # height, width, channels, out
    weight = torch.tensor(kernel.transpose(3, 2, 0, 1))
    wanted = adapt_input_conv(channels, weight).numpy().transpose(2, 3, 1, 0)
    found = _of_channels(jnp.asarray(kernel), 3, channels)
    np.testing.assert_allclose(np.reshape(found, wanted.shape), wanted, rtol=1e-5, atol=1e-6)


def test_rates_of_layers_are_timms():
    """But for the last norm: timm gives it the rate of the last block, MAE's code the whole."""
    from timm.optim import param_groups_layer_decay

    model = timm.create_model("vit_tiny_patch16_224", depth=3, num_classes=5)
    names = {id(value): name for name, value in model.named_parameters()}
    wanted = {
        names[id(value)]: group["lr_scale"]
        for group in param_groups_layer_decay(model, 0.05, layer_decay=0.65)
        for value in group["params"]
    }
    one = np.zeros(1, np.float32)
    params = {
        "encoder": {
            "cls_token": one,
            "pos_embed": one,
            "patch_embed": {"linear": {"kernel": one}},
            "trunk": {**{f"block_{i}": {"mlp": {"fc1": one}} for i in range(3)}, "norm": one},
        },
        "head": {"output": {"kernel": one}},
    }
    scales = layer_scales(params, 0.65)
    for ours, theirs in {
        "encoder/cls_token": "cls_token",
        "encoder/pos_embed": "pos_embed",
        "encoder/patch_embed/linear/kernel": "patch_embed.proj.weight",
    }.items():
        assert scales[ours] == pytest.approx(wanted[theirs], rel=1e-5), ours
    for path, scale in scales.items():
        if found := re.search(r"block_(\d)", path):
            assert scale == pytest.approx(wanted[f"blocks.{found[1]}.mlp.fc1.weight"], rel=1e-5)
    assert scales["encoder/trunk/norm"] == 1
    assert "head/output/kernel" not in scales and wanted["head.weight"] == 1
