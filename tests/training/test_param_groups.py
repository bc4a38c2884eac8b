"""Which parameters the default groups decay, of every encoder."""

import re

import jax
import pytest

from ssljax.models import ENCODERS, build_encoder
from ssljax.models.base import init
from ssljax.spec import Field
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS, param_groups

SMALL = {"width": 16, "depth": 2, "heads": 2}
IMAGE = (8, 8, 3)
# The encoders, with a shape of their inputs. Presets of one class have the same parameters' names.
FIELDS = {
    "resnet18": ({"width": 4}, Field("image", IMAGE, "uint8")),
    "pixel_convolutions": ({"channels": 4, "depth": 2, "out": 8}, Field("image", IMAGE, "uint8")),
    "vit": (
        {**SMALL, "patch_size": 4, "image_size": 8, "layer_scale": 1e-5, "registers": 2},
        Field("image", IMAGE, "uint8"),
    ),
    "series_transformer": (SMALL, Field("series", (16, 2), "float32")),
    "step_mlp": ({"width": 4, "hidden": 8, "out": 4}, Field("series", (16, 2), "float32")),
    "ts2vec": ({"hidden": 4, "out": 4, "depth": 2}, Field("series", (16, 2), "float32")),
    "table_transformer": (SMALL, Field("table", (3,), "float32", cardinalities=(0, 4, 0))),
    "table_mlp": ({"hidden": (8,)}, Field("table", (3,), "float32", cardinalities=(0, 4, 0))),
    "text_transformer": (
        {**SMALL, "length": 8, "token_types": 2, "embedding_norm": True},
        Field("text", (8,), "int32", vocab=11),
    ),
    "word_vectors": ({"width": 8}, Field("text", (8,), "int32", vocab=11)),
    "audio_convolutions": (
        {"channels": 4, "blocks": 2, "out": 8},
        Field("audio", (16, 8), "float32"),
    ),
    "ast": (
        {**SMALL, "patch_size": 4, "time_stride": 2, "band_stride": 2, "frames": 8, "bands": 8},
        Field("audio", (8, 8), "float32"),
    ),
    "audio_gru": (
        {"channels": 4, "context": 4, "norm": "layer"},
        Field("audio", (320,), "float32"),
    ),
    "video_transformer": ({**SMALL, "patch_size": 4}, Field("video", (4, 8, 8, 3), "uint8")),
    "resnet3d": (
        {"stage_sizes": (1,), "temporal_kernels": (3,), "width": 4},
        Field("video", (4, 8, 8, 3), "uint8"),
    ),
}


def decayed(params):
    """Return the paths of what decays, numbers left out."""
    groups = param_groups(params, DEFAULT_PARAM_GROUPS, weight_decay=0.1)
    return {re.sub(r"\d+", "#", path) for path, one in groups.items() if one.weight_decay}


@pytest.mark.parametrize("name", FIELDS)
def test_kernels_and_embeddings_of_encoders_decay_and_nothing_else(name):
    fields, field = FIELDS[name]
    encoder = build_encoder({"name": name, **fields}, field)
    kind = "int32" if field.modality == "text" else "float32"
    x = jax.ShapeDtypeStruct((1, *field.shape), kind)
    params, _ = jax.eval_shape(lambda x: init(encoder, jax.random.key(0), x), x)
    others = {path for path in decayed({"encoder": params}) if not path.endswith("/kernel")}
    # FT-Transformer's code decays no part of its tokenizer, BERT's its embeddings.
    of_text = {
        "text_transformer": {"encoder/token_embed/embedding", "encoder/type_embed"},
        "word_vectors": {"encoder/embedding"},
    }
    assert others == of_text.get(name, set())


def test_every_encoder_is_looked_at():
    classes = {type(build_encoder({"name": name})) for name in ENCODERS}
    left = {one.__name__ for one in classes} - {
        type(build_encoder({"name": name})).__name__ for name in FIELDS
    }
    # Of the parts of the others.
    assert left == {"AudioTransformer", "WaveTransformer", "SeriesGRU"}
