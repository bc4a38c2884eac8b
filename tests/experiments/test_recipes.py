"""What recipes take from official codes: learning rates at landmarks, and what decays."""

import functools

import numpy as np
import pytest

from experiments.image.common import steps_per_epoch
from ssljax.training.optimizer import schedules
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS, param_groups
from tests.experiments.configs import config_of


@functools.cache
def recipe(name):
    return config_of(f"experiments/image/paper/{name}.py")


# (epoch, learning rate) as the official code sets it, by its file and line of command.
RATES = {
    "moco_v1_imagenet_resnet50": [(0, 0.03), (119.9, 0.03), (120, 3e-3), (160, 3e-4)],
    "npid_imagenet_resnet50": [(0, 0.03), (119.9, 0.03), (120, 3e-3), (160, 3e-4)],
    "rotation_imagenet_resnet50": [(0, 0), (5, 0.2), (14.9, 0.2), (15, 0.02), (25, 2e-3)],
    "jigsaw_imagenet_resnet50": [(0, 0), (5, 0.2), (14.9, 0.2), (15, 0.02), (25, 2e-3)],
    "relative_location_imagenet_resnet50": [(5, 0.2), (14.9, 0.2), (15, 0.02), (25, 2e-3)],
    "simmim_imagenet_vit_b": [(0, 2e-6), (10, 4e-4), (699.9, 4e-4), (700, 4e-5), (799, 4e-5)],
    "beit_imagenet_vit_b": [(0, 0), (10, 1.5e-3), (800, 1e-5)],
    "swav_imagenet_resnet50": [(0, 0.3), (5, 2.55), (10, 4.8), (800, 4.8e-3)],
    "deepcluster_v2_imagenet_resnet50": [(0, 0.3), (5, 2.55), (10, 4.8), (800, 4.8e-3)],
    "i_jepa_imagenet_vit_h": [(0, 2e-4), (20, 6e-4), (40, 1e-3), (300, 1e-6)],
    # A cosine from epoch 15 to epoch 1000, of which 800 are run.
    "msn_imagenet_vit_s": [
        (0, 2e-4),
        (15, 1e-3),
        (800, 1e-6 + (1e-3 - 1e-6) / 2 * (1 + np.cos(np.pi * 785 / 985))),
    ],
    "dino_imagenet_vit_s": [(0, 0), (10, 2e-3), (800, 1e-6)],
    "finetune_mae_imagenet_vit_b": [(0, 0), (5, 2e-3), (100, 1e-6)],
    "finetune_mae_imagenet_vit_l": [(0, 0), (5, 4e-3), (50, 1e-6)],
    "finetune_beit_imagenet_vit_b": [(20, 4e-3), (100, 1e-6)],
    "finetune_simmim_imagenet_vit_b": [(20, 5e-3), (100, 1e-6)],
    "finetune_data2vec2_imagenet_vit_b": [(16_000 / 2502, 1e-3), (250_200 / 2502, 1e-6)],
    "finetune_moco_v3_imagenet_vit_b": [(5, 1e-3), (150, 1e-5)],
    "finetune_dino_imagenet_vit_s_linear": [(0, 4e-3), (50, 2e-3), (100, 0)],
}


@pytest.mark.parametrize("name", RATES)
def test_learning_rates_are_those_of_the_official_code(name):
    config = recipe(name)
    rate = schedules(config.optimizer, steps=config.steps, batch_size=config.batch_size)
    epoch = steps_per_epoch(config.batch_size)
    for at, expected in RATES[name]:
        found = rate["learning rate"](int(at * epoch))
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-9, err_msg=f"epoch {at}")


# (step, learning rate) of recipes on videos: the official files say steps, or epochs in steps.
VIDEO_RATES = {
    # VideoMAE: 40 and 800 epochs of 117 steps, rates for 256 clips.
    "mae_kinetics400_vit_b": [(40 * 117, 8 * 1.5e-4), (800 * 117, 8 * 1e-5)],
    "finetune_mae_kinetics400_vit_b": [(0, 0), (5 * 469, 2e-3), (100 * 469, 2e-6)],
    # A cosine to step 112,500, of which 90,000 are run.
    "i_jepa_videomix2m_vit_l": [
        (0, 2e-4),
        (12_000, 6.25e-4),
        (90_000, 1e-6 + (6.25e-4 - 1e-6) / 2 * (1 + np.cos(np.pi * 78_000 / 100_500))),
    ],
    "i_jepa2_videomix2m_vit_l": [(0, 1e-4), (12_000, 5.25e-4), (240_000, 5.25e-4)],
    "simclr_kinetics600_r3d50": [(0, 0), (1787, 0.32), (71_488, 0)],
}


@pytest.mark.parametrize("name", VIDEO_RATES)
def test_learning_rates_on_videos_are_those_of_the_official_code(name):
    config = config_of(f"experiments/video/paper/{name}.py")
    rate = schedules(config.optimizer, steps=config.steps, batch_size=config.batch_size)
    for step, expected in VIDEO_RATES[name]:
        found = rate["learning rate"](step)
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-9, err_msg=f"step {step}")


VIT = {
    "encoder": {
        "cls_token": (1, 4),
        "pos_embed": (5, 4),
        "patch_embed": {"linear": {"kernel": (3, 4), "bias": (4,)}},
        "trunk": {
            "blocks": {
                "attention": {"query": {"kernel": (2, 4, 4), "bias": (2, 4)}},
                "norm1": {"scale": (2, 4), "bias": (2, 4)},
                "scale1": {"gamma": (2, 4)},
            }
        },
    },
    "mask_token": {"token": (4,)},
    "head": {"output": {"kernel": (4, 4), "bias": (4,)}, "prototypes": (4, 4)},
    "prototypes": {"rows": (4, 4)},
}
ALWAYS = {
    "encoder/patch_embed/linear/kernel",
    "encoder/trunk/blocks/attention/query/kernel",
    "head/output/kernel",
}
TOKENS = {"encoder/cls_token", "encoder/pos_embed", "mask_token/token"}
PROTOTYPES = {"head/prototypes", "prototypes/rows"}
DECAYED = {
    "dino_imagenet_vit_s": ALWAYS | TOKENS | PROTOTYPES,  # utils.py, get_params_groups
    "ibot_imagenet_vit_s": ALWAYS | TOKENS | PROTOTYPES,  # the same
    "dinov2_imagenet_vit_l": ALWAYS | TOKENS | PROTOTYPES,  # utils/param_groups.py
    "msn_imagenet_vit_s": ALWAYS | TOKENS | {"head/prototypes"},  # msn_train.py, init_opt
    "i_jepa_imagenet_vit_h": ALWAYS | TOKENS | PROTOTYPES,  # helper.py, init_opt
    "mae_imagenet_vit_l": ALWAYS | TOKENS | PROTOTYPES,  # timm's add_weight_decay
    "data2vec2_imagenet_vit_b": ALWAYS | TOKENS | PROTOTYPES,  # data2vec2.py, optim_overrides
    "simmim_imagenet_vit_b": ALWAYS | PROTOTYPES,  # no_weight_decay in vision_transformer.py
    "beit_imagenet_vit_b": ALWAYS | PROTOTYPES | {"mask_token/token"},  # modeling_pretrain.py
    # Neither tokens nor arrays of one dimension: util/lr_decay.py, and BEiT's optim_factory.py.
    "finetune_mae_imagenet_vit_b": ALWAYS | PROTOTYPES | {"mask_token/token"},
    "finetune_beit_imagenet_vit_b": ALWAYS | PROTOTYPES | {"mask_token/token"},
}


def shaped(tree):
    if isinstance(tree, dict):
        return {key: shaped(value) for key, value in tree.items()}
    return np.zeros(tree, np.float32)


@pytest.mark.parametrize("name", DECAYED)
def test_what_decays_is_what_decays_in_the_official_code(name):
    groups = recipe(name).optimizer.param_groups or DEFAULT_PARAM_GROUPS
    by_path = param_groups(shaped(VIT), groups, weight_decay=1.0)
    assert {path for path, one in by_path.items() if one.weight_decay} == DECAYED[name]


def test_in_ressl_scales_of_shortcuts_decay_and_other_norms_and_biases_do_not():
    layer = {"conv_0": {"kernel": 2}, "norm_0": {"scale": 2, "bias": 2}}
    shortcut = {"shortcut_conv": {"kernel": 2}, "shortcut_norm": {"scale": 2, "bias": 2}}
    params = {
        "encoder": {"stem_norm": {"scale": 2, "bias": 2}, "block_0": {**layer, **shortcut}},
        "projector": {"linear_0": {"kernel": 2, "bias": 2}},
    }
    groups = recipe("ressl_imagenet_resnet50").optimizer.param_groups
    by_path = param_groups(shaped(params), groups, weight_decay=1.0)
    spared = {path for path, one in by_path.items() if not one.weight_decay}
    block = "encoder/block_0"
    assert spared == {
        *(f"encoder/stem_norm/{leaf}" for leaf in ("scale", "bias")),
        *(f"{block}/norm_0/{leaf}" for leaf in ("scale", "bias")),
        f"{block}/shortcut_norm/bias",
        "projector/linear_0/bias",
    }


@pytest.mark.parametrize("name", ["simclr_imagenet_resnet50", "dcl_imagenet_resnet50"])
def test_what_lars_does_not_adapt_has_twice_the_rate_where_the_official_loss_is_a_sum(name):
    params = {"encoder": {"kernel": 2, "bias": 2, "norm": {"scale": 2}}}
    by_path = param_groups(shaped(params), recipe(name).optimizer.param_groups, weight_decay=1.0)
    scales = {path: (one.scale, one.trust_ratio) for path, one in by_path.items()}
    assert scales == {
        "encoder/bias": (2.0, False),
        "encoder/kernel": (1.0, True),
        "encoder/norm/scale": (2.0, False),
    }


def test_layers_of_a_finetuning_decay_as_in_maes_code():
    """util/lr_decay.py: the input 0.65^13, block i 0.65^(12 - i), norm and head 1."""
    config = recipe("finetune_mae_imagenet_vit_b")
    layers = np.zeros((12, 4, 4), np.float32)
    params = {
        "encoder": {
            "cls_token": np.zeros((1, 4)),
            "pos_embed": np.zeros((5, 4)),
            "patch_embed": {"linear": {"kernel": np.zeros((3, 4))}},
            "trunk": {"blocks": {"mlp": {"fc1": {"kernel": layers}}}},
        },
        "head": {"norm": {"scale": np.zeros(4)}, "output": {"kernel": np.zeros((4, 10))}},
    }
    by_path = param_groups(
        params,
        config.optimizer.param_groups,
        weight_decay=0.05,
        layer_decay=config.optimizer.layer_decay,
    )
    for path in ("cls_token", "pos_embed", "patch_embed/linear/kernel"):
        np.testing.assert_allclose(by_path[f"encoder/{path}"].scale, 0.65**13, rtol=1e-6)
    blocks = by_path["encoder/trunk/blocks/mlp/fc1/kernel"].scale
    np.testing.assert_allclose(blocks.ravel(), 0.65 ** (12 - np.arange(12)), rtol=1e-6)
    assert by_path["head/norm/scale"].scale == by_path["head/output/kernel"].scale == 1
    assert by_path["head/norm/scale"].weight_decay == 0


def test_inputs_of_data2vec2s_finetuning_take_full_steps():
    """mae_image_classification.py: of a multi-modal model, only blocks have a scale."""
    config = recipe("finetune_data2vec2_imagenet_vit_b")
    layers = {"mlp": {"kernel": np.zeros((12, 4, 4), np.float32)}}
    linear = {"kernel": np.zeros((3, 4)), "bias": np.zeros(4)}
    params = {"encoder": {"cls_token": np.zeros((1, 4)), "trunk": {"blocks": layers}}}
    params["encoder"]["patch_embed"] = {"linear": linear}
    groups = config.optimizer.param_groups
    decay = config.optimizer.layer_decay
    by_path = param_groups(params, groups, weight_decay=0.05, layer_decay=decay)
    for path in ("cls_token", "patch_embed/linear/kernel", "patch_embed/linear/bias"):
        np.testing.assert_allclose(by_path[f"encoder/{path}"].scale, 1, rtol=1e-6)
    assert not by_path["encoder/patch_embed/linear/bias"].weight_decay


def test_a_recipe_says_which_positions_it_has():
    """A file's encoder goes over that of the run, whose positions MAE and MoCo v3 fix."""
    for name in ("mae_imagenet_vit_b", "mae_imagenet_vit_l", "moco_v3_imagenet_vit_b"):
        assert recipe(f"finetune_{name}").encoder.positions == "learned"
    assert recipe("finetune_data2vec2_imagenet_vit_b").encoder.positions == "sincos"


# (step, learning rate) of recipes on texts and proteins, likewise.
RATES_BY_STEP = {
    "text/paper/finetune_bert_mrpc_base": [(0, 0), (34, 2e-5), (343, 0)],
    "audio/paper/mae_audioset_vit_b": [(0, 0), (3 * 4031, 4e-4), (33 * 4031, 0)],
    "audio/paper/byol_audioset_convolutions": [(0, 3e-4), (806_200, 3e-4)],
    "audio/paper/cpc_librispeech_gru": [(0, 2e-4), (300_000, 2e-4)],
    "audio/paper/finetune_ctc_librispeech100_base": [
        (4000, 1.515e-5),
        (8000, 3e-5),
        (40_000, 3e-5),
        (60_000, 3e-5 * 0.05**0.5),
        (80_000, 1.5e-6),
    ],
    "text/paper/finetune_bert_sst2_base": [(0, 0), (631, 2e-5), (6314, 0)],
    "text/paper/finetune_roberta_sst2_base": [(1256, 1e-5), (20_935, 0)],
    "text/paper/data2vec2_wikipedia_books_base": [(4000, 2e-4), (502_000, 1e-4), (1_000_000, 0)],
    "protein/paper/roberta_uniref50_esm1b": [(8000, 5e-5), (16_000, 1e-4), (400_000, 2e-5)],
}


@pytest.mark.parametrize("name", RATES_BY_STEP)
def test_learning_rates_by_step_are_those_of_the_official_code(name):
    config = config_of(f"experiments/{name}.py")
    rate = schedules(config.optimizer, steps=config.steps, batch_size=config.batch_size)
    for step, expected in RATES_BY_STEP[name]:
        found = rate["learning rate"](step)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12, err_msg=f"step {step}")


def test_wav2vec2s_finetuning_holds_the_convolutions_alone():
    """wav2vec2.py: feature_grad_mult of 0 is of the feature extractor, not of its projection."""
    config = config_of("experiments/audio/paper/finetune_ctc_librispeech100_base.py")
    names = ("conv_0/kernel", "norm_0/scale", "conv_6/kernel", "layer_norm/scale", "linear/kernel")
    params = {f"wave_embed/{name}": np.zeros(2, np.float32) for name in names}
    groups = config.optimizer.param_groups
    by_path = param_groups({"encoder": params, "head": np.zeros(2)}, groups, weight_decay=0.0)
    held = {path for path, group in by_path.items() if group.frozen}
    assert held == {f"encoder/wave_embed/{name}" for name in names[:3]}
