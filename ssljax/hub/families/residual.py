"""Residual networks: torchvision's and timm's names, which are the same, and Hugging Face's.

torchvision, models/resnet.py; timm, models/resnet.py; transformers, modeling_resnet.py.
"""

import re
from collections.abc import Callable
from typing import Any

from ssljax.errors import UserError
from ssljax.hub.families.family import Family, Plan
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given
from ssljax.hub.table import Row, batch_norm

_OURS = "encoder/stage_{s}/block_{b}"
_THEIRS = "layer{s:1}.{b}"
TORCHVISION = (
    Row("conv1.weight", "encoder/stem_conv/kernel", "convolution"),
    *batch_norm("bn1", "encoder/stem_norm"),
    Row(f"{_THEIRS}.conv{{c:1}}.weight", f"{_OURS}/conv_{{c}}/kernel", "convolution"),
    *batch_norm(f"{_THEIRS}.bn{{c:1}}", f"{_OURS}/norm_{{c}}"),
    Row(f"{_THEIRS}.downsample.0.weight", f"{_OURS}/shortcut_conv/kernel", "convolution"),
    *batch_norm(f"{_THEIRS}.downsample.1", f"{_OURS}/shortcut_norm"),
)
_STEM, _LAYER = "embedder.embedder", "encoder.stages.{s}.layers.{b}"
HUGGING_FACE = (
    Row(f"{_STEM}.convolution.weight", "encoder/stem_conv/kernel", "convolution"),
    *batch_norm(f"{_STEM}.normalization", "encoder/stem_norm"),
    Row(f"{_LAYER}.layer.{{c}}.convolution.weight", f"{_OURS}/conv_{{c}}/kernel", "convolution"),
    *batch_norm(f"{_LAYER}.layer.{{c}}.normalization", f"{_OURS}/norm_{{c}}"),
    Row(f"{_LAYER}.shortcut.convolution.weight", f"{_OURS}/shortcut_conv/kernel", "convolution"),
    *batch_norm(f"{_LAYER}.shortcut.normalization", f"{_OURS}/shortcut_norm"),
)
_SIZE = (224, 224)
_EXPANSION = {"basic": 1, "bottleneck": 4}


def _read_torchvision(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    shape = tensors.shape(named("conv1.weight"))
    sizes: dict[int, set[str]] = {}
    for name in tensors:
        if match := re.fullmatch(r"(?:.*\.)?layer(\d)\.(\d+)\.conv1\.weight", name):
            sizes.setdefault(int(match[1]), set()).add(match[2])
    if len(shape) != 4 or not sizes:
        raise UserError(f"{tensors.place} is no residual network: conv1.weight is {list(shape)}")
    bottleneck = named("layer1.0.conv3.weight") in tensors
    encoder = {
        "name": "resnet",
        "stage_sizes": tuple(len(sizes[stage]) for stage in sorted(sizes)),
        "block": "bottleneck" if bottleneck else "basic",
        "width": shape[0],
    }
    return Plan(encoder, {"name": "simclr"}, _SIZE, shape[1])


def _read_hugging_face(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    width = config.whole("embedding_size")
    kinds = {name: name for name in _EXPANSION}
    block = config.one_of("layer_type", kinds, "bottleneck")
    sizes, widths = config.values.get("depths"), config.values.get("hidden_sizes")
    if not isinstance(sizes, list) or not sizes or any(type(one) is not int for one in sizes):
        raise config.error("depths", "a list of whole numbers")
    wanted = [_EXPANSION[block] * width * 2**stage for stage in range(len(sizes))]
    if widths != wanted:
        raise config.error("hidden_sizes", f"{wanted}, the widths of stages behind {width}")
    for key in ("downsample_in_bottleneck", "downsample_in_first_stage"):
        if config.flag(key, False):
            raise config.error(key, "false: strides are those of version 1.5 here")
    if config.values.get("hidden_act", "relu") != "relu":
        raise config.error("hidden_act", "relu")
    encoder = {"name": "resnet", "stage_sizes": tuple(sizes), "block": block, "width": width}
    return Plan(encoder, {"name": "simclr"}, _SIZE, config.whole("num_channels", 3))


def _write_hugging_face(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    expansion = _EXPANSION[encoder.block]
    return {
        "architectures": ["ResNetModel"],
        "model_type": "resnet",
        "num_channels": channels,
        "embedding_size": encoder.width,
        "hidden_sizes": [expansion * encoder.width * 2**i for i in range(len(encoder.stage_sizes))],
        "depths": list(encoder.stage_sizes),
        "layer_type": encoder.block,
        "hidden_act": "relu",
        "downsample_in_first_stage": False,
        "downsample_in_bottleneck": False,
        "dtype": "float32",
    }


_KNOWN = {
    ("basic", (2, 2, 2, 2)): "resnet18",
    ("basic", (3, 4, 6, 3)): "resnet34",
    ("bottleneck", (3, 4, 6, 3)): "resnet50",
    ("bottleneck", (3, 4, 23, 3)): "resnet101",
    ("bottleneck", (3, 8, 36, 3)): "resnet152",
}


def _write_timm(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    sizes, width = tuple(encoder.stage_sizes), encoder.width
    arguments: dict[str, Any] = {"layers": list(sizes)} if len(sizes) == 4 else {}
    plan = (encoder.block, sizes)
    name = _KNOWN.get(plan)
    if name is None or width != 64:
        raise UserError(
            f"timm has no residual network of encoder.stage_sizes={sizes}, encoder.block="
            f"{encoder.block!r} and encoder.width={width}; export it with --to safetensors"
        )
    return {
        "architecture": name,
        "num_classes": 0,
        "num_features": _EXPANSION[encoder.block] * 512,
        "global_pool": "avg",
        "model_args": arguments | {"in_chans": channels},
    }


_NEEDS = {"stem": ("imagenet",)}
HF = Family(
    name="resnet",
    title="Hugging Face's ResNet",
    rows=HUGGING_FACE,
    anchor=f"{_STEM}.convolution.weight",
    prefixes=("", "resnet."),
    left_out=r"classifier\..*",
    read=_read_hugging_face,
    needs=_NEEDS,
    write=_write_hugging_face,
)
TIMM = Family(
    name="resnet",
    title="timm's and torchvision's ResNet",
    rows=TORCHVISION,
    anchor="conv1.weight",
    prefixes=("", "model.", "module.", "backbone."),
    left_out=r"(.*\.)?fc\..*",
    read=_read_torchvision,
    needs=_NEEDS,
    write=_write_timm,
)
