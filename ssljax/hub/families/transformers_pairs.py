"""Hugging Face's models of images with texts: CLIP and SigLIP.

transformers, modeling_clip.py and modeling_siglip.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ssljax.errors import UserError
from ssljax.hub.families.family import Family, Plan
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given, ratio
from ssljax.hub.table import Row, linear, norm, patches
from ssljax.spec import Field

ACTIVATIONS = {
    "quick_gelu": "gelu_quick",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
}
_CALLED = {"gelu_quick": "quick_gelu", "gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh"}
_ROLES = {"pad_token_id": "pad", "bos_token_id": "cls", "eos_token_id": "sep"}


def _blocks(theirs: str, ours: str) -> tuple[Row, ...]:
    theirs, ours = f"{theirs}.encoder.layers.{{i}}", f"{ours}/trunk/block_{{i}}"
    maps = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "out"}
    return (
        *norm(f"{theirs}.layer_norm1", f"{ours}/norm1"),
        *(
            row
            for name, own in maps.items()
            for row in linear(f"{theirs}.self_attn.{name}", f"{ours}/attention/{own}")
        ),
        *norm(f"{theirs}.layer_norm2", f"{ours}/norm2"),
        *linear(f"{theirs}.mlp.fc1", f"{ours}/mlp/fc1"),
        *linear(f"{theirs}.mlp.fc2", f"{ours}/mlp/fc2"),
    )


TOWERS = (
    *patches("vision_model.embeddings.patch_embedding", "encoder/patch_embed/linear"),
    Row("vision_model.embeddings.position_embedding.weight", "encoder/pos_embed"),
    *_blocks("vision_model", "encoder"),
    *norm("vision_model.post_layernorm", "encoder/trunk/norm"),
    Row("text_model.embeddings.token_embedding.weight", "text_encoder/token_embed/embedding"),
    Row("text_model.embeddings.position_embedding.weight", "text_encoder/pos_embed"),
    *_blocks("text_model", "text_encoder"),
    *norm("text_model.final_layer_norm", "text_encoder/trunk/norm"),
)
CLIP = (
    *TOWERS,
    Row("vision_model.embeddings.class_embedding", "encoder/cls_token", "row"),
    *norm("vision_model.pre_layrnorm", "encoder/embedding_norm"),
    *linear("visual_projection", "image_projector/output"),
    *linear("text_projection", "text_projector/output"),
    Row("logit_scale", "scale/value"),
)
_HEAD, _POOL = "vision_model.head", "encoder/pool_map"
_MAPS = ("query", "key", "value")
SIGLIP = (
    *TOWERS,
    Row(f"{_HEAD}.probe", f"{_POOL}/probe", "first"),
    Row(f"{_HEAD}.attention.in_proj_weight", tuple(f"{_POOL}/{m}/kernel" for m in _MAPS), "split"),
    Row(f"{_HEAD}.attention.in_proj_bias", tuple(f"{_POOL}/{m}/bias" for m in _MAPS), "split_bias"),
    *linear(f"{_HEAD}.attention.out_proj", f"{_POOL}/out"),
    *norm(f"{_HEAD}.layernorm", f"{_POOL}/norm"),
    *linear(f"{_HEAD}.mlp.fc1", f"{_POOL}/mlp/fc1"),
    *linear(f"{_HEAD}.mlp.fc2", f"{_POOL}/mlp/fc2"),
    *linear("text_model.head", "text_projector/output"),
    Row("logit_scale", "scale/value", "first"),
    Row("logit_bias", "bias/value", "first"),
)

# ── From config.json to what the encoders are, and back ──────────────────────────────────────────

# What a section leaves out is the default of its class in transformers.
_DEFAULTS = {
    "clip": {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "num_hidden_layers": 12},
    "siglip": {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "num_hidden_layers": 12},
}
_VISION = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "image_size": 224,
    "num_channels": 3,
}
_OWN = {
    ("clip", "vision_config"): {**_VISION, "patch_size": 32},
    ("siglip", "vision_config"): {**_VISION, "patch_size": 16},
    ("clip", "text_config"): {
        "hidden_size": 512,
        "intermediate_size": 2048,
        "num_attention_heads": 8,
        "max_position_embeddings": 77,
        "vocab_size": 49408,
        "pad_token_id": 1,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
    },
    ("siglip", "text_config"): {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_attention_heads": 12,
        "max_position_embeddings": 64,
        "vocab_size": 32000,
        "pad_token_id": 1,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
    },
}

# openai/CLIP, clip/clip.py (_transform); google-research/big_vision, pp/ops_image.py
# (get_value_range from -1 to 1).
_NORMALISED = {
    "clip": (
        "CLIP",
        (0.48145466, 0.4578275, 0.40821073),
        (0.26862954, 0.26130258, 0.27577711),
    ),
    "siglip": ("SigLIP", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def _section(kind: str, config: Given, key: str) -> Given:
    values = config.values.get(key) or {}
    if not isinstance(values, dict):
        raise config.error(key, "an object")
    return Given({**_DEFAULTS[kind], **_OWN[kind, key], **values}, config.where)


def _transformer(config: Given) -> dict[str, Any]:
    width, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    if width % heads:
        raise config.error("num_attention_heads", f"a divisor of hidden_size={width}")
    return {
        "width": width,
        "depth": config.whole("num_hidden_layers"),
        "heads": heads,
        "mlp_ratio": ratio(config.whole("intermediate_size"), width),
        "activation": config.one_of("hidden_act", ACTIVATIONS, "gelu"),
        "norm_epsilon": config.number("layer_norm_eps"),
        "kernel_init": "normal",
    }


def _read(
    kind: str, image: Mapping[str, Any], text: Mapping[str, Any], objective: Callable
) -> Callable[[Given, Tensors, Callable[[str], str]], Plan]:
    def read(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
        vision = _section(kind, config, "vision_config")
        words = _section(kind, config, "text_config")
        size, patch = vision.size("image_size"), vision.whole("patch_size")
        sides = (size, size) if isinstance(size, int) else size
        if any(side % patch for side in sides):
            raise vision.error("patch_size", f"a divisor of image_size={size}")
        encoder = {
            "name": "vit",
            **_transformer(vision),
            "patch_size": patch,
            "image_size": size,
            "positions_interpolation": "bicubic",
            **image,
        }
        length = words.whole("max_position_embeddings")
        others = {"name": "text_transformer", **_transformer(words), "length": length, **text}
        vocab = words.whole("vocab_size")
        special = {role: words.values.get(key) for key, role in _ROLES.items()}
        special = {role: id_ for role, id_ in special.items() if id_ in range(vocab)}
        field = Field(
            "text", (length,), "int32", vocab=vocab, ragged=True, special=tuple(special.items())
        )
        return Plan(
            encoder,
            objective(config, vision, words),
            sides,
            vision.whole("num_channels"),
            _NORMALISED[kind],
            encoders={"text": others},
            further={"text": field},
        )

    return read


def _clip(config: Given, vision: Given, words: Given) -> dict[str, Any]:
    return {"name": "clip", "projector_dim": config.whole("projection_dim", 512)}


def _siglip(config: Given, vision: Given, words: Given) -> dict[str, Any]:
    if not vision.flag("vision_use_head", True):
        raise vision.error("vision_use_head", "true: features are those of the pooling head")
    width, text = vision.whole("hidden_size"), words.whole("hidden_size")
    if words.values.get("projection_size") not in (None, width) or (
        words.values.get("projection_size") is None and text != width
    ):
        raise words.error("projection_size", f"{width}, the width of the images' encoder")
    return {"name": "siglip", "projector_dim": width, "project_own": False}


def _written(encoder: Any) -> dict[str, Any]:
    return {
        "hidden_size": encoder.width,
        "intermediate_size": int(encoder.width * encoder.mlp_ratio),
        "num_hidden_layers": encoder.depth,
        "num_attention_heads": encoder.heads,
        "hidden_act": _CALLED[encoder.activation],
        "layer_norm_eps": encoder.norm_epsilon,
        "attention_dropout": 0.0,
    }


def _write(model_type: str, architecture: str) -> Callable[..., dict[str, Any]]:
    def write(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
        text = objective.run.encoders["text"]
        if not isinstance(encoder.image_size, int):
            raise UserError(
                f"encoder.image_size={encoder.image_size}: Hugging Face's positions are of a square"
            )
        special = dict(objective.run.spec.fields["text"].special)
        ids = {key: special[role] for key, role in _ROLES.items() if role in special}
        size = objective.projector_dim
        dims = {"projection_dim": size} if model_type == "clip" else {}
        return {
            "architectures": [architecture],
            "model_type": model_type,
            **dims,
            "vision_config": {
                "model_type": f"{model_type}_vision_model",
                **_written(encoder),
                **dims,
                "patch_size": encoder.patch_size,
                "image_size": encoder.image_size,
                "num_channels": channels,
            },
            "text_config": {
                "model_type": f"{model_type}_text_model",
                **_written(text),
                **(dims or {"projection_size": size}),
                "vocab_size": text.vocab,
                "max_position_embeddings": text.length,
                **ids,
            },
            "dtype": "float32",
        }

    return write


# ── Families ─────────────────────────────────────────────────────────────────────────────────────

_NEEDS = {
    "norm_first": (True,),
    "shared_layers": (False,),
    "registers": (0,),
    "layer_scale": (0.0,),
    "positions": ("learned",),
    "activation": tuple(_CALLED),
    "qkv_bias": (True,),
    "qk_norm": (False,),
    "norm_pooled": (False,),
    "class_position": (True,),
}
_TEXT = {
    **_NEEDS,
    "class_token": (False,),
    "embedding_norm": (False,),
    "pool": ("last",),
    "embed_width": (0,),
    "token_types": (0,),
    "position_offset": (0,),
}
_ANCHOR = "vision_model.embeddings.patch_embedding.weight"
_LEFT_OUT = r".*\.position_ids"
_CLIP_IMAGE = {"class_token": True, "pool": "cls", "embedding_norm": True, "patch_bias": False}
_CLIP_TEXT = {"causal": True, "pool": "last"}
_SIGLIP_IMAGE = {"class_token": False, "pool": "map"}
_SIGLIP_TEXT = {"padding": "seen", "pool": "last"}


def _only(fields: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: (value,) for name, value in fields.items()}


FAMILIES = (
    Family(
        name="clip",
        title="Hugging Face's CLIP",
        rows=CLIP,
        anchor=_ANCHOR,
        prefixes=("",),
        left_out=_LEFT_OUT,
        read=_read("clip", _CLIP_IMAGE, _CLIP_TEXT, _clip),
        needs={**_NEEDS, **_only(_CLIP_IMAGE)},
        further={"text": {**_TEXT, **_only(_CLIP_TEXT), "padding": ("hidden",)}},
        objective={"project_own": (True,)},
        write=_write("clip", "CLIPModel"),
    ),
    Family(
        name="siglip",
        title="Hugging Face's SigLIP",
        rows=SIGLIP,
        anchor=_ANCHOR,
        prefixes=("",),
        left_out=_LEFT_OUT,
        read=_read("siglip", _SIGLIP_IMAGE, _SIGLIP_TEXT, _siglip),
        needs={
            **_NEEDS,
            **_only(_SIGLIP_IMAGE),
            "patch_bias": (True,),
            "embedding_norm": (False,),
        },
        further={"text": {**_TEXT, **_only(_SIGLIP_TEXT), "causal": (False,)}},
        objective={"project_own": (False,)},
        write=_write("siglip", "SiglipModel"),
    ),
)
