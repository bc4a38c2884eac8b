"""Encoders by name."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from flax import linen as nn

from ssljax.errors import UserError, unknown
from ssljax.models.ast_transformer import AST
from ssljax.models.audio import AudioTransformer, WaveTransformer
from ssljax.models.audio_convolutions import AudioConvolutions
from ssljax.models.pixel_convolutions import PixelConvolutions
from ssljax.models.recurrent import AudioGRU, SeriesGRU
from ssljax.models.resnet import ResNet
from ssljax.models.resnet3d import ResNet3D
from ssljax.models.series import SeriesTransformer
from ssljax.models.step_mlp import StepMLP
from ssljax.models.table import TableMLP, TableTransformer
from ssljax.models.text import TextTransformer
from ssljax.models.ts2vec import TS2Vec
from ssljax.models.video import VideoTransformer
from ssljax.models.vit import ViT
from ssljax.models.words import WordMean
from ssljax.schema import parse
from ssljax.spec import Field


class Preset(NamedTuple):
    """A named encoder: one line on it, its class, the fields that differ from the defaults."""

    description: str
    module: type[nn.Module]
    fields: dict[str, Any]


PRESETS = {
    "resnet": Preset(
        "residual network of any plan: stage_sizes, block, width, stem, pool", ResNet, {}
    ),
    "resnet18": Preset("ResNet-18, 11.2M parameters, 512 features", ResNet, {}),
    "resnet34": Preset(
        "ResNet-34, 21.3M parameters, 512 features", ResNet, {"stage_sizes": (3, 4, 6, 3)}
    ),
    "resnet50": Preset(
        "ResNet-50 v1.5, 23.5M parameters, 2048 features",
        ResNet,
        {"stage_sizes": (3, 4, 6, 3), "block": "bottleneck"},
    ),
    "resnet101": Preset(
        "ResNet-101 v1.5, 42.5M parameters, 2048 features",
        ResNet,
        {"stage_sizes": (3, 4, 23, 3), "block": "bottleneck"},
    ),
    "vit": Preset(
        "vision transformer of any plan: patch_size, image_size, width, depth, heads", ViT, {}
    ),
    "vit_ti": Preset("ViT-Ti/16, 5.5M parameters, 192 features", ViT, {"width": 192, "heads": 3}),
    "vit_s": Preset("ViT-S/16, 21.7M parameters, 384 features", ViT, {}),
    "vit_b": Preset("ViT-B/16, 85.8M parameters, 768 features", ViT, {"width": 768, "heads": 12}),
    "vit_l": Preset(
        "ViT-L/16, 303M parameters, 1024 features", ViT, {"width": 1024, "depth": 24, "heads": 16}
    ),
    "vit_h": Preset(
        "ViT-H/14, 631M parameters, 1280 features",
        ViT,
        {"patch_size": 14, "width": 1280, "depth": 32, "heads": 16},
    ),
    # DINOv2's. The "g" of big_vision is another: 1408 wide, 16 heads, GELU.
    "vit_g": Preset(
        "ViT-g/14 as in DINOv2 (SwiGLU, LayerScale), 1.13B parameters, 1536 features",
        ViT,
        {
            "patch_size": 14,
            "width": 1536,
            "depth": 40,
            "heads": 24,
            "activation": "swiglu",
            "layer_scale": 1e-5,
        },
    ),
    "pixel_convolutions": Preset(
        "convolutions over pixel observations (CURL): channels, depth, out", PixelConvolutions, {}
    ),
    "series_transformer": Preset(
        "transformer of patches of a time series: patch_size, width, depth, heads",
        SeriesTransformer,
        {},
    ),
    "ts2vec": Preset("TS2Vec's dilated convolutions over a time series, 320 features", TS2Vec, {}),
    "step_mlp": Preset(
        "MLP of each step of a series, such as of actions (LeWM): width, hidden, out", StepMLP, {}
    ),
    "table_transformer": Preset(
        "FT-Transformer, a token for each column of a table: width, depth, heads",
        TableTransformer,
        {},
    ),
    "table_mlp": Preset("SCARF's MLP of the columns of a table, 256 features", TableMLP, {}),
    "video_transformer": Preset(
        "vision transformer of tubelets: tubelet, patch_size, width, depth, heads",
        VideoTransformer,
        {},
    ),
    "resnet3d": Preset(
        "residual network of videos of any plan: stage_sizes, temporal_kernels, width, stem",
        ResNet3D,
        {},
    ),
    "r3d50": Preset("R3D-50 as in CVRL, 31.7M parameters, 2048 features", ResNet3D, {}),
    "text_transformer": Preset(
        "transformer of token ids: length, causal, width, depth, heads", TextTransformer, {}
    ),
    "word_vectors": Preset("word2vec's vectors of words, and their mean over a text", WordMean, {}),
    "audio_transformer": Preset(
        "transformer of patches of a spectrogram: patch_time, patch_bands, width, depth, heads",
        AudioTransformer,
        {},
    ),
    "ast": Preset(
        "AST, overlapping patches of a spectrogram: time_stride, band_stride, width, depth, heads",
        AST,
        {},
    ),
    "audio_convolutions": Preset(
        "convolutions over a spectrogram (BYOL-A): channels, blocks, out", AudioConvolutions, {}
    ),
    "wave_transformer": Preset(
        "transformer of a waveform by wav2vec 2.0's convolutions: channels, width, depth, heads",
        WaveTransformer,
        {},
    ),
    "audio_gru": Preset(
        "CPC's strided convolutions over a waveform and a GRU: channels, context", AudioGRU, {}
    ),
    "series_gru": Preset(
        "the same over a time series: kernels, strides, channels, context", SeriesGRU, {}
    ),
}

# Fields that an encoder lacks for a reason.
_STATISTICS = (
    "the batch normalisation of a ResNet takes its statistics from the whole batch, which parts of "
    "it do not have; vision transformers have none"
)
REFUSED = {(ResNet, "grad_cache"): _STATISTICS, (ResNet3D, "grad_cache"): _STATISTICS}

ENCODERS = {name: preset.description for name, preset in PRESETS.items()}


def build_encoder(
    config: Mapping[str, Any], field: Field | None = None, where: str = "encoder"
) -> nn.Module:
    """Return the encoder that a config describes, such as {"name": "vit_s", "patch_size": 8}.

    Args:
      config: "name", one of `ENCODERS`, and any fields of its class but those that the data give.
      field: the data's; it says how many categories the columns of a table have, and how many ids a
        vocabulary. None where the data are not known yet: the values of the config are checked.
      where: the name of the config section, for error messages.

    Raises:
      UserError: no name, an unknown one, a key that is no field, a value of another type than the
        field's or out of its range, or values that do not fit each other or the data.
    """
    try:
        return _built(config, field, where)
    except UserError as error:  # a class calls its fields "encoder.NAME"
        raise UserError(re.sub(r"(?<!\w)encoder\.", f"{where}.", str(error))) from error


def _built(config: Mapping[str, Any], field: Field | None, where: str) -> nn.Module:
    fields = dict(config)
    if "name" not in fields:
        raise UserError(f"{where} lacks {where}.name. Known: {', '.join(ENCODERS)}")
    name = fields.pop("name")
    preset = _preset(name)
    for key, value in fields.items():
        if reason := REFUSED.get((preset.module, key)):
            raise UserError(f"{where}.{key}={value!r} cannot be: {reason}")
    # Without a field, the defaults of the class, which a config cannot set either.
    given = {
        key: getattr(field or preset.module, key) for key in getattr(preset.module, "given", ())
    }
    if field and field.modality != preset.module.modality:
        raise UserError(
            f"{where}.name={name!r} encodes {preset.module.modality} data, and the data are of the "
            f"modality {field.modality}"
        )
    known = {**preset.fields, **fields}
    encoder = parse(preset.module, known, where, parent=None, name=None, **given)
    if hasattr(encoder, "check_fields"):
        encoder.check_fields()
    return encoder


def encoder_class(name: str) -> type[nn.Module]:
    """Return the class of an encoder; its dataclass fields are what a config can set."""
    return _preset(name).module


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise unknown("encoder", name, PRESETS)
    return PRESETS[name]
