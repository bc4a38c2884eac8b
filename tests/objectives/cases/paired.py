from tests.objectives.cases.masked import DECODER
from tests.objectives.cases.small import HEAD, POOLED_VIT, SINGLE, VIT

TEXT = {"name": "text_transformer", "length": 16, "width": 16, "depth": 1, "heads": 2}

CASES = {
    "clip": (POOLED_VIT, {"name": "clip", "projector_dim": 8}),
    "siglip": (POOLED_VIT, {"name": "siglip", "projector_dim": 8}),
    "siglip, frozen": (
        POOLED_VIT,
        {"name": "siglip", "projector_dim": 16, "project_own": False, "freeze": ("image",)},
    ),
    "bind": (POOLED_VIT, {"name": "bind", "projector_dim": 8}),
    "coca": (
        POOLED_VIT,
        {
            "name": "coca",
            "projector_dim": 8,
            "caption_queries": 4,
            "pooler_heads": 2,
            "decoder_depth": 1,
            "decoder_heads": 2,
        },
    ),
    "m3ae": (VIT, {"name": "m3ae", "views": SINGLE, **DECODER}),
    "paired_vicreg": (POOLED_VIT, {"name": "paired_vicreg", **HEAD}),
    "paired_barlow_twins": (POOLED_VIT, {"name": "paired_barlow_twins", **HEAD}),
}
FURTHER = dict.fromkeys(CASES, {"text": TEXT})
FURTHER["m3ae"] = {"text": {"name": "word_vectors", "width": VIT["width"], "deviation": 1.0}}
FURTHER["coca"] = {"text": {**TEXT, "causal": True, "pool": "last"}}
