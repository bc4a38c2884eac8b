from tests.objectives.cases.small import RESNET, SINGLE, VIT

DECODER = {"decoder_width": 16, "decoder_depth": 1, "decoder_heads": 2}
MAE = {"name": "mae", "views": SINGLE, **DECODER}

MULTIMAE = {"name": "multimae", "views": SINGLE, **DECODER}

BEIT = {
    "name": "beit",
    "views": SINGLE,
    "tokenizer": {"encoder": {**RESNET, "width": 4}, "codes": 8, "code_dim": 4},
    "mask_patches": 7,
    "smallest_block": 2,
}
DATA2VEC2 = {
    "name": "data2vec2",
    "views": SINGLE,
    "masks": 2,
    "mask_block": 2,
    "top_layers": 2,
    "momentum": 0.99,
    "decoder_width": 16,
    "decoder_depth": 2,
    "decoder_groups": 2,
}
I_JEPA = {"name": "i_jepa", "views": SINGLE, "predictor_width": 16, "predictor_depth": 1}
SIMMIM = {"name": "simmim", "views": SINGLE, "mask_unit": 4}

CASES = {
    "beit": (VIT, BEIT),
    "data2vec2": (VIT, DATA2VEC2),
    "i_jepa": (VIT, I_JEPA),
    "multimae": (VIT, MULTIMAE),
    "mae": (VIT, MAE),
    "simmim": (VIT, SIMMIM),
}
