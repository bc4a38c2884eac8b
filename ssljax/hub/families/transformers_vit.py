"""Hugging Face's vision transformers: ViT (and with it DINO), ViT-MAE, I-JEPA, DINOv2.

Names are those of the files on the hub; transformers 5 calls some modules differently in memory and
changes the names as it loads and saves. transformers, modeling_vit.py, modeling_vit_mae.py,
modeling_ijepa.py, modeling_dinov2.py, modeling_dinov2_with_registers.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ssljax.errors import UserError
from ssljax.hub.families.family import Family, Plan
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given, ratio
from ssljax.hub.table import Fixed, Row, fused, linear, norm, patches
from ssljax.models.positions import sincos

POSITIONS = "embeddings.position_embeddings"
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
CALLED = {"gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh"}
_CLOSE = 1e-5  # between a table of fixed positions and ours


def _attention(theirs: str, ours: str) -> tuple[Row, ...]:
    maps = ("query", "key", "value")
    return (
        *(row for m in maps for row in linear(f"{theirs}.attention.{m}", f"{ours}/{m}")),
        *linear(f"{theirs}.output.dense", f"{ours}/out"),
    )


def block(theirs: str, ours: str) -> tuple[Row, ...]:
    """Return the rows of a block of a transformer."""
    return (
        *norm(f"{theirs}.layernorm_before", f"{ours}/norm1"),
        *_attention(f"{theirs}.attention", f"{ours}/attention"),
        *norm(f"{theirs}.layernorm_after", f"{ours}/norm2"),
        *linear(f"{theirs}.intermediate.dense", f"{ours}/mlp/fc1"),
        *linear(f"{theirs}.output.dense", f"{ours}/mlp/fc2"),
    )


EMBEDDINGS = (
    Row("embeddings.cls_token", "encoder/cls_token", "first"),
    Row("embeddings.register_tokens", "encoder/register_tokens", "first"),
    Row(POSITIONS, "encoder/pos_embed", "first"),
    *patches("embeddings.patch_embeddings.projection", "encoder/patch_embed/linear"),
)
VIT = (
    *EMBEDDINGS,
    *block("encoder.layer.{i}", "encoder/trunk/block_{i}"),
    *norm("layernorm", "encoder/trunk/norm"),
)
DECODER = (
    Row("decoder.mask_token", "decoder/mask_token", "first_of_first"),
    *linear("decoder.decoder_embed", "decoder/embed"),
    *block("decoder.decoder_layers.{i}", "decoder/trunk/block_{i}"),
    *norm("decoder.decoder_norm", "decoder/trunk/norm"),
    *linear("decoder.decoder_pred", "decoder/output"),
)
_THEIRS, _OURS = "encoder.layer.{i}", "encoder/trunk/block_{i}"
DINOV2 = (
    *EMBEDDINGS,
    Row("embeddings.mask_token", "mask_token/token", "first"),
    *norm(f"{_THEIRS}.norm1", f"{_OURS}/norm1"),
    *_attention(f"{_THEIRS}.attention", f"{_OURS}/attention"),
    Row(f"{_THEIRS}.layer_scale1.lambda1", f"{_OURS}/scale1/gamma"),
    *norm(f"{_THEIRS}.norm2", f"{_OURS}/norm2"),
    *fused(f"{_THEIRS}.mlp.weights_in", f"{_OURS}/mlp/gate", f"{_OURS}/mlp/fc1"),
    *linear(f"{_THEIRS}.mlp.fc1", f"{_OURS}/mlp/fc1"),
    *linear(f"{_THEIRS}.mlp.weights_out", f"{_OURS}/mlp/fc2", beside=f"{_OURS}/mlp/gate/kernel"),
    *linear(f"{_THEIRS}.mlp.fc2", f"{_OURS}/mlp/fc2"),
    Row(f"{_THEIRS}.layer_scale2.lambda1", f"{_OURS}/scale2/gamma"),
    *norm("layernorm", "encoder/trunk/norm"),
)


def fixed_positions(encoder: Any) -> np.ndarray | None:
    """Return MAE's positions [1, tokens, width] if the encoder's are these, 0 for a class token."""
    if encoder.positions != "sincos":
        return None
    return _fixed(encoder.trained_grid((1, 1)), encoder.width, int(encoder.class_token))


def decoder_positions(encoder: Any, objective: Any) -> np.ndarray | None:
    """Return the positions of MAE's decoder, None for another objective."""
    if not hasattr(objective, "decoder_width"):
        return None
    return _fixed(encoder.trained_grid((1, 1)), objective.decoder_width, 1)


def _fixed(grid: tuple[int, ...], width: int, first: int) -> np.ndarray:
    return np.pad(sincos(grid, width), ((first, 0), (0, 0)))[None]


def positions_of(table: np.ndarray, size: tuple[int, int], patch: int, first: int) -> str:
    """Return "sincos" if a table [1, tokens, width] is the fixed one of MAE, else "learned"."""
    grid = tuple(side // patch for side in size)
    if table.shape[2] % 4 or table.shape[1] != first + grid[0] * grid[1]:
        return "learned"  # the wrong shapes are told when all shapes are compared
    near = np.abs(table - _fixed(grid, table.shape[2], first)).max() <= _CLOSE
    return "sincos" if near else "learned"


# ── From config.json to what an encoder is, and back ─────────────────────────────────────────────


def _base(config: Given) -> tuple[dict[str, Any], tuple[int, int], int]:
    """Return what all have in common: (encoder, image size, channels)."""
    width, size = config.whole("hidden_size"), config.size("image_size")
    encoder = {
        "name": "vit",
        "width": width,
        "depth": config.whole("num_hidden_layers"),
        "heads": config.whole("num_attention_heads"),
        "patch_size": config.whole("patch_size"),
        "image_size": size,
        "activation": config.one_of("hidden_act", ACTIVATIONS, "gelu"),
        "norm_epsilon": config.number("layer_norm_eps", 1e-12),
        "qkv_bias": config.flag("qkv_bias", True),
        "positions_interpolation": "bicubic",
        "kernel_init": "normal",
    }
    if width % encoder["heads"]:
        raise config.error("num_attention_heads", f"a divisor of hidden_size={width}")
    size = (size, size) if isinstance(size, int) else size
    if any(side % encoder["patch_size"] for side in size):
        raise config.error("patch_size", f"a divisor of image_size={encoder['image_size']}")
    return encoder, size, config.whole("num_channels", 3)


def _read_plain(
    config: Given, tensors: Tensors, named: Callable[[str], str], *, first: int
) -> tuple[dict[str, Any], tuple[int, int], int]:
    encoder, size, channels = _base(config)
    encoder["mlp_ratio"] = ratio(config.whole("intermediate_size"), encoder["width"])
    if not first:
        encoder |= {"class_token": False, "pool": "mean"}
    if (name := named(POSITIONS)) in tensors and len(tensors.shape(name)) == 3:
        table = np.asarray(tensors[name], np.float32)
        encoder["positions"] = positions_of(table, size, encoder["patch_size"], first)
    return encoder, size, channels


def _read_vit(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    encoder, size, channels = _read_plain(config, tensors, named, first=1)
    return Plan(encoder, {"name": "dino"}, size, channels)


def _read_ijepa(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    encoder, size, channels = _read_plain(config, tensors, named, first=0)
    return Plan(encoder, {"name": "i_jepa"}, size, channels)


def _read_mae(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    encoder, size, channels = _read_plain(config, tensors, named, first=1)
    width = config.whole("decoder_hidden_size", 512)
    if config.whole("decoder_intermediate_size", 4 * width) != 4 * width:
        raise config.error("decoder_intermediate_size", f"4 decoder_hidden_size = {4 * width}")
    if encoder["activation"] != "gelu":
        raise config.error("hidden_act", "gelu, which the decoder here has")
    if not encoder["qkv_bias"]:
        raise config.error("qkv_bias", "true, as it is in the decoder here")
    objective = {
        "name": "mae",
        "normalize_targets": config.flag("norm_pix_loss", False),
        "decoder_width": width,
        "decoder_depth": config.whole("decoder_num_hidden_layers", 8),
        "decoder_heads": config.whole("decoder_num_attention_heads", 16),
    }
    if 0 < config.number("mask_ratio", 0.75) < 1:  # 0 in a file that is used to encode
        objective["mask_ratio"] = config.number("mask_ratio", 0.75)
    return Plan(encoder, objective, size, channels)


def _read_dinov2(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    encoder, size, channels = _base(config)
    scale = config.number("layerscale_value", 1.0)
    encoder |= {
        "norm_epsilon": config.number("layer_norm_eps", 1e-6),
        "mlp_ratio": config.number("mlp_ratio", 4),
        "layer_scale": scale if 0 < scale <= 1 else 1e-5,  # where a fresh one would start
        "token_init": "tiny",
    }
    if config.flag("use_swiglu_ffn", False):
        encoder["activation"] = "swiglu"
    return Plan(encoder, {"name": "dinov2"}, size, channels)


def _read_registers(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    plan = _read_dinov2(config, tensors, named)
    plan.encoder["registers"] = config.whole("num_register_tokens", 4)
    plan.encoder["positions_interpolation"] = "lowpass"
    return plan


def _written(model_type: str, architecture: str, encoder: Any, channels: int) -> dict[str, Any]:
    return {
        "architectures": [architecture],
        "model_type": model_type,
        "hidden_size": encoder.width,
        "num_hidden_layers": encoder.depth,
        "num_attention_heads": encoder.heads,
        "patch_size": encoder.patch_size,
        "image_size": _side(encoder.image_size),
        "num_channels": channels,
        "hidden_act": CALLED.get(encoder.activation, "gelu"),
        "layer_norm_eps": encoder.norm_epsilon,
        "qkv_bias": encoder.qkv_bias,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "dtype": "float32",
    }


def _side(size: int | tuple[int, int]) -> int:
    if isinstance(size, int):
        return size
    if len(set(size)) > 1:  # its positions are of a square
        raise UserError(f"encoder.image_size={size}: Hugging Face's positions are of a square")
    return size[0]


def _write_plain(model_type: str, architecture: str) -> Callable[..., dict[str, Any]]:
    def write(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
        return {
            **_written(model_type, architecture, encoder, channels),
            "intermediate_size": int(encoder.width * encoder.mlp_ratio),
        }

    return write


def _write_mae(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    config = _write_plain("vit_mae", "ViTMAEForPreTraining")(encoder, objective, channels)
    return {
        **config,
        "decoder_hidden_size": objective.decoder_width,
        "decoder_intermediate_size": 4 * objective.decoder_width,
        "decoder_num_hidden_layers": objective.decoder_depth,
        "decoder_num_attention_heads": objective.decoder_heads,
        "mask_ratio": objective.mask_ratio,
        "norm_pix_loss": objective.normalize_targets,
    }


def _write_dinov2(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    ratio_ = encoder.mlp_ratio
    if int(ratio_) != ratio_:  # whole numbers are all that Dinov2Config takes
        raise UserError(
            f"encoder.mlp_ratio={ratio_}: Hugging Face's DINOv2 takes whole numbers only"
        )
    return {
        **_written("dinov2", "Dinov2Model", encoder, channels),
        "mlp_ratio": int(ratio_),
        "layerscale_value": encoder.layer_scale,
        "use_swiglu_ffn": encoder.activation == "swiglu",
        "use_mask_token": hasattr(objective, "patch_prototypes"),
    }


def _write_registers(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    config = _write_dinov2(encoder, objective, channels)
    del config["use_mask_token"]
    return {
        **config,
        "architectures": ["Dinov2WithRegistersModel"],
        "model_type": "dinov2_with_registers",
        "num_register_tokens": encoder.registers,
    }


# ── Families ─────────────────────────────────────────────────────────────────────────────────────

_NEEDS: Mapping[str, tuple[Any, ...]] = {
    "qk_norm": (False,),
    "norm_first": (True,),
    "embedding_norm": (False,),
    "shared_layers": (False,),
    "norm_pooled": (False,),
    "class_position": (True,),
    "patch_bias": (True,),
}
_PLAIN = {
    **_NEEDS,
    "registers": (0,),
    "layer_scale": (0.0,),
    "positions": ("learned", "sincos"),
    "activation": ("gelu", "gelu_tanh"),
}
_SCALED = {
    **_NEEDS,
    "class_token": (True,),
    "positions": ("learned",),
    "activation": ("gelu", "gelu_tanh", "swiglu"),
}
_ANCHOR = "embeddings.patch_embeddings.projection.weight"
_HEADS = r"(.*\.)?(classifier|pooler|lm_head|decoder\.\d+)\..*|(.*\.)?embeddings\.mask_token"

FAMILIES = (
    Family(
        name="vit",
        title="Hugging Face's ViT",
        rows=(*VIT, Fixed(POSITIONS, lambda encoder, _: fixed_positions(encoder))),
        anchor=_ANCHOR,
        prefixes=("", "vit."),
        left_out=_HEADS,
        read=_read_vit,
        needs={**_PLAIN, "class_token": (True,)},
        write=_write_plain("vit", "ViTModel"),
    ),
    Family(
        name="vit_mae",
        title="Hugging Face's ViT-MAE",
        rows=(
            *VIT,
            *DECODER,
            Fixed(POSITIONS, lambda encoder, _: fixed_positions(encoder)),
            Fixed("decoder.decoder_pos_embed", decoder_positions),
        ),
        anchor=_ANCHOR,
        prefixes=("vit.", ""),
        left_out=_HEADS,
        read=_read_mae,
        needs={
            **_PLAIN,
            "class_token": (True,),
            "pool": ("cls",),
            "activation": ("gelu",),
            "qkv_bias": (True,),
        },
        write=_write_mae,
        own="decoder.",
        # transformers 5.23 saves the decoder's blocks under this name.
        spellings=((r"^decoder\.decoder_encoder\.layer\.", "decoder.decoder_layers."),),
    ),
    Family(
        name="ijepa",
        title="Hugging Face's I-JEPA",
        rows=(*VIT, Fixed(POSITIONS, lambda encoder, _: fixed_positions(encoder))),
        anchor=_ANCHOR,
        prefixes=("", "ijepa."),
        left_out=_HEADS,
        read=_read_ijepa,
        needs={**_PLAIN, "class_token": (False,)},
        write=_write_plain("ijepa", "IJepaModel"),
    ),
    Family(
        name="dinov2",
        title="Hugging Face's DINOv2",
        rows=DINOV2,
        anchor=_ANCHOR,
        prefixes=("", "dinov2.", "backbone."),
        left_out=r"classifier\..*",
        read=_read_dinov2,
        needs={**_SCALED, "registers": (0,)},
        write=_write_dinov2,
    ),
    Family(
        name="dinov2_with_registers",
        title="Hugging Face's DINOv2 with registers",
        rows=DINOV2,
        anchor=_ANCHOR,
        prefixes=("", "dinov2_with_registers.", "backbone."),
        left_out=r"classifier\..*",
        read=_read_registers,
        needs=_SCALED,
        write=_write_registers,
    ),
)
