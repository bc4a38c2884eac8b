from tests.objectives.cases.masked import DECODER

TRANSFORMER = {
    "name": "video_transformer",
    "tubelet": 2,
    "patch_size": 4,
    "image_size": 8,
    "frames": 4,
    "width": 16,
    "depth": 2,
    "heads": 2,
}

PARTS = {"name": "clip_order", "views": {"crop": {"crop_scale": (0.5, 1.0)}}, "pair_dim": 8}
CASES = {
    "clip_order": (TRANSFORMER, {**PARTS, "parts": 2, "frames": 2, "gap": 0}),
    "dpc": (TRANSFORMER, {"name": "dpc", "blocks": 2, "frames": 2, "predicted": 1}),
    "shuffle_and_learn": (
        {**TRANSFORMER, "tubelet": 1},
        {"name": "shuffle_and_learn", "span": 2, "margin": 1},
    ),
    "lewm": (
        {**TRANSFORMER, "tubelet": 1, "frames": 1},
        {
            "name": "lewm",
            "history": 2,
            "directions": 8,
            "projector_hidden": (16,),
            "projector_dim": 8,
            "predictor_depth": 1,
            "predictor_heads": 2,
            "predictor_head_dim": 4,
            "predictor_mlp": 16,
        },
    ),
    # By the files that images have.
    "i_jepa, video": (
        {**TRANSFORMER, "positions": "rotary_v_jepa2"},
        {
            "name": "i_jepa",
            "tubes": ((1, 0.5), (2, 0.25)),
            "distance": "l1",
            "mask_tokens": 2,
            "predictor_width": 16,
            "predictor_depth": 1,
        },
    ),
    "mae, video": (TRANSFORMER, {"name": "mae", "tubes": True, **DECODER}),
}
FURTHER = {"lewm": {"action": {"name": "step_mlp", "width": 4, "hidden": 16, "out": 8}}}
