"""Mapping tables: every array has a row, and there and back gives the same bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.hub.changes import CHANGES
from ssljax.hub.families import FAMILIES
from ssljax.hub.flat import flat, placed, shapes
from ssljax.hub.table import Row, pairs
from ssljax.models import MLP, DINOHead, MAEDecoder, MaskToken, Scalar, build_encoder
from ssljax.spec import Field
from ssljax.training.state import TrainState
from tests.models.jitted import init

SMALL = {"name": "vit", "width": 8, "depth": 2, "heads": 2, "patch_size": 4, "image_size": 16}
MEAN = {"class_token": False, "pool": "mean"}
SCALED = {"layer_scale": 0.1}
TEXT = {"name": "text_transformer", "length": 6, "width": 8, "depth": 2, "heads": 2}
# The maps into the common space of families with a text encoder too.
FURTHER = {"clip": ("image_projector", "text_projector"), "siglip": ("text_projector",)}
NETWORKS = {
    ("hf", "clip"): {"embedding_norm": True, "patch_bias": False, "activation": "gelu_quick"},
    ("hf", "siglip"): {"pool": "map", "class_token": False},
    ("hf", "vit"): {},
    ("hf", "vit_mae"): {"positions": "sincos"},
    ("hf", "ijepa"): MEAN,
    ("hf", "dinov2"): SCALED,
    ("hf", "dinov2_with_registers"): {**SCALED, "registers": 3, "activation": "swiglu"},
    ("hf", "resnet"): {"name": "resnet", "width": 4, "block": "bottleneck"},
    ("timm", "vit"): {"qk_norm": True, "registers": 2, "class_position": False},
    ("timm", "vit "): {"activation": "swiglu", **SCALED, "qkv_bias": False},
    ("timm", "vit  "): {"pool": "mean", "norm_pooled": True},
    ("timm", "resnet"): {"name": "resnet", "width": 4},
}


def network(fields, family, scan):
    """Return random (encoder, params, stats), with what a family has beside the encoder."""
    resnet = fields.get("name") == "resnet"
    fields = fields if resnet else {**SMALL, **fields, "scan": scan}
    encoder, key = build_encoder(fields), jax.random.key(0)
    x = jnp.zeros((1, 16, 16, 3))
    params, stats = jax.eval_shape(lambda: init(encoder, key, x))
    params = {"encoder": params}
    if family == "vit_mae":
        decoder = MAEDecoder(grid=(4, 4), out=48, width=8, depth=2, heads=2, scan=scan)
        encoded = jax.eval_shape(lambda: encoder.init_with_output(key, x, train=False)[0])
        restore = jnp.zeros((1, 16), jnp.int32)
        params["decoder"] = jax.eval_shape(lambda e: init(decoder, key, e, restore)[0], encoded)
    if family in FURTHER:
        text = build_encoder({**TEXT, "scan": scan}, Field("text", (6,), "int32", vocab=9))
        ids, head = jnp.zeros((1, 6), jnp.int32), MLP((), 4, output_bias=family == "siglip")
        params["text_encoder"] = jax.eval_shape(lambda: init(text, key, ids)[0])
        for name in FURTHER[family]:
            params[name] = jax.eval_shape(lambda: init(head, key, jnp.zeros((1, 8)))[0])
        for name in ("scale", "bias")[: 1 + (family == "siglip")]:
            params[name] = jax.eval_shape(lambda: init(Scalar(1.0), key)[0])
    if family.startswith("dinov2"):
        params["mask_token"] = jax.eval_shape(lambda: init(MaskToken(8), key)[0])
    rng = np.random.default_rng(0)

    def random(leaf):
        return rng.normal(size=leaf.shape).astype(np.float32)

    return encoder, jax.tree.map(random, params), {"encoder": jax.tree.map(random, stats)}


@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize(("library", "family"), NETWORKS)
def test_there_and_back(library, family, scan):
    encoder, params, stats = network(NETWORKS[library, family], family.strip(), scan)
    family = FAMILIES[library][family.strip()]
    family.require_counterpart(encoder)
    arrays = flat(params, stats)
    rows = pairs(family.rows, list(arrays))
    assert sorted(path for row in rows for path in row.ours) == sorted(arrays)
    patch = encoder.patch
    tensors = {row.theirs: row.store(arrays, patch) for row in rows}
    assert len(tensors) == len(rows) and family.anchor in tensors
    assert all(tensor.flags.c_contiguous for tensor in tensors.values())
    back = {path: one for row in rows for path, one in row.load(tensors[row.theirs]).items()}
    for path, one in arrays.items():
        np.testing.assert_array_equal(back[path], one)
    again = {row.theirs: row.store(back, patch) for row in rows}
    assert all(again[name].tobytes() == tensor.tobytes() for name, tensor in tensors.items())
    blank = jax.tree.map(jnp.zeros_like, TrainState(jnp.int32(0), params, {"stats": stats}, ()))
    state = placed(blank, back)
    jax.tree.map(np.testing.assert_array_equal, state.params, params)
    jax.tree.map(np.testing.assert_array_equal, state.objective_state, {"stats": stats})


def test_the_teacher_starts_as_the_network():
    leaf = {"encoder": {"kernel": jnp.zeros((2, 3))}}
    state = {"stats": {"encoder": {"mean": jnp.zeros(2)}}, "teacher": leaf, "center": jnp.ones(4)}
    state["teacher_stats"] = state["stats"]
    arrays = {"encoder/kernel": np.ones((2, 3)), "stats/encoder/mean": np.full(2, 5.0)}
    made = placed(TrainState(jnp.int32(0), leaf, state, ()), arrays)
    for tree in (made.params, made.objective_state["teacher"]):
        np.testing.assert_array_equal(tree["encoder"]["kernel"], np.ones((2, 3)))
    for name in ("stats", "teacher_stats"):
        np.testing.assert_array_equal(made.objective_state[name]["encoder"]["mean"], [5, 5])
    np.testing.assert_array_equal(made.objective_state["center"], np.ones(4))


def test_a_part_that_is_not_given_stays_as_it_was():
    head = DINOHead((4,), 8, 3)
    params = {"head": init(head, jax.random.key(0), jnp.zeros((1, 5)))[0]}
    state = TrainState(jnp.int32(0), params, {"stats": {}}, ())
    jax.tree.map(np.testing.assert_array_equal, placed(state, {}).params, params)


def test_blocks_one_by_one():
    stacked = {"encoder": {"trunk": {"blocks": {"norm": jnp.arange(6.0).reshape(3, 2)}}}}
    found = flat(stacked, {})
    assert list(found) == [f"encoder/trunk/block_{i}/norm" for i in range(3)]
    np.testing.assert_array_equal(found["encoder/trunk/block_2/norm"], [4, 5])
    assert set(shapes(stacked, {}).values()) == {(2,)}


def test_changes_by_hand():
    """A convolution of patches 1 x 2 of one channel: [out, in, row, column] to [values, out]."""
    kernel = np.arange(8.0).reshape(2, 1, 2, 2)
    (made,) = CHANGES["patches"].load(kernel, 1)
    np.testing.assert_array_equal(made, [[0, 4], [1, 5], [2, 6], [3, 7]])
    np.testing.assert_array_equal(CHANGES["patches"].store([made], (2, 2)), kernel)
    fused = np.arange(12.0).reshape(6, 2)  # queries, keys and values of a width of 2
    query, key, value = CHANGES["split"].load(fused, 3)
    np.testing.assert_array_equal(query, [[0, 2], [1, 3]])
    np.testing.assert_array_equal(value, [[8, 10], [9, 11]])
    np.testing.assert_array_equal(CHANGES["split"].store([query, key, value], ()), fused)


def test_rows_in_order_and_numbers():
    rows = (
        Row("in.{i}", ("block_{i}/gate", "block_{i}/fc1"), "split"),
        Row("out.{i:1}", "block_{i}/fc2", beside="block_{i}/gate"),
        Row("fc1.{i}", "block_{i}/fc1"),
        Row("fc2.{i}", "block_{i}/fc2"),
    )
    gated = ["block_10/fc1", "block_10/fc2", "block_10/gate"]
    assert [(row.theirs, row.ours) for row in pairs(rows, gated)] == [
        ("in.10", ("block_10/gate", "block_10/fc1")),
        ("out.11", ("block_10/fc2",)),
    ]
    assert [row.theirs for row in pairs(rows, ["block_3/fc1", "block_3/fc2"])] == ["fc1.3", "fc2.3"]
