"""Objectives on spectrograms, by the files that images have, and on waveforms."""

from ssljax.spec import LABEL, Field
from tests.objectives.cases.masked import DECODER
from tests.objectives.cases.small import HEAD

TRANSFORMER = {
    "name": "audio_transformer",
    "patch_time": 4,
    "patch_bands": 4,
    "frames": 8,
    "bands": 8,
    "width": 16,
    "depth": 2,
    "heads": 2,
}
CONVOLUTIONS = {
    "name": "audio_convolutions",
    "channels": 4,
    "blocks": 2,
    "out": 12,
    "dropout": 0.0,
}
GRU = {"name": "audio_gru", "channels": 12, "context": 8, "kernels": (2,), "strides": (1,)}
GE2E = {"name": "ge2e", "embedding_dim": 6, "views": {"crop": {"shift": 0.2}}}

WAVES = {
    "name": "wave_transformer",
    "channels": 8,
    "positions": "convolution",
    "position_kernel": 4,
    "position_groups": 2,
    "width": 16,
    "depth": 2,
    "heads": 2,
    "norm_first": False,
    "embedding_norm": True,
}
SPANS = {"mask_ratio": 0.5, "mask_block": 2}  # of seven frames
HUBERT = {
    "name": "hubert",
    **SPANS,
    "clusters": (5, 6),
    "layer": 1,
    "projector_dim": 8,
    "kmeans_iterations": 3,
}

CASES = {
    "cpc": (GRU, {"name": "cpc", "steps": 2, "negatives": 8}),
    "ge2e": (CONVOLUTIONS, GE2E),
    "ge2e, contrast": (
        CONVOLUTIONS,
        {**GE2E, "variant": "contrast"},
    ),
    "ctc": (
        {**TRANSFORMER, "patch_time": 2},
        {"name": "ctc", "views": {"crop": {"shift": 0.1}}, "head_std": 0.1},
    ),
    "ctc, masked": (
        WAVES,
        {
            "name": "ctc",
            **SPANS,
            "channel_mask_ratio": 0.4,
            "channel_mask_block": 4,
            "head_std": 0.1,
        },
    ),
    # A token for each frame, as officially.
    "tera": (
        {**TRANSFORMER, "patch_time": 1, "patch_bands": 8},
        {"name": "tera", "mask_ratio": 0.4, "mask_frames": 2, "mask_bands": 0.3},
    ),
    "data2vec": (
        {**WAVES, "convolution_norm": "layer", "position_kernel": 3, "position_layers": 2},
        {"name": "data2vec", **SPANS, "top_layers": 2, "momentum": 0.99},
    ),
    "data2vec2, waves": (
        {**WAVES, "convolution_norm": "layer"},
        {
            "name": "data2vec2",
            "masks": 2,
            "mask_ratio": 0.5,
            "mask_block": 2,
            "top_layers": 2,
            "class_weight": 0.0,
            "momentum": 0.99,
            "decoder_width": 16,
            "decoder_depth": 2,
            "decoder_groups": 2,
        },
    ),
    "hubert": (WAVES, {**HUBERT, "second_share": 1.0}),  # a step trains one iteration's head
    "hubert, second": (WAVES, {**HUBERT, "second_share": 0.0}),
    "wav2vec2": (
        {**WAVES, "feature_gradient": 0.1},
        {
            "name": "wav2vec2",
            **SPANS,
            "negatives": 5,
            "codes": 6,
            "code_dim": 8,
            "projector_dim": 8,
        },
    ),
    "mae, audio": (TRANSFORMER, {"name": "mae", **DECODER}),
    "simclr, bilinear": (
        CONVOLUTIONS,
        {"name": "simclr", "similarity": "bilinear", "temperature": 1.0, **HEAD},
    ),
    "simclr, audio": (CONVOLUTIONS, {"name": "simclr", "temperature": 0.5, **HEAD}),
}
LABELLED = dict.fromkeys(("ge2e", "ge2e, contrast"), LABEL.replace(classes=10)) | {
    name: Field("label", (2,), "int32", vocab=4, classes=4) for name in ("ctc", "ctc, masked")
}
