import jax
import jax.numpy as jnp
import numpy as np
import pytest
from einops import rearrange

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.models.positions import (
    cells,
    resample,
    rotary_angles_v_jepa2,
    rotate,
    sincos,
    sincos_numbered,
)
from ssljax.models.stems import PatchEmbed
from tests.models.jitted import apply, init, scrambled
from tests.reference import models as reference

KEY = jax.random.key(0)
SMALL = {"name": "vit", "patch_size": 4, "image_size": 16, "width": 8, "depth": 2, "heads": 2}
IMAGES = jax.random.normal(KEY, (2, 16, 16, 3))


def built(config):
    """Return the encoder; a config cannot ask for one without blocks, as some tests do."""
    fields = {**SMALL, **config}
    return build_encoder({**fields, "depth": max(1, fields["depth"])}).clone(depth=fields["depth"])


def encode(config, params, images=IMAGES, **kwargs):
    module = built(config)
    return apply(module, params, {}, images, **{"train": False, **kwargs})[0]


def fresh(config, images=IMAGES):
    return scrambled(init(built(config), KEY, images)[0])


@pytest.mark.parametrize(
    ("name", "params"),
    [
        # timm's counts with num_classes=0, at 224 pixels.
        ("vit_ti", 5_524_416),
        ("vit_s", 21_665_664),
        ("vit_b", 85_798_656),
        ("vit_l", 303_301_632),
        ("vit_h", 630_764_800),
        # Hugging Face's dinov2-giant: less its mask token, and with 16 x 16 positions for 37 x 37.
        ("vit_g", 1_136_480_768 - 1536 - (37**2 - 16**2) * 1536),
    ],
)
def test_parameter_counts(name, params):
    module, images = build_encoder({"name": name}), jnp.zeros((1, 224, 224, 3))
    tree, _ = jax.eval_shape(lambda: init(module, KEY, images))
    assert sum(leaf.size for leaf in jax.tree.leaves(tree)) == params


def test_patch_embedding_is_a_convolution():
    module = PatchEmbed(patch=(4, 4), width=8, dtype=jnp.float32)
    params, _ = init(module, KEY, IMAGES)
    kernel = np.asarray(params["linear"]["kernel"]).reshape(4, 4, 3, 8)
    expected = reference.convolution(IMAGES, kernel, stride=4, padding=0).reshape(2, 16, 8)
    tokens, _ = apply(module, params, {}, IMAGES, train=False)
    np.testing.assert_allclose(tokens, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("grid", "width"), [((3, 3), 8), ((2, 5), 12)])
def test_sincos_positions_against_the_definition(grid, width):
    np.testing.assert_allclose(sincos(grid, width), reference.sincos(*grid, width), atol=1e-6)


@pytest.mark.parametrize("width", [6, 7])
def test_numbered_sincos_positions_against_the_definition(width):
    expected = reference.sincos_numbered(np.arange(12), width)
    np.testing.assert_allclose(sincos_numbered((3, 2, 2), width), expected, atol=1e-6)
    # A frame of one cell lies in the middle of the four: numbers 1.5, 5.5, 9.5.
    middle = sincos_numbered((3, 1, 1), width, trained_on=(3, 2, 2))
    expected = reference.sincos_numbered([1.5, 5.5, 9.5], width)
    np.testing.assert_allclose(middle, expected, atol=1e-6)


@pytest.mark.parametrize("width", [12, 16])  # with four channels left over
def test_v_jepa2_turns_neighbours_by_different_angles(width):
    x = np.random.default_rng(0).normal(size=(1, 1, 12, width)).astype(np.float32)
    places = cells((3, 2, 2), (3, 2, 2))
    turned = rotate(jnp.asarray(x), rotary_angles_v_jepa2(places, width))
    for n, place in enumerate(np.ndindex(3, 2, 2)):
        expected = reference.rotated_v_jepa2(x[0, 0, n], place)
        np.testing.assert_allclose(turned[0, 0, n], expected, atol=1e-5)


def test_sincos_positions_of_a_small_crop_span_the_same_area():
    """One cell in the middle of 3 x 3 sees the middle's position; a doubled grid averages back."""
    whole = sincos((3, 3), 8)
    np.testing.assert_allclose(sincos((1, 1), 8, trained_on=(3, 3))[0], whole[4], atol=1e-6)
    fine = sincos((6, 6), 8, trained_on=(3, 3)).reshape(3, 2, 3, 2, 8)
    slow = fine.mean((1, 3)).reshape(9, 8)[:, [1, 5]]  # the low frequencies, close to linear
    np.testing.assert_allclose(slow, whole[:, [1, 5]], atol=1e-4)


def test_resampled_positions():
    ramp = jnp.stack(jnp.meshgrid(jnp.arange(8.0), jnp.arange(8.0), indexing="ij"), -1)
    table = ramp.reshape(64, 2)
    assert resample(table, (8, 8), (8, 8)) is table
    fine = resample(table, (8, 8), (16, 16)).reshape(16, 16, 2)
    at = (np.arange(16) + 0.5) / 2 - 0.5
    inner = slice(4, 12)  # a cubic repeats a ramp exactly, away from the border
    np.testing.assert_allclose(fine[inner, inner, 0], np.tile(at[inner, None], (1, 8)), atol=1e-4)
    np.testing.assert_allclose(fine[inner, inner, 1], np.tile(at[inner], (8, 1)), atol=1e-4)
    assert resample(table, (8, 8), (3, 5)).shape == (15, 2)


@pytest.mark.parametrize(("how", "offset"), [("bicubic", 0.0), ("bicubic_offset", 0.1)])
@pytest.mark.parametrize("grid", [(7, 7), (3, 20), (1, 16)])
def test_resampled_positions_of_official_codes_against_the_definition(how, offset, grid):
    table = np.random.default_rng(0).normal(size=(16 * 16, 2)).astype(np.float32)
    expected = reference.bicubic(table, (16, 16), grid, offset)
    got = resample(jnp.asarray(table), (16, 16), grid, how=how)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_resampled_positions_by_hand():
    """From 2 to 1 cells, the point is half-way: taps at -1, 0, 1, 2 of weights -3/32 and 19/32.

    With a = -0.75: f(1/2) = 1.25/8 - 2.25/4 + 1 and f(3/2) = -0.75 (27/8 - 45/4 + 12 - 4).
    Borders repeat, so each of the two cells counts a half. Told a scale of 1.1 / 2, the point is at
    0.5 / 0.55 - 0.5 = 9/22.
    """
    table = jnp.array([[0.0], [1.0]])
    np.testing.assert_allclose(resample(table, (1, 2), (1, 1), how="bicubic"), [[0.5]], atol=1e-6)
    far = -0.75 * ((13 / 22 + 1) ** 3 - 5 * (13 / 22 + 1) ** 2 + 8 * (13 / 22 + 1) - 4)
    near = 1.25 * (13 / 22) ** 3 - 2.25 * (13 / 22) ** 2 + 1
    got = resample(table, (1, 2), (1, 1), how="bicubic_offset")
    np.testing.assert_allclose(got, [[near + far]], atol=1e-6)


# sin(1.7 i) on 3 x 4 cells, by PyTorch 2.13's interpolate(mode="bicubic"); tests/peers has more.
RECORDED = {
    ("lowpass", (2, 2)): "0.48696 -0.46083 0.49229 -0.50963",
    ("bicubic", (2, 2)): "0.65329 -0.73253 0.76853 -0.71225",
    ("bicubic_offset", (2, 2)): "0.58693 -0.66314 0.77595 -0.84921",
    ("lowpass", (2, 6)): "0.10681 0.60509 0.82911 -0.20484 -0.71046 -0.86569 "
    "0.76584 0.73030 0.33935 -0.75365 -0.66037 -0.26220",
    ("bicubic", (2, 6)): "0.02421 0.65329 0.85818 -0.09854 -0.73253 -0.91822 "
    "0.82098 0.76853 0.24138 -0.78090 -0.71225 -0.18602",
    ("bicubic_offset", (2, 6)): "0.00611 0.62634 0.88800 -0.02285 -0.70870 -0.91487 "
    "0.78670 0.77669 0.32795 -0.70784 -0.77341 -0.25104",
}


@pytest.mark.parametrize(("how", "grid"), RECORDED)
def test_resampled_positions_as_recorded_from_pytorch(how, grid):
    table = jnp.sin(1.7 * jnp.arange(12.0))[:, None]
    expected = np.array(RECORDED[how, grid].split(), np.float32)
    np.testing.assert_allclose(resample(table, (3, 4), grid, how=how)[:, 0], expected, atol=2e-5)


@pytest.mark.parametrize("how", ["lowpass", "bicubic_offset"])
def test_an_encoder_fits_its_positions_as_asked(how):
    """A blank image and a trunk of no blocks show the positions."""
    config = {"depth": 0, "scan": False, "class_token": False, "pool": "mean"}
    config["positions_interpolation"] = how
    params = fresh(config)
    params["patch_embed"] = jax.tree.map(jnp.zeros_like, params["patch_embed"])
    tokens = encode(config, params, jnp.zeros((1, 12, 12, 3))).tokens[0]
    positions = resample(params["pos_embed"], (4, 4), (3, 3), how=how)
    norm = params["trunk"]["norm"]
    expected = reference.layer_norm(positions, norm["scale"], norm["bias"])
    np.testing.assert_allclose(tokens, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("positions", ["learned", "sincos"])
def test_other_image_sizes(positions):
    config = {"positions": positions}
    params = fresh(config)
    out = encode(config, params, jax.random.normal(KEY, (2, 8, 24, 3)))
    assert out.tokens.shape == (2, 2 * 6, 8)
    assert np.isfinite(out.pooled).all()
    with pytest.raises(ValueError, match="patch_size=4 must divide the 10 rows of images"):
        encode(config, params, jnp.zeros((2, 10, 16, 3)))


def test_tokens_are_those_of_patches_only():
    config = {"registers": 3}
    params = fresh(config)
    assert params["register_tokens"].shape == (3, 8) and params["pos_embed"].shape == (17, 8)
    out = encode(config, params)
    assert out.tokens.shape == (2, 16, 8) and out.pooled.shape == (2, 8)
    mean = encode({**config, "pool": "mean"}, params)
    np.testing.assert_allclose(mean.pooled, mean.tokens.mean(1), rtol=1e-5, atol=1e-6)
    assert not np.allclose(mean.pooled, out.pooled)
    bare = {"class_token": False, "pool": "mean"}
    params = fresh(bare)
    assert "cls_token" not in params and params["pos_embed"].shape == (16, 8)
    assert encode(bare, params).tokens.shape == (2, 16, 8)


@pytest.mark.parametrize("positions", ["learned", "sincos"])
def test_kept_patches_keep_their_positions(positions):
    """All patches, in another order, give the same tokens in that order, and the same features."""
    config = {"positions": positions}
    params = fresh(config)
    order = jax.vmap(lambda k: jax.random.permutation(k, 16))(jax.random.split(KEY, 2))
    whole, shuffled = encode(config, params), encode(config, params, keep=order)
    expected = np.take_along_axis(np.asarray(whole.tokens), np.asarray(order)[:, :, None], 1)
    np.testing.assert_allclose(shuffled.tokens, expected, atol=1e-4)
    np.testing.assert_allclose(shuffled.pooled, whole.pooled, atol=1e-4)


def test_hidden_patches_have_no_influence():
    params = fresh({})
    keep = jnp.array([[0, 5, 10], [15, 2, 7]])
    out = encode({}, params, keep=keep)
    assert out.tokens.shape == (2, 3, 8)
    patch = jnp.zeros((4, 4)).at[1, 2].set(1).at[0, 0].set(1)  # holds patches 6 and 0, row-major
    visible = jnp.kron(patch, jnp.ones((4, 4)))[None, :, :, None]
    changed = encode(
        {}, params, IMAGES + visible * jnp.array([0.0, 1.0])[:, None, None, None], keep=keep
    )
    np.testing.assert_array_equal(out.pooled, changed.pooled)
    changed = encode({}, params, IMAGES + visible, keep=keep)
    assert not np.allclose(out.pooled[0], changed.pooled[0])


def test_several_choices_of_patches_are_as_many_examples():
    params = fresh({})
    keep = jnp.array([[[0, 5, 10], [1, 2, 3]], [[15, 2, 7], [4, 8, 0]]])
    both = encode({}, params, keep=keep)
    for m in range(2):
        one = encode({}, params, keep=keep[:, m])
        np.testing.assert_allclose(both.tokens[m::2], one.tokens, atol=1e-5)
        np.testing.assert_allclose(both.pooled[m::2], one.pooled, atol=1e-5)


def test_mlp_outputs_are_of_the_patches():
    config = {"registers": 2}
    params = fresh(config)
    plain, out = encode(config, params), encode(config, params, mlp_outputs=True)
    assert plain.mlp_outputs is None and out.mlp_outputs.shape == (2, 2, 16, 8)
    np.testing.assert_allclose(out.tokens, plain.tokens, atol=1e-5)


def test_bfloat16_is_a_matter_of_computation_only():
    params = init(build_encoder({**SMALL, "dtype": "bfloat16"}), KEY, IMAGES)[0]
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    low, high = encode({"dtype": "bfloat16"}, params), encode({}, params)
    assert (low.pooled.dtype, low.tokens.dtype) == (jnp.float32, jnp.bfloat16)
    np.testing.assert_allclose(low.pooled, high.pooled, atol=0.1)


@pytest.mark.parametrize("channels", [1, 5])
def test_any_number_of_channels(channels):
    images = jnp.zeros((2, 16, 16, channels))
    params = fresh({}, images)
    assert params["patch_embed"]["linear"]["kernel"].shape == (16 * channels, 8)
    assert encode({}, params, images).pooled.shape == (2, 8)


def test_masked_patches_are_hidden_behind_the_token():
    params, token = fresh({}), jax.random.normal(KEY, (8,))
    masked = jax.random.bernoulli(KEY, 0.5, (2, 16))
    other = jnp.where(
        rearrange(masked, "b (h w) -> b h 1 w 1 1", h=4),
        7.0,
        rearrange(IMAGES, "b (h p) (w q) c -> b h p w q c", p=4, q=4),
    )
    other = rearrange(other, "b h p w q c -> b (h p) (w q) c")
    assert not np.allclose(encode({}, params).tokens, encode({}, params, other).tokens)
    one, two = (encode({}, params, x, masked=masked, mask_token=token) for x in (IMAGES, other))
    np.testing.assert_array_equal(one.tokens, two.tokens)
    # The embedding of a blank patch is the bias.
    expected = encode({}, params, jnp.where(other == 7.0, 0.0, IMAGES)).tokens
    bias = jax.tree.leaves(params["patch_embed"])[0]
    got = encode({}, params, masked=masked, mask_token=bias).tokens
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_a_class_token_without_a_position():
    """The same as one whose position is 0; the table then has a row less."""
    params = fresh({})
    params["pos_embed"][0] = 0
    less = {**params, "pos_embed": params["pos_embed"][1:]}
    out, expected = encode({"class_position": False}, less), encode({}, params)
    jax.tree.map(np.testing.assert_array_equal, out, expected)


def test_the_last_norm_of_the_mean_instead_of_the_tokens():
    """Tokens are without it; its parameters are those of the pooled vector."""
    config = {"pool": "mean", "norm_pooled": True}
    params = fresh(config)
    assert "norm" not in params["trunk"]
    out = encode(config, params)
    norm = params["pooled_norm"]
    mean = np.asarray(out.tokens, np.float64).mean(1)
    expected = reference.layer_norm(mean, norm["scale"], norm["bias"])
    np.testing.assert_allclose(out.pooled, expected, rtol=1e-4, atol=1e-4)
    trunk = {**params["trunk"], "norm": norm}
    others = {name: tree for name, tree in params.items() if name != "pooled_norm"}
    normal = encode({"pool": "mean"}, {**others, "trunk": trunk})
    expected = reference.layer_norm(out.tokens, norm["scale"], norm["bias"])
    np.testing.assert_allclose(normal.tokens, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(UserError, match="norm_pooled=True needs encoder.pool='mean'"):
        build_encoder({**SMALL, "norm_pooled": True})


def test_queries_keys_and_values_without_bias():
    """The same as biases of 0."""
    params = fresh({"scan": False})
    attention = params["trunk"]["block_0"]["attention"]
    for name in ("query", "key", "value"):
        for block in ("block_0", "block_1"):
            linear = params["trunk"][block]["attention"][name]
            linear["bias"] = jnp.zeros_like(linear["bias"])
    expected = encode({"scan": False}, params)
    for name in ("query", "key", "value"):
        for block in ("block_0", "block_1"):
            del params["trunk"][block]["attention"][name]["bias"]
    assert "bias" in attention["out"]
    out = encode({"scan": False, "qkv_bias": False}, params)
    np.testing.assert_array_equal(out.tokens, expected.tokens)
