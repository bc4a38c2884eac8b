"""The views of the papers' recipes are made by the operations of the official codes, read there."""

import pytest

from tests.experiments.configs import FILES, config_of

SIMCLR = ("bicubic", "simclr_v1", "tensorflow")
PILLOW = ("torchvision", "pillow")
# Filter of the crop, whose colours, whose blur; None where a recipe has no colours or no blur.
OFFICIAL = {
    "barlow_twins_imagenet_resnet50": ("bicubic", *PILLOW),  # main.py
    "beit_imagenet_vit_b": ("bicubic", "torchvision", None),  # unilm, beit/datasets.py
    "byol_imagenet_resnet50": SIMCLR,  # byol/utils/dataset.py, augmentations.py
    "data2vec2_imagenet_vit_b": ("bicubic", None, None),  # data/mae_image_dataset.py
    "dcl_imagenet_resnet50": SIMCLR,  # no official code
    "deepcluster_v2_imagenet_resnet50": ("bilinear", *PILLOW),  # swav, src/multicropdataset.py
    "dino_imagenet_vit_s": ("bicubic", *PILLOW),  # main_dino.py
    "dinov2_imagenet_vit_g": ("bicubic", "torchvision", "torchvision"),
    "dinov2_imagenet_vit_l": ("bicubic", "torchvision", "torchvision"),  # data/augmentations.py
    "i_jepa_imagenet_vit_h": ("bilinear", None, None),  # src/transforms.py
    "ibot_imagenet_vit_s": ("bicubic", *PILLOW),  # main_ibot.py
    "lejepa_imagenet_vit_h": ("bilinear", "torchvision", "torchvision"),  # MINIMAL.md
    "mae_imagenet_vit_l": ("bicubic", None, None),  # main_pretrain.py
    "moco_v1_imagenet_resnet50": ("bilinear", "torchvision", None),  # main_moco.py
    "moco_v2_imagenet_resnet50": ("bilinear", *PILLOW),
    "moco_v3_imagenet_resnet50": ("bilinear", *PILLOW),  # main_moco.py
    "moco_v3_imagenet_vit_b": ("bilinear", *PILLOW),
    "msn_imagenet_vit_s": ("bilinear", *PILLOW),  # src/data_manager.py
    "nnclr_imagenet_resnet50": SIMCLR,  # no official code
    "npid_imagenet_resnet50": ("bilinear", "torchvision", None),  # lemniscate, main.py
    "seed_distillation_imagenet_resnet18": ("bilinear", *PILLOW),  # as moco_v2
    "ressl_imagenet_resnet50": ("bilinear", *PILLOW),  # data/augmentation.py
    "simclr_imagenet_resnet50": SIMCLR,  # data_util.py of the first release
    "simmim_imagenet_vit_b": ("bilinear", None, None),  # data/data_simmim.py
    "simsiam_imagenet_resnet50": ("bilinear", *PILLOW),  # main_simsiam.py
    "supcon_imagenet_resnet50": SIMCLR,
    "swav_imagenet_resnet50": ("bilinear", *PILLOW),  # src/multicropdataset.py
    "tico_imagenet_resnet50": SIMCLR,  # no official code; its views are BYOL's
    "vicreg_imagenet_resnet50": ("bicubic", *PILLOW),  # augmentations.py
    "w_mse_imagenet_resnet50": ("bicubic", "simclr_v2", "tensorflow"),  # simclr, tf2/data_util.py
}


def _views(recipe: str) -> dict:
    return config_of(f"experiments/image/paper/{recipe}.py").objective.views.to_dict()


@pytest.mark.parametrize("recipe", OFFICIAL)
def test_crop_colours_and_blur_are_those_of_the_official_code(recipe):
    assert f"experiments/image/paper/{recipe}.py" in FILES
    interpolation, jitter, blur = OFFICIAL[recipe]
    for view in _views(recipe).values():
        assert view.get("interpolation", "bilinear") == interpolation
        coloured = any(view.get(name, 0) for name in ("brightness", "saturation", "hue"))
        if recipe != "ressl_imagenet_resnet50" or coloured:  # its weak view has neither
            assert coloured == (jitter is not None)
            assert ("blur_prob" in view) == (blur is not None)
        if coloured:
            assert view.get("jitter", "torchvision") == jitter
        if view.get("blur_prob", 0):
            assert view.get("blur", "torchvision") == blur
    kernels = {view.get("blur_kernel") for view in _views(recipe).values()}
    assert kernels == {{"dinov2": 9, "lejepa": 7}.get(recipe.partition("_")[0])}


def test_dino_has_the_crops_of_the_model_whose_numbers_are_cited():
    views = _views("dino_imagenet_vit_s")
    assert views["local"]["count"] == 10 and views["local"]["crop_scale"] == (0.05, 0.25)
    assert views["global1"]["crop_scale"] == views["global2"]["crop_scale"] == (0.25, 1.0)


def test_dinov2_blurs_as_often_as_its_code_does_and_not_as_it_says():
    views = _views("dinov2_imagenet_vit_l")
    blurred = {name: view["blur_prob"] for name, view in views.items()}
    assert blurred == {"global1": 0.0, "global2": 0.9, "local": 0.5}
