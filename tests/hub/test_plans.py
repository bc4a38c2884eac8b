"""From a config.json and names of tensors to encoder, objective and what images look like."""

import json
import pathlib

import numpy as np
import pytest
from safetensors.numpy import save_file

from ssljax import UserError
from ssljax.hub.families import FAMILIES, Plan
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given
from ssljax.hub.names import renamed
from ssljax.hub.section import config_of
from ssljax.hub.shown import IMAGENET, shown
from ssljax.models import build_encoder
from ssljax.models.positions import sincos
from tests.hub import made_up

PLAN = Plan({"name": "vit", "patch_size": 16, "image_size": 224}, {"name": "dino"}, (224, 224), 3)


def read(library, name, made, tmp_path):
    """Return the plan of a checkpoint."""
    place = made_up.save(tmp_path / "theirs", made)
    config = Given(made[0], place / "config.json")
    family, tensors = FAMILIES[library][name], Tensors(place)
    names = renamed(family, tensors)
    return family.read(config, tensors, lambda name: names.get(name, name))


@pytest.mark.parametrize(
    ("preprocessor", "expected"),
    [
        ({}, ((224, 224), 0)),
        ({"size": 384}, ((384, 384), 0)),
        ({"size": {"height": 192, "width": 256}}, ((192, 256), 0)),
        ({"crop_size": 224, "size": {"shortest_edge": 256}}, ((224, 224), 256)),
        ({"crop_size": {"height": 96, "width": 96}, "size": 96}, ((96, 96), 0)),
        ({"crop_size": 96, "do_center_crop": False, "size": 128}, ((128, 128), 0)),
    ],
)
def test_sizes_of_a_preprocessor(preprocessor, expected, tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    found = shown(tmp_path, Given({}, tmp_path / "config.json"), PLAN)
    assert (found.size, found.resize) == expected and (found.mean, found.std) == IMAGENET


def test_pairs_have_the_mean_and_deviation_of_their_family(tmp_path):
    """As transformers' CLIPImageProcessor and SiglipImageProcessor without a file have them."""
    made = made_up.clip(9)
    plan = read("hf", "clip", made, tmp_path)
    found = shown(tmp_path / "theirs", Given(made[0], tmp_path / "config.json"), plan)
    assert found.source == "CLIP"
    assert found.mean == (0.48145466, 0.4578275, 0.40821073)
    assert found.std == (0.26862954, 0.26130258, 0.27577711)
    own = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    (tmp_path / "theirs" / "preprocessor_config.json").write_text(json.dumps(own))
    found = shown(tmp_path / "theirs", Given(made[0], tmp_path / "config.json"), plan)
    assert (found.mean, found.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_mean_and_deviation(tmp_path):
    config = Given({}, tmp_path / "config.json")
    assert shown(tmp_path, config, PLAN).source == "ImageNet"
    grey = Plan(PLAN.encoder, PLAN.objective, PLAN.image_size, channels=1)
    assert shown(tmp_path, config, grey)[2:4] == ((0.0,), (1.0,))
    own = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "input_size": [3, 384, 384]}
    timm = Given({"pretrained_cfg": {**own, "crop_pct": 0.9}}, tmp_path / "config.json")
    found = shown(tmp_path, timm, PLAN)
    assert found[:4] == ((384, 384), 426, (0.5,) * 3, (0.25,) * 3)
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps({"image_mean": [0.1, 0.2, 0.3], "do_normalize": False}))
    assert shown(tmp_path, config, PLAN)[2:4] == ((0.0,) * 3, (1.0,) * 3)


@pytest.mark.parametrize(
    ("preprocessor", "message"),
    [
        ({"size": 100}, "images of 100 x 100 pixels, which patches of 16 do not tile"),
        ({"size": "224"}, "size='224'; it must be a size in pixels"),
        ({"image_mean": [0.5]}, "image_mean=[0.5]; it must be a number for each of 3 channels"),
        ({"image_std": [0.5, 0.5, 0.0]}, "it must be above 0"),
        ({"image_std": [0.5, 0.5, None]}, "a number for each of 3 channels"),
    ],
)
def test_a_wrong_preprocessor_is_refused(preprocessor, message, tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    with pytest.raises(UserError) as error:
        shown(tmp_path, Given({}, tmp_path / "config.json"), PLAN)
    assert message in str(error.value) and "preprocessor_config.json" in str(error.value)


def test_views_are_of_the_size_of_the_images():
    images = shown(pathlib.Path("nowhere"), Given({}, pathlib.Path("config.json")), PLAN)
    views = config_of(PLAN, images, "hf/x").objective.views
    assert "size" not in views.global1 and views.local.size == 96
    assert views.local.crop_scale == (0.05, 0.4)
    small = Plan(
        {**PLAN.encoder, "patch_size": 14, "image_size": 518}, {"name": "dinov2"}, (70, 70), 3
    )
    objective = config_of(small, images._replace(size=(70, 70)), "hf/x").objective
    assert objective.views.local.size == 28 and objective.prototypes == 4096


@pytest.mark.parametrize("fixed", [True, False])
def test_positions_of_mae_are_told_from_others(fixed, tmp_path):
    table = np.pad(sincos((4, 4), made_up.WIDTH), ((1, 0), (0, 0)))[None]
    table[0, 3, 2] += 0 if fixed else 1e-3
    plan = read("hf", "vit_mae", made_up.mae(table, table), tmp_path)
    assert plan.encoder["positions"] == ("sincos" if fixed else "learned")
    assert plan.objective == {
        **{"name": "mae", "normalize_targets": True, "mask_ratio": 0.75},
        **{"decoder_width": made_up.WIDTH, "decoder_depth": 1, "decoder_heads": 2},
    }


def test_a_residual_network_by_its_tensors(tmp_path):
    plan = read("timm", "resnet", made_up.resnet(), tmp_path)
    sizes = {"stage_sizes": (2, 2, 2, 2), "block": "basic", "width": 4}
    assert plan.encoder == {"name": "resnet", **sizes} and plan.channels == 3


def timm(tmp_path, *, width=192, rows=17, more=(), **config):
    """Return the plan of a vision transformer of timm with 4 x 4 patches, and its encoder."""
    shapes = {
        "patch_embed.proj.weight": (width, 3, 16, 16),
        "pos_embed": (1, rows, width),
        "blocks.0.attn.qkv.bias": (3 * width,),
        "blocks.0.mlp.fc1.weight": (4 * width, width),
        "blocks.0.mlp.fc2.weight": (width, 4 * width),
        "cls_token": (1, 1, width),
        **dict(more),
    }
    tensors = {n: np.zeros(shape, np.float32) for n, shape in shapes.items() if shape}
    save_file(tensors, tmp_path / "model.safetensors")
    given = Given({"architecture": "vit_tiny_patch16_224", **config}, tmp_path / "config.json")
    family = FAMILIES["timm"]["vit"]
    plan = family.read(given, Tensors(tmp_path), lambda name: name)
    encoder = build_encoder(plan.encoder)
    family.require_counterpart(encoder)
    return plan, encoder


def test_a_transformer_of_timm_by_its_tensors(tmp_path):
    plan, encoder = timm(tmp_path)
    assert (encoder.heads, encoder.image_size, encoder.mlp_ratio) == (3, 64, 4.0)
    assert (encoder.pool, encoder.class_position, encoder.norm_pooled) == ("cls", True, False)
    assert plan.objective == {"name": "simclr"} and encoder.positions_interpolation == "lowpass"
    _, encoder = timm(tmp_path, rows=16, more=[("fc_norm.weight", (192,))])
    assert (encoder.pool, encoder.class_position, encoder.norm_pooled) == ("mean", False, True)
    _, encoder = timm(tmp_path, rows=16, more=[("cls_token", ())])
    assert (encoder.pool, encoder.class_token) == ("mean", False)
    more = [("blocks.0.mlp.fc1.weight", (2 * 768, 192)), ("blocks.0.attn.q_norm.weight", (24,))]
    _, encoder = timm(tmp_path, more=more)
    assert (encoder.activation, encoder.mlp_ratio, encoder.heads) == ("swiglu", 6.0, 8)
    plan, encoder = timm(
        tmp_path, width=40, model_args={"num_heads": 5}, architecture="vit_x_dinov2"
    )
    assert encoder.heads == 5 and plan.objective["name"] == "dinov2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 21, "more": [("reg_token", (1, 4, 192))]}, "pos_embed has 21 positions"),
        ({"width": 200}, "lacks 'num_heads', which must be known for a width of 200"),
        ({"global_pool": "map"}, "global_pool='map'; it must be token or avg"),
        ({"model_args": {"act_layer": "relu"}}, "act_layer='relu'; it must be one of gelu"),
        ({"more": [("patch_embed.proj.weight", (192, 3, 16, 8))]}, "16 x 8 pixels"),
        ({"more": [("blocks.0.mlp.fc2.weight", ())]}, "lacks the tensor blocks.0.mlp.fc2.weight"),
    ],
)
def test_a_transformer_of_timm_without_a_counterpart(arguments, message, tmp_path):
    with pytest.raises(UserError) as error:
        timm(tmp_path, **arguments)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("library", "family", "fields", "field"),
    [
        ("hf", "vit", {"positions": "rotary"}, "positions='rotary'"),
        ("hf", "vit", {"registers": 2}, "registers=2"),
        ("hf", "vit", {"qk_norm": True}, "qk_norm=True"),
        ("hf", "dinov2", {"class_position": False, "layer_scale": 0.1}, "class_position=False"),
        ("hf", "ijepa", {}, "class_token=True"),
        ("hf", "vit_mae", {"activation": "swiglu"}, "activation='swiglu'"),
        ("hf", "vit", {"embedding_norm": True}, "embedding_norm=True"),
        ("hf", "clip", {}, "embedding_norm=False"),
        ("hf", "siglip", {"class_token": False, "pool": "mean"}, "pool='mean'"),
        ("timm", "vit", {"patch_bias": False}, "patch_bias=False"),
        ("timm", "vit", {"embedding_norm": True}, "embedding_norm=True"),
        ("hf", "resnet", {"name": "resnet", "stem": "small"}, "stem='small'"),
        ("timm", "vit", {"positions": "none"}, "positions='none'"),
        ("timm", "vit", {"norm_epsilon": 1e-5}, "norm_epsilon=1e-05"),
    ],
)
def test_an_encoder_without_a_counterpart_is_refused_by_its_field(library, family, fields, field):
    encoder = build_encoder({"name": "vit_s", **fields} if "name" not in fields else fields)
    with pytest.raises(UserError) as error:
        FAMILIES[library][family].require_counterpart(encoder)
    assert f"has no counterpart of encoder.{field}; it has" in str(error.value)


def test_what_timm_has_no_name_for(tmp_path):
    family = FAMILIES["timm"]["resnet"]
    assert family.write(build_encoder({"name": "resnet50"}), None, 3)["architecture"] == "resnet50"
    with pytest.raises(UserError, match="timm has no residual network of encoder.stage_sizes"):
        family.write(build_encoder({"name": "resnet50", "width": 32}), None, 3)
