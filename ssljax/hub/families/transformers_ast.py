"""Hugging Face's Audio Spectrogram Transformer.

transformers, modeling_audio_spectrogram_transformer.py, feature_extraction_audio_spectrogram_
transformer.py.
"""

from collections.abc import Callable
from typing import Any

from ssljax.hub.families.family import Family, Plan
from ssljax.hub.families.transformers_vit import ACTIVATIONS, CALLED, block
from ssljax.hub.files import Tensors
from ssljax.hub.given import Given, ratio
from ssljax.hub.table import Row, norm
from ssljax.spec import Field, Spectrogram

# The extractor's, of AudioSet: it divides by twice the deviation.
_MEAN, _DEVIATION, _RATE, _HOP = -4.2677393, 2 * 4.5689974, 16_000, 160

AST = (
    Row("embeddings.cls_token", "encoder/cls_token", "first"),
    Row("embeddings.distillation_token", "encoder/register_distillation", "first"),
    Row("embeddings.position_embeddings", "encoder/pos_embed", "first"),
    Row(
        "embeddings.patch_embeddings.projection.weight",
        "encoder/patch_embed/kernel",
        "spectrogram",
    ),
    Row("embeddings.patch_embeddings.projection.bias", "encoder/patch_embed/bias"),
    *block("encoder.layer.{i}", "encoder/trunk/block_{i}"),
    *norm("layernorm", "encoder/trunk/norm"),
)


def _read(config: Given, tensors: Tensors, named: Callable[[str], str]) -> Plan:
    width = config.whole("hidden_size", 768)
    encoder = {
        "name": "ast",
        "width": width,
        "depth": config.whole("num_hidden_layers", 12),
        "heads": config.whole("num_attention_heads", 12),
        "mlp_ratio": ratio(config.whole("intermediate_size", 3072), width),
        "patch_size": config.whole("patch_size", 16),
        "time_stride": config.whole("time_stride", 10),
        "band_stride": config.whole("frequency_stride", 10),
        "frames": config.whole("max_length", 1024),
        "bands": config.whole("num_mel_bins", 128),
        "activation": config.one_of("hidden_act", ACTIVATIONS, "gelu"),
        "norm_epsilon": config.number("layer_norm_eps", 1e-12),
        "qkv_bias": config.flag("qkv_bias", True),
    }
    if width % encoder["heads"]:
        raise config.error("num_attention_heads", f"a divisor of hidden_size={width}")
    bands = encoder["bands"]
    field = Field(
        "audio",
        (encoder["frames"] * _HOP,),
        "int16",
        mean=(_MEAN,) * bands,
        std=(_DEVIATION,) * bands,
        rate=float(_RATE),
        spectrogram=Spectrogram(bands=bands, window=400, hop=_HOP, low=20.0),
    )
    return Plan(encoder, {"name": "simclr"}, field=field)


def _write(encoder: Any, objective: Any, channels: int) -> dict[str, Any]:
    return {
        "architectures": ["ASTModel"],
        "model_type": "audio-spectrogram-transformer",
        "hidden_size": encoder.width,
        "num_hidden_layers": encoder.depth,
        "num_attention_heads": encoder.heads,
        "intermediate_size": int(encoder.width * encoder.mlp_ratio),
        "patch_size": encoder.patch_size,
        "time_stride": encoder.time_stride,
        "frequency_stride": encoder.band_stride,
        "max_length": encoder.frames,
        "num_mel_bins": encoder.bands,
        "hidden_act": CALLED[encoder.activation],
        "layer_norm_eps": encoder.norm_epsilon,
        "qkv_bias": encoder.qkv_bias,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "dtype": "float32",
    }


FAMILY = Family(
    name="audio-spectrogram-transformer",
    title="Hugging Face's AST",
    rows=AST,
    anchor="embeddings.distillation_token",
    prefixes=("", "audio_spectrogram_transformer."),
    left_out=r"classifier\..*",
    read=_read,
    needs={
        "qk_norm": (False,),
        "norm_first": (True,),
        "embedding_norm": (False,),
        "shared_layers": (False,),
        "norm_pooled": (False,),
        "layer_scale": (0.0,),
        "activation": ("gelu", "gelu_tanh"),
    },
    write=_write,
)
