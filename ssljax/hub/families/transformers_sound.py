"""Hugging Face's models of waveforms: wav2vec 2.0, HuBERT, and data2vec on speech.

transformers, modeling_wav2vec2.py, modeling_hubert.py, modeling_data2vec_audio.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ssljax.hub.families.family import Family, Plan
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given, ratio
from ssljax.hub.table import Row, linear, norm
from ssljax.models.stems.wave import KERNELS, STRIDES
from ssljax.spec import Field

RATE = 16_000
LENGTH = 250_000  # samples of the longest sounds that the released models were trained on
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
_CALLED = {"gelu": "gelu", "gelu_tanh": "gelu_new"}


# ── Tables ───────────────────────────────────────────────────────────────────────────────────────


_CONVOLUTION, _STEM = "feature_extractor.conv_layers.{i}", "encoder/wave_embed"
_THEIRS, _OURS = "encoder.layers.{i}", "encoder/trunk/block_{i}"
_ENCODER = (
    Row(f"{_CONVOLUTION}.conv.weight", f"{_STEM}/conv_{{i}}/kernel", "series"),
    Row(f"{_CONVOLUTION}.conv.bias", f"{_STEM}/conv_{{i}}/bias"),
    *norm(f"{_CONVOLUTION}.layer_norm", f"{_STEM}/norm_{{i}}"),
    *norm("feature_projection.layer_norm", f"{_STEM}/layer_norm"),
    *linear("feature_projection.projection", f"{_STEM}/linear"),
    # Before the blocks of a base model, after those of a large one.
    *norm("encoder.layer_norm", "encoder/embedding_norm"),
    *norm("encoder.layer_norm", "encoder/trunk/norm"),
    *(
        row
        for theirs, ours in (("q", "query"), ("k", "key"), ("v", "value"), ("out", "out"))
        for row in linear(f"{_THEIRS}.attention.{theirs}_proj", f"{_OURS}/attention/{ours}")
    ),
    *norm(f"{_THEIRS}.layer_norm", f"{_OURS}/norm1"),
    *linear(f"{_THEIRS}.feed_forward.intermediate_dense", f"{_OURS}/mlp/fc1"),
    *linear(f"{_THEIRS}.feed_forward.output_dense", f"{_OURS}/mlp/fc2"),
    *norm(f"{_THEIRS}.final_layer_norm", f"{_OURS}/norm2"),
    Row("masked_spec_embed", "mask_token/token"),
)
_POSITION = "encoder.pos_conv_embed.conv"
_PARTS = ".parametrizations.weight.original"
_ONE_LAYER = (
    Row(f"{_POSITION}{_PARTS}0", "encoder/conv_position/conv_0/scale", "first_of_first"),
    Row(f"{_POSITION}{_PARTS}1", "encoder/conv_position/conv_0/kernel", "series"),
    Row(f"{_POSITION}.bias", "encoder/conv_position/conv_0/bias"),
)
# Of files that are older than PyTorch's parametrizations.
_OLDER = ((r"\.weight_g$", f"{_PARTS}0"), (r"\.weight_v$", f"{_PARTS}1"))
_SEVERAL = "encoder.pos_conv_embed.layers.{i}.conv"
WAV2VEC2 = (
    *_ENCODER,
    *_ONE_LAYER,
    *linear("quantizer.weight_proj", "quantizer/linear"),
    Row("quantizer.codevectors", "quantizer/codebook", "first"),
    *linear("project_hid", "context_projector/output"),
    *linear("project_q", "target_projector/output"),
)
HUBERT = (*_ENCODER, *_ONE_LAYER)
DATA2VEC = (
    *_ENCODER,
    Row(f"{_SEVERAL}.weight", "encoder/conv_position/conv_{i}/kernel", "series"),
    Row(f"{_SEVERAL}.bias", "encoder/conv_position/conv_{i}/bias"),
)


# ── From config.json to what an encoder is, and back ─────────────────────────────────────────────


def _reader(kind: str, objective: str) -> Callable:
    def read(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
        encoder = _transformer(config)
        several = kind == "data2vec-audio"
        stable = not several and config.flag("do_stable_layer_norm", False)
        norms = {"group": "group", "layer": "layer"}
        encoder |= {
            "norm_first": stable,
            "embedding_norm": not stable,
            "convolution_norm": "layer"
            if several
            else config.one_of("feat_extract_norm", norms, "group"),
            "convolution_bias": config.flag("conv_bias", False),
            "position_groups": config.whole("num_conv_pos_embedding_groups", 16),
        }
        layers = config.whole("num_conv_pos_embeddings", 5 if several else 128)
        if several:
            encoder |= {
                "position_layers": layers,
                "position_kernel": config.whole("conv_pos_kernel_size", 19),
            }
        else:
            encoder["position_kernel"] = layers
        section = {"name": objective}
        if kind == "wav2vec2":
            section |= {
                "groups": config.whole("num_codevector_groups", 2),
                "codes": config.whole("num_codevectors_per_group", 320),
                "code_dim": config.whole("codevector_dim", 256),
                "projector_dim": config.whole("proj_codevector_dim", 256),
                "logit_temperature": config.number("contrastive_logits_temperature", 0.1),
                "negatives": config.whole("num_negatives", 100),
                "diversity_weight": config.number("diversity_loss_weight", 0.1),
                "feature_dropout": config.number("feat_quantizer_dropout", 0.0),
            }
        if kind == "data2vec-audio":
            section["top_layers"] = min(8, encoder["depth"])
        if kind == "hubert":
            section["layer"] = min(6, encoder["depth"])
        return Plan(encoder, section, field=Field("audio", (LENGTH,), "int16", rate=float(RATE)))

    return read


def _transformer(config: Given) -> dict[str, Any]:
    width, heads = config.whole("hidden_size", 768), config.whole("num_attention_heads", 12)
    if width % heads:
        raise config.error("num_attention_heads", f"a divisor of hidden_size={width}")
    for key, wanted in (("conv_kernel", KERNELS), ("conv_stride", STRIDES)):
        if tuple(config.values.get(key, wanted)) != wanted:
            raise config.error(key, f"{list(wanted)}")
    for key in ("add_adapter", "conv_pos_batch_norm"):
        if config.flag(key, False):
            raise config.error(key, "false")
    if config.values.get("adapter_attn_dim") is not None:
        raise config.error("adapter_attn_dim", "null: there are no adapters")
    if not config.flag("feat_proj_layer_norm", True):
        raise config.error("feat_proj_layer_norm", "true")
    config.one_of("feat_extract_activation", {"gelu": 0}, "gelu")
    return {
        "name": "wave_transformer",
        "channels": config.whole("conv_dim", 512),
        "width": width,
        "depth": config.whole("num_hidden_layers", 12),
        "heads": heads,
        "mlp_ratio": ratio(config.whole("intermediate_size", 3072), width),
        "activation": config.one_of("hidden_act", ACTIVATIONS, "gelu"),
        "norm_epsilon": config.number("layer_norm_eps", 1e-5),
        "kernel_init": "normal",
        "positions": "convolution",
        "dropout": config.number("hidden_dropout", 0.1),
        "attention_dropout": config.number("attention_dropout", 0.1),
        "feature_dropout": config.number("feat_proj_dropout", 0.0),
    }


def _written(kind: str, architecture: str) -> Callable[..., dict[str, Any]]:
    def write(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
        made = {
            "architectures": [architecture],
            "model_type": kind,
            "hidden_size": encoder.width,
            "num_hidden_layers": encoder.depth,
            "num_attention_heads": encoder.heads,
            "intermediate_size": int(encoder.width * encoder.mlp_ratio),
            "hidden_act": _CALLED[encoder.activation],
            "layer_norm_eps": encoder.norm_epsilon,
            "hidden_dropout": encoder.dropout,
            "attention_dropout": encoder.attention_dropout,
            "feat_proj_dropout": encoder.feature_dropout,
            "conv_dim": [encoder.channels] * len(KERNELS),
            "conv_kernel": list(KERNELS),
            "conv_stride": list(STRIDES),
            "conv_bias": encoder.convolution_bias,
            "num_conv_pos_embedding_groups": encoder.position_groups,
            "dtype": "float32",
        }
        if kind == "data2vec-audio":
            return made | {
                "num_conv_pos_embeddings": encoder.position_layers,
                "conv_pos_kernel_size": encoder.position_kernel,
            }
        made |= {
            "num_conv_pos_embeddings": encoder.position_kernel,
            "feat_extract_norm": encoder.convolution_norm,
            "do_stable_layer_norm": encoder.norm_first,
        }
        if kind == "wav2vec2" and hasattr(objective, "code_dim"):
            made |= {
                "num_codevector_groups": objective.groups,
                "num_codevectors_per_group": objective.codes,
                "codevector_dim": objective.code_dim,
                "proj_codevector_dim": objective.projector_dim,
                "contrastive_logits_temperature": objective.logit_temperature,
                "num_negatives": objective.negatives,
                "diversity_loss_weight": objective.diversity_weight,
            }
        return made

    return write


# ── Families ─────────────────────────────────────────────────────────────────────────────────────

_NEEDS: Mapping[str, tuple[Any, ...]] = {
    "registers": (0,),
    "layer_scale": (0.0,),
    "qkv_bias": (True,),
    "qk_norm": (False,),
    "norm_pooled": (False,),
    "class_token": (False,),
    "shared_layers": (False,),
    "positions": ("convolution",),
    "activation": tuple(_CALLED),
}
_ONE = {**_NEEDS, "position_layers": (1,)}
_BASE = {
    "norm_first": (False,),
    "embedding_norm": (True,),
    "convolution_norm": ("layer",),
}


def _family(name: str, title: str, rows: tuple[Row, ...], objective: str, **fields: Any) -> Family:
    prefix = name.replace("-", "_")
    return Family(
        name=name,
        title=f"Hugging Face's {title}",
        rows=rows,
        anchor="feature_projection.projection.weight",
        prefixes=(f"{prefix}.", ""),
        left_out=r"(lm_head|classifier|projector|layer_weights|tdnn|objective)\b.*",
        read=_reader(name, objective),
        **fields,
    )


FAMILIES = (
    _family(
        "wav2vec2",
        "wav2vec 2.0",
        WAV2VEC2,
        "wav2vec2",
        needs=_ONE,
        write=_written("wav2vec2", "Wav2Vec2ForPreTraining"),
        own=("quantizer.", "project_hid.", "project_q."),
        spellings=_OLDER,
    ),
    _family(
        "hubert",
        "HuBERT",
        HUBERT,
        "hubert",
        needs=_ONE,
        write=_written("hubert", "HubertModel"),
        spellings=_OLDER,
    ),
    _family(
        "data2vec-audio",
        "data2vec of speech",
        DATA2VEC,
        "data2vec",
        needs={**_NEEDS, **_BASE},
        write=_written("data2vec-audio", "Data2VecAudioModel"),
    ),
)
