"""timm's vision transformers: one class, told apart by the tensors that a file has.

timm, models/vision_transformer.py (VisionTransformer), layers/pos_embed.py
(resample_abs_pos_embed: bicubic with antialias), layers/mlp.py (GluMlp: gate, then value).
"""

import math
from collections.abc import Callable
from typing import Any

from ssljax.errors import UserError
from ssljax.hub.families.family import Family, Plan
from ssljax.hub.families.transformers_vit import fixed_positions
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given, ratio
from ssljax.hub.table import Fixed, Row, fused, linear, norm, patches

_OURS = "encoder/trunk/block_{i}"
_MAPS = tuple(f"{_OURS}/attention/{name}" for name in ("query", "key", "value"))
ROWS = (
    Row("cls_token", "encoder/cls_token", "first"),
    Row("reg_token", "encoder/register_tokens", "first"),
    Row("pos_embed", "encoder/pos_embed", "first"),
    *patches("patch_embed.proj", "encoder/patch_embed/linear"),
    *norm("blocks.{i}.norm1", f"{_OURS}/norm1"),
    *fused("blocks.{i}.attn.qkv", *_MAPS),
    *norm("blocks.{i}.attn.q_norm", f"{_OURS}/attention/query_norm"),
    *norm("blocks.{i}.attn.k_norm", f"{_OURS}/attention/key_norm"),
    *linear("blocks.{i}.attn.proj", f"{_OURS}/attention/out"),
    Row("blocks.{i}.ls1.gamma", f"{_OURS}/scale1/gamma"),
    *norm("blocks.{i}.norm2", f"{_OURS}/norm2"),
    *fused("blocks.{i}.mlp.fc1", f"{_OURS}/mlp/gate", f"{_OURS}/mlp/fc1"),
    *linear("blocks.{i}.mlp.fc1", f"{_OURS}/mlp/fc1"),
    *linear("blocks.{i}.mlp.fc2", f"{_OURS}/mlp/fc2"),
    Row("blocks.{i}.ls2.gamma", f"{_OURS}/scale2/gamma"),
    *norm("norm", "encoder/trunk/norm"),
    *norm("fc_norm", "encoder/pooled_norm"),
    Fixed("pos_embed", lambda encoder, _: fixed_positions(encoder)),
)
# Heads of timm's models by width; a file does not say how many.
HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16, 1408: 16, 1536: 24, 1664: 16}
ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_tanh"}
# Objectives by what the name of a model says that it was trained by.
OBJECTIVES = {"dinov2": "dinov2", "dino": "dino", "mae": "mae", "ijepa": "i_jepa"}
_SIZES = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge"}


def _read(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    def shape(name: str, rank: int) -> tuple[int, ...]:
        if (own := named(name)) not in tensors:
            raise UserError(f"{tensors.place} lacks the tensor {own}")
        if len(found := tensors.shape(own)) != rank:
            raise UserError(f"{tensors.place}: {own} has the shape {list(found)}")
        return found

    def has(name: str) -> bool:
        return named(name) in tensors

    width, channels, patch, other = shape("patch_embed.proj.weight", 4)
    if patch != other:
        raise UserError(
            f"{tensors.place}: patches of {patch} x {other} pixels; they must be square"
        )
    blocks = {name.split("blocks.")[1].split(".")[0] for name in tensors if "blocks." in name}
    hidden, out = shape("blocks.0.mlp.fc1.weight", 2)[0], shape("blocks.0.mlp.fc2.weight", 2)[1]
    given = Given(config.values.get("model_args") or {}, config.where)
    if not isinstance(given.values, dict):
        raise config.error("model_args", "an object")
    encoder: dict[str, Any] = {
        "name": "vit",
        "width": width,
        "depth": len(blocks),
        "patch_size": patch,
        "mlp_ratio": ratio(out, width),
        "activation": given.one_of("act_layer", ACTIVATIONS, "gelu"),
        "class_token": has("cls_token"),
        "registers": shape("reg_token", 3)[1] if has("reg_token") else 0,
        "layer_scale": 1e-5 if has("blocks.0.ls1.gamma") else 0.0,
        "qkv_bias": has("blocks.0.attn.qkv.bias"),
        "qk_norm": has("blocks.0.attn.q_norm.weight"),
        "norm_pooled": has("fc_norm.weight"),
        "kernel_init": "normal",
        "token_init": "tiny",
    }
    if hidden == 2 * out:
        encoder |= {"activation": "swiglu", "mlp_ratio": _gated(out, width, tensors)}
    if encoder["qk_norm"]:
        encoder["heads"] = width // shape("blocks.0.attn.q_norm.weight", 1)[0]
    elif "num_heads" in given.values or width in HEADS:
        encoder["heads"] = given.whole("num_heads", HEADS.get(width))
    else:
        raise given.error("num_heads", f"which must be known for a width of {width}")
    pool = config.values.get("global_pool") or given.values.get("global_pool")
    encoder["pool"] = _pool(config, pool, encoder)
    rows = shape("pos_embed", 3)[1]
    side, encoder["class_position"] = _side(tensors, rows, int(encoder["class_token"]))
    encoder["image_size"] = side * patch
    name = str(config.values.get("architecture", ""))
    cfg = config.values.get("pretrained_cfg")
    tag = name + str(cfg.get("tag", "") if isinstance(cfg, dict) else "")
    objective = next((value for key, value in OBJECTIVES.items() if key in tag), "simclr")
    return Plan(encoder, {"name": objective}, (side * patch, side * patch), channels)


def _gated(hidden: int, width: int, tensors: Tensors) -> float:
    """Return the mlp_ratio by which "swiglu" has so many hidden units."""
    found = ratio(-(-hidden * 3 // 2), width)
    if -(-int(int(width * found) * 2 / 3) // 8) * 8 != hidden:
        raise UserError(
            f"{tensors.place}: a gated MLP of {hidden} hidden units; here they are a multiple of 8"
        )
    return found


def _pool(config: Given, pool: Any, encoder: dict[str, Any]) -> str:
    if pool in (None, ""):
        pool = "avg" if encoder["norm_pooled"] or not encoder["class_token"] else "token"
    known = {"token": "cls", "avg": "mean"}
    if pool not in known:
        raise config.error("global_pool", "token or avg")
    return known[pool]


def _side(tensors: Tensors, rows: int, first: int) -> tuple[int, bool]:
    """Return the side of the grid of the positions, and whether a class token has one."""
    for own in (first, 0):
        side = math.isqrt(rows - own)
        if side * side == rows - own:
            return side, own == first
    raise UserError(
        f"{tensors.place}: pos_embed has {rows} positions, which are not those of a square of "
        "patches, with or without a class token; positions of registers have no counterpart here"
    )


def _write(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    width, gated = encoder.width, encoder.activation == "swiglu"
    hidden = int(width * encoder.mlp_ratio)
    hidden = 2 * -(-int(hidden * 2 / 3) // 8) * 8 if gated else hidden
    size = encoder.image_size
    arguments = {
        "img_size": size if isinstance(size, int) else list(size),
        "patch_size": encoder.patch_size,
        "in_chans": channels,
        "embed_dim": width,
        "depth": encoder.depth,
        "num_heads": encoder.heads,
        "mlp_ratio": ratio(hidden, width),
        "qkv_bias": encoder.qkv_bias,
        "qk_norm": encoder.qk_norm,
        "init_values": encoder.layer_scale or None,
        "class_token": encoder.class_token,
        "no_embed_class": encoder.class_token and not encoder.class_position,
        "reg_tokens": encoder.registers,
        "global_pool": "avg" if encoder.pool == "mean" else "token",
        "fc_norm": encoder.norm_pooled,
    }
    if encoder.activation == "gelu_tanh":
        arguments["act_layer"] = "gelu_tanh"
    # Only the model of this name has a gated MLP, which no argument in JSON can ask for.
    name = f"vit_{_SIZES.get(width, 'base')}_patch16_224"
    return {
        "architecture": "vit_giant_patch14_dinov2" if gated else name,
        "num_classes": 0,
        "num_features": width,
        "global_pool": arguments["global_pool"],
        "model_args": arguments,
    }


VIT = Family(
    name="vit",
    title="timm's vision transformer",
    rows=ROWS,
    anchor="patch_embed.proj.weight",
    prefixes=("", "model.", "module.", "backbone."),
    left_out=r"(.*\.)?(head|head_dist|pre_logits)\..*|(.*\.)?mask_token",
    read=_read,
    needs={
        "positions": ("learned", "sincos"),
        "norm_epsilon": (1e-6,),
        "norm_first": (True,),
        "embedding_norm": (False,),
        "shared_layers": (False,),
        "activation": ("gelu", "gelu_tanh", "swiglu"),
        "patch_bias": (True,),
    },
    write=_write,
)
