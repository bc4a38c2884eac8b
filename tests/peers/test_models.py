"""Models against transformers: equal outputs, gradients and batch statistics for equal weights."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import masked_mse, normalize_patches
from ssljax.models import MAEDecoder, build_encoder
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.positions import resample
from ssljax.ops.patches import patchify
from tests.models.jitted import apply, init

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

KEY = jax.random.key(0)

RESNET_NAMES = (
    ("stem_conv/kernel", "embedder.embedder.convolution.weight"),
    ("stem_norm/", "embedder.embedder.normalization."),
    (r"stage_(\d+)/block_(\d+)/", r"encoder.stages.\1.layers.\2."),
    (r"conv_(\d)/kernel", r"layer.\1.convolution.weight"),
    (r"norm_(\d)/", r"layer.\1.normalization."),
    ("shortcut_conv/kernel", "shortcut.convolution.weight"),
    ("shortcut_norm/", "shortcut.normalization."),
    ("mean$", "running_mean"),
    ("var$", "running_var"),
    ("scale$", "weight"),
)
BLOCK_NAMES = (
    (r"attention/(q|k|v)\w+/", r"attention.\1_proj."),
    ("attention/out/", "attention.o_proj."),
    ("norm1/", "layernorm_before."),
    ("norm2/", "layernorm_after."),
    ("kernel$|scale$", "weight"),
    ("/", "."),
)
VIT_NAMES = (
    ("cls_token", "embeddings.cls_token"),
    ("pos_embed", "embeddings.position_embeddings"),
    ("patch_embed/linear", "embeddings.patch_embeddings.projection"),
    (r"trunk/block_(\d+)/", r"layers.\1."),
    ("trunk/norm/", "layernorm."),
    *BLOCK_NAMES,
)
DECODER_NAMES = (
    ("^embed", "decoder_embed"),
    ("^output", "decoder_pred"),
    (r"trunk/block_(\d+)/", r"decoder_layers.\1."),
    ("trunk/norm/", "decoder_norm."),
    *BLOCK_NAMES,
)


def translated(tree, tensors, names):
    """Return a tree like `tree` with the values of `tensors`, found by their translated paths.

    Every tensor has to be used, so that no weight or gradient goes uncompared.
    """
    tensors = {name: np.asarray(value.detach()) for name, value in tensors.items()}

    def value(path, leaf):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        for ours, theirs in names:
            name = re.sub(ours, theirs, name)
        tensor = tensors.pop(name)
        if tensor.ndim == 4:
            tensor = tensor.transpose(2, 3, 1, 0)
        elif tensor.ndim == 2:
            tensor = tensor.T
        return tensor.reshape(leaf.shape)

    result = jax.tree_util.tree_map_with_path(value, tree)
    assert not tensors, f"not translated: {sorted(tensors)}"
    return result


def parameters(module):
    return {n: p for n, p in module.named_parameters() if p.requires_grad}


def gradients(module):
    return {n: p.grad for n, p in parameters(module).items()}


def running(module):
    return {n: b.clone() for n, b in module.named_buffers() if "num_batches" not in n}


def error(ours, theirs):
    """Return the largest difference, relative to the largest entry of the leaf."""
    overall = max(np.abs(leaf).max() for leaf in jax.tree.leaves(theirs))

    def relative(one, two):
        return np.abs(one - two).max() / max(np.abs(two).max(), 1e-2 * overall)

    return max(jax.tree.leaves(jax.tree.map(relative, ours, theirs)))


def randomise(module):
    """Give every parameter a value that matters: no zero biases, no zero mask token."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, p in parameters(module).items():
            noise = torch.randn(p.shape, generator=generator)
            p.copy_(1 + 0.2 * noise if "norm" in name and "weight" in name else p + 0.1 * noise)


def to_torch(images):
    return torch.from_numpy(np.asarray(images).transpose(0, 3, 1, 2).copy())


def resnets(name, depths):
    """Return transformers' network in float64, ours, and its parameters and statistics."""
    torch.manual_seed(0)
    block, expansion = ("basic", 1) if name == "resnet18" else ("bottleneck", 4)
    config = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[expansion * 8 * 2**i for i in range(4)],
        depths=depths,
        layer_type=block,
        downsample_in_bottleneck=False,
    )
    theirs = transformers.ResNetModel(config)
    randomise(theirs)
    last = f"layer.{1 if block == 'basic' else 2}.normalization.weight"
    for n, p in theirs.named_parameters():
        if n.endswith(last):
            p.data *= 0.3  # large branches make the gradients of many layers explode
    ours = build_encoder({"name": name, "width": 8, "stage_sizes": depths})
    shapes, statistics = jax.eval_shape(lambda: init(ours, KEY, jnp.zeros((1, 64, 64, 3))))
    params = translated(shapes, parameters(theirs), RESNET_NAMES)
    stats = translated(statistics, running(theirs), RESNET_NAMES)
    return theirs.double(), ours, params, stats


# Not all of ResNet-50: the more units, the likelier one lies so near the kink of its ReLU
# that rounding decides its side. PyTorch's own gradients then differ between dtypes by 1e-2.
@pytest.mark.parametrize(("name", "depths"), [("resnet18", [2] * 4), ("resnet50", [1, 2, 2, 1])])
def test_resnet_in_training(name, depths):
    theirs, ours, params, stats = resnets(name, depths)
    images = jax.random.normal(KEY, (8, 64, 64, 3))
    weights = (
        np.random.default_rng(0).normal(size=theirs.config.hidden_sizes[-1]).astype(np.float32)
    )

    @jax.jit
    def step(params, stats):
        def loss(params):
            out, updated = apply(ours, params, stats, images, train=True)
            return jnp.mean(out.pooled @ weights), (out, updated)

        return jax.grad(loss, has_aux=True)(params)

    grads, (out, updated) = step(params, stats)
    expected = theirs.train()(to_torch(images).double())
    pooled = expected.pooler_output.flatten(1)
    (pooled @ torch.from_numpy(weights).double()).mean().backward()
    tokens = expected.last_hidden_state.flatten(2).detach().numpy().transpose(0, 2, 1)
    assert error(out.pooled, pooled.detach().numpy()) < 1e-5
    assert error(out.tokens, tokens) < 1e-5
    assert error(updated, translated(stats, running(theirs), RESNET_NAMES)) < 1e-5
    assert error(grads, translated(params, gradients(theirs), RESNET_NAMES)) < 1e-5


@pytest.mark.parametrize(("name", "depths"), [("resnet18", [2] * 4), ("resnet50", [3, 4, 6, 3])])
def test_resnet_in_evaluation(name, depths):
    theirs, ours, params, stats = resnets(name, depths)
    images = jax.random.normal(KEY, (4, 64, 64, 3))
    with torch.no_grad():
        theirs.train()(to_torch(images).double())  # moves the running statistics
        expected = theirs.eval()(to_torch(images).double()).pooler_output.flatten(1).numpy()
    stats = translated(stats, running(theirs), RESNET_NAMES)
    out, _ = apply(ours, params, stats, images, train=False)
    assert error(out.pooled, expected) < 1e-5


@pytest.mark.parametrize(("how", "offset"), [("bicubic", 0.0), ("bicubic_offset", 0.1)])
@pytest.mark.parametrize("grid", [(7, 7), (6, 6), (20, 20), (3, 17)])
def test_positions_on_another_grid(how, offset, grid):
    """The call of DINO's, iBOT's and DINOv2's interpolate_pos_encoding, and MSN's."""
    table = np.random.default_rng(0).normal(size=(16 * 16, 5)).astype(np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(table).reshape(1, 16, 16, 5).permute(0, 3, 1, 2),
        scale_factor=tuple((n + offset) / 16 for n in grid),
        mode="bicubic",
    )
    assert theirs.shape[2:] == grid
    expected = theirs.permute(0, 2, 3, 1).reshape(-1, 5).numpy()
    got = resample(jnp.asarray(table), (16, 16), grid, how=how)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize(("how", "antialias"), [("lowpass", True), ("bicubic", False)])
@pytest.mark.parametrize("grid", [(7, 7), (20, 20), (37, 37), (3, 17), (16, 5)])
def test_positions_on_another_grid_with_and_without_antialias(how, antialias, grid):
    """timm's resample_abs_pos_embed, and Hugging Face's interpolate_pos_encoding."""
    table = np.random.default_rng(0).normal(size=(16 * 16, 5)).astype(np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(table).reshape(1, 16, 16, 5).permute(0, 3, 1, 2),
        size=grid,
        mode="bicubic",
        antialias=antialias,
        align_corners=False,
    )
    expected = theirs.permute(0, 2, 3, 1).reshape(-1, 5).numpy()
    got = resample(jnp.asarray(table), (16, 16), grid, how=how)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_linear_layers_and_convolutions_start_alike():
    torch.manual_seed(0)
    for module, shape in (
        (torch.nn.Linear(300, 400), (300, 400)),
        (torch.nn.Conv2d(32, 400, 3, groups=4), (3, 3, 8, 400)),
    ):
        fan_in = int(np.prod(shape[:-1]))
        ours = {
            "weight": kernel_initializer("torch")(KEY, shape, jnp.float32),
            "bias": bias_initializer("torch", fan_in)(KEY, shape[-1:], jnp.float32),
        }
        for name, value in ours.items():
            theirs = getattr(module, name).detach().numpy()
            assert np.std(value) == pytest.approx(theirs.std(), rel=0.06)
            assert np.abs(value).max() == pytest.approx(np.abs(theirs).max(), rel=0.02)


def test_vit():
    config = transformers.ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=192,
        layer_norm_eps=1e-6,
    )
    theirs = transformers.ViTModel(config, add_pooling_layer=False).train()
    randomise(theirs)
    fields = {"patch_size": 8, "image_size": 32, "width": 48, "depth": 3, "heads": 4}
    ours = build_encoder({"name": "vit", **fields, "scan": False})
    images = jax.random.normal(KEY, (4, 32, 32, 3))
    shapes, _ = jax.eval_shape(lambda: init(ours, KEY, images))
    params = translated(shapes, parameters(theirs), VIT_NAMES)

    @jax.jit
    def step(params):
        def loss(params):
            out, _ = apply(ours, params, {}, images, train=True)
            return jnp.mean(jnp.sin(3 * out.tokens)) + jnp.mean(jnp.sin(3 * out.pooled)), out

        return jax.grad(loss, has_aux=True)(params)

    grads, out = step(params)
    hidden = theirs(to_torch(images)).last_hidden_state
    (torch.sin(3 * hidden[:, 1:]).mean() + torch.sin(3 * hidden[:, 0]).mean()).backward()
    assert error(out.pooled, hidden[:, 0].detach().numpy()) < 1e-5
    assert error(out.tokens, hidden[:, 1:].detach().numpy()) < 1e-5
    assert error(grads, translated(shapes, gradients(theirs), VIT_NAMES)) < 1e-5


def test_mae():
    config = transformers.ViTMAEConfig(
        image_size=32,
        patch_size=8,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=192,
        decoder_hidden_size=32,
        decoder_num_hidden_layers=2,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=128,
        layer_norm_eps=1e-6,
        norm_pix_loss=True,
    )
    theirs = transformers.ViTMAEForPreTraining(config).train()
    # A model that is not loaded from a checkpoint has positions of zero: this sets MAE's.
    theirs.vit.embeddings.patch_embeddings.projection._is_hf_initialized = False
    theirs.vit.embeddings.initialize_weights()
    theirs.decoder.initialize_weights(num_patches=16)
    randomise(theirs)

    fields = {"patch_size": 8, "image_size": 32, "width": 48, "depth": 2, "heads": 4}
    encoder = build_encoder({"name": "vit", **fields, "positions": "sincos", "scan": False})
    decoder = MAEDecoder(grid=(4, 4), out=192, width=32, depth=2, heads=2, scan=False)
    images = jax.random.normal(KEY, (4, 32, 32, 3))
    noise = jax.random.uniform(KEY, (4, 16))
    shuffled = jnp.argsort(noise, axis=1)
    keep, restore = shuffled[:, :4], jnp.argsort(shuffled, axis=1)
    encoded = jax.eval_shape(
        lambda: apply(encoder, init(encoder, KEY, images)[0], {}, images, train=True, keep=keep)[0]
    )
    shapes = {
        "encoder": jax.eval_shape(lambda: init(encoder, KEY, images)[0]),
        "decoder": jax.eval_shape(lambda e: init(decoder, KEY, e, restore)[0], encoded),
    }

    def both(tensors):
        """`tensors` is a function of a torch module."""
        return {
            "encoder": translated(shapes["encoder"], tensors(theirs.vit), VIT_NAMES),
            "decoder": translated(shapes["decoder"], tensors(theirs.decoder), DECODER_NAMES),
        }

    @jax.jit
    @jax.value_and_grad
    def step(params):
        visible, _ = apply(encoder, params["encoder"], {}, images, train=True, keep=keep)
        predicted, _ = apply(decoder, params["decoder"], {}, visible, restore, train=True)
        target = normalize_patches(patchify(images, patch=8))
        return jnp.mean(masked_mse(predicted, target, where=restore >= 4))

    loss, grads = step(both(parameters))
    out = theirs(to_torch(images), noise=torch.tensor(np.asarray(noise)))
    out.loss.backward()
    np.testing.assert_allclose(loss, out.loss.item(), rtol=1e-6)
    assert error(grads, both(gradients)) < 1e-5
