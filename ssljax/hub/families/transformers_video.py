"""Hugging Face's transformers of videos: VideoMAE and V-JEPA 2.

Names are those of the files on the hub. transformers, modeling_videomae.py, modeling_vjepa2.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ssljax.errors import UserError
from ssljax.hub.families.family import Family, Plan
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given, ratio
from ssljax.hub.table import Absent, Row, linear, norm, patches
from ssljax.spec import Field

ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
_CALLED = {"gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh"}


def _videomae_block(theirs: str, ours: str) -> tuple[Row | Absent, ...]:
    attention = f"{theirs}.attention.attention"
    return (
        *norm(f"{theirs}.layernorm_before", f"{ours}/norm1"),
        *(row for m in ("query", "value") for row in linear(f"{attention}.{m}", _map(ours, m))),
        Row(f"{attention}.key.weight", f"{_map(ours, 'key')}/kernel", "transposed"),
        # It adds one number to all scores of a query, which softmax does not see.
        Absent(f"{_map(ours, 'key')}/bias"),
        *linear(f"{theirs}.attention.output.dense", _map(ours, "out")),
        *norm(f"{theirs}.layernorm_after", f"{ours}/norm2"),
        *linear(f"{theirs}.intermediate.dense", f"{ours}/mlp/fc1"),
        *linear(f"{theirs}.output.dense", f"{ours}/mlp/fc2"),
    )


def _vjepa2_block(theirs: str, ours: str) -> tuple[Row, ...]:
    maps = {"query": "query", "key": "key", "value": "value", "proj": "out"}
    return (
        *norm(f"{theirs}.norm1", f"{ours}/norm1"),
        *(
            row
            for name, own in maps.items()
            for row in linear(f"{theirs}.attention.{name}", _map(ours, own))
        ),
        *norm(f"{theirs}.norm2", f"{ours}/norm2"),
        *linear(f"{theirs}.mlp.fc1", f"{ours}/mlp/fc1"),
        *linear(f"{theirs}.mlp.fc2", f"{ours}/mlp/fc2"),
    )


def _map(block: str, name: str) -> str:
    return f"{block}/attention/{name}"


VIDEOMAE = (
    *patches("embeddings.patch_embeddings.projection", "encoder/patch_embed/linear"),
    *_videomae_block("encoder.layer.{i}", "encoder/trunk/block_{i}"),
    *norm("layernorm", "encoder/trunk/norm"),
    *norm("fc_norm", "encoder/pooled_norm"),
    Row("mask_token", "decoder/mask_token", "first_of_first"),
    Row("encoder_to_decoder.weight", "decoder/embed/kernel", "transposed"),
    *_videomae_block("decoder.decoder_layers.{i}", "decoder/trunk/block_{i}"),
    *norm("decoder.norm", "decoder/trunk/norm"),
    *linear("decoder.head", "decoder/output"),
)
VJEPA2 = (
    *patches("encoder.embeddings.patch_embeddings.proj", "encoder/patch_embed/linear"),
    *_vjepa2_block("encoder.layer.{i}", "encoder/trunk/block_{i}"),
    *norm("encoder.layernorm", "encoder/trunk/norm"),
    *linear("predictor.embeddings.predictor_embeddings", "predictor/embed"),
    Row("predictor.embeddings.mask_tokens", "predictor/mask_token", "tokens"),
    *_vjepa2_block("predictor.layer.{i}", "predictor/trunk/block_{i}"),
    *norm("predictor.layernorm", "predictor/trunk/norm"),
    *linear("predictor.proj", "predictor/output"),
)


# ── From config.json to what an encoder is, and back ─────────────────────────────────────────────


def _plan(
    config: Given, size: str, frames: str, channels: str, encoder: dict, objective: dict
) -> Plan:
    """Return the plan, with what both families have; the arguments are the names of keys."""
    width, side = config.whole("hidden_size"), config.whole(size)
    encoder = {
        "name": "video_transformer",
        "width": width,
        "depth": config.whole("num_hidden_layers"),
        "heads": config.whole("num_attention_heads"),
        "patch_size": config.whole("patch_size", 16),
        "tubelet": config.whole("tubelet_size", 2),
        "image_size": side,
        "frames": config.whole(frames),
        "activation": config.one_of("hidden_act", ACTIVATIONS, "gelu"),
        **encoder,
    }
    if width % encoder["heads"]:
        raise config.error("num_attention_heads", f"a divisor of hidden_size={width}")
    if side % encoder["patch_size"]:
        raise config.error("patch_size", f"a divisor of {size}={side}")
    if encoder["frames"] % encoder["tubelet"]:
        raise config.error("tubelet_size", f"a divisor of {frames}={encoder['frames']}")
    count = config.whole(channels, 3)
    shape = (encoder["frames"], side, side, count)
    return Plan(encoder, objective, (side, side), count, field=Field("video", shape, "uint8"))


def _read_videomae(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    width, hidden = config.whole("decoder_hidden_size", 384), config.whole("intermediate_size")
    if config.whole("decoder_intermediate_size", 4 * width) != 4 * width:
        raise config.error("decoder_intermediate_size", f"4 decoder_hidden_size = {4 * width}")
    if config.one_of("hidden_act", ACTIVATIONS, "gelu") != "gelu":
        raise config.error("hidden_act", "gelu, which the decoder here has")
    biased = "qkv_bias" if "qkv_bias" in config.values else "qv_bias"
    if not config.flag(biased, True):
        raise config.error(biased, "true, as it is in the decoder here")
    encoder = {
        "positions": "sincos_numbered",
        "norm_epsilon": config.number("layer_norm_eps", 1e-12),
        "mlp_ratio": ratio(hidden, config.whole("hidden_size")),
        "norm_pooled": config.flag("use_mean_pooling", True),
    }
    objective = {
        "name": "mae",
        "tubes": True,
        "mask_ratio": 0.9,
        "normalize_targets": config.flag("norm_pix_loss", True),
        "decoder_width": width,
        "decoder_depth": config.whole("decoder_num_hidden_layers", 4),
        "decoder_heads": config.whole("decoder_num_attention_heads", 6),
        "decoder_summary": False,
    }
    return _plan(config, "image_size", "num_frames", "num_channels", encoder, objective)


def _read_vjepa2(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    if config.number("pred_mlp_ratio", 4) != 4:
        raise config.error("pred_mlp_ratio", "4, as it is in the predictor here")
    if not config.flag("qkv_bias", True):
        raise config.error("qkv_bias", "true, as it is in the predictor here")
    if config.one_of("hidden_act", ACTIVATIONS, "gelu") != "gelu":
        raise config.error("hidden_act", "gelu, which the predictor here has")
    if config.whole("pred_num_mask_tokens", 10) < 2:
        raise config.error("pred_num_mask_tokens", "a whole number above 1")
    encoder = {
        "positions": "rotary_v_jepa2",
        "norm_epsilon": config.number("layer_norm_eps", 1e-6),
        "mlp_ratio": config.number("mlp_ratio", 4),
        "kernel_init": "normal",
    }
    objective = {
        "name": "i_jepa",
        "tubes": ((8, 0.15), (2, 0.7)),
        "distance": "l1",
        "momentum": 0.99925,
        "momentum_end": 0.99925,
        "mask_tokens": config.whole("pred_num_mask_tokens", 10),
        "predictor_width": config.whole("pred_hidden_size", 384),
        "predictor_depth": config.whole("pred_num_hidden_layers", 12),
        "predictor_heads": config.whole("pred_num_attention_heads", 12),
    }
    return _plan(config, "crop_size", "frames_per_clip", "in_chans", encoder, objective)


def _written(kind: str, architecture: str, encoder: Any) -> dict[str, Any]:
    return {
        "architectures": [architecture],
        "model_type": kind,
        "hidden_size": encoder.width,
        "num_hidden_layers": encoder.depth,
        "num_attention_heads": encoder.heads,
        "patch_size": encoder.patch_size,
        "tubelet_size": encoder.tubelet,
        "hidden_act": _CALLED[encoder.activation],
        "layer_norm_eps": encoder.norm_epsilon,
        "dtype": "float32",
    }


def _side(encoder: Any) -> int:
    size = encoder.image_size
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) > 1:
        raise UserError(f"encoder.image_size={size}: Hugging Face's videos are square")
    return sides.pop()


def _write_videomae(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    config = {
        **_written("videomae", "VideoMAEModel", encoder),
        "image_size": _side(encoder),
        "num_frames": encoder.frames,
        "num_channels": channels,
        "intermediate_size": int(encoder.width * encoder.mlp_ratio),
        "qv_bias": True,
        "use_mean_pooling": encoder.norm_pooled,
    }
    if not hasattr(objective, "decoder_width"):
        return config
    if objective.decoder_summary:
        raise UserError(
            "Hugging Face's VideoMAE has no counterpart of objective.decoder_summary=True; it has "
            "False"
        )
    return {
        **config,
        "architectures": ["VideoMAEForPreTraining"],
        "decoder_hidden_size": objective.decoder_width,
        "decoder_intermediate_size": 4 * objective.decoder_width,
        "decoder_num_hidden_layers": objective.decoder_depth,
        "decoder_num_attention_heads": objective.decoder_heads,
        "norm_pix_loss": objective.normalize_targets,
    }


def _write_vjepa2(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    config = {
        **_written("vjepa2", "VJEPA2Model", encoder),
        "crop_size": _side(encoder),
        "frames_per_clip": encoder.frames,
        "in_chans": channels,
        "mlp_ratio": encoder.mlp_ratio,
        "qkv_bias": True,
    }
    if not hasattr(objective, "predictor_heads"):
        return config
    if objective.mask_tokens < 2:
        raise UserError(
            "Hugging Face's V-JEPA 2 has no counterpart of objective.mask_tokens=1; it has 2 up"
        )
    return {
        **config,
        "pred_hidden_size": objective.predictor_width,
        "pred_num_attention_heads": objective.heads,
        "pred_num_hidden_layers": objective.predictor_depth,
        "pred_num_mask_tokens": objective.mask_tokens,
    }


# ── Families ─────────────────────────────────────────────────────────────────────────────────────

_NEEDS: Mapping[str, tuple[Any, ...]] = {
    "qk_norm": (False,),
    "norm_first": (True,),
    "embedding_norm": (False,),
    "shared_layers": (False,),
    "class_token": (False,),
    "registers": (0,),
    "layer_scale": (0.0,),
    "qkv_bias": (True,),
    "activation": ("gelu",),
}

FAMILIES = (
    Family(
        name="videomae",
        title="Hugging Face's VideoMAE",
        rows=VIDEOMAE,
        anchor="embeddings.patch_embeddings.projection.weight",
        prefixes=("videomae.", ""),
        own=("decoder.", "encoder_to_decoder.", "mask_token", "fc_norm."),
        left_out=r"(.*\.)?classifier\..*",
        read=_read_videomae,
        needs={**_NEEDS, "positions": ("sincos_numbered",)},
        write=_write_videomae,
        # Files made by older versions of transformers.
        spellings=(
            (r"attention\.attention\.q_bias$", "attention.attention.query.bias"),
            (r"attention\.attention\.v_bias$", "attention.attention.value.bias"),
        ),
    ),
    Family(
        name="vjepa2",
        title="Hugging Face's V-JEPA 2",
        rows=VJEPA2,
        anchor="encoder.embeddings.patch_embeddings.proj.weight",
        prefixes=("", "vjepa2."),
        left_out=r"(.*\.)?(pooler|classifier)\..*",
        read=_read_vjepa2,
        needs={**_NEEDS, "positions": ("rotary_v_jepa2",), "norm_pooled": (False,)},
        write=_write_vjepa2,
    ),
)
