from tests.objectives.cases.small import SINGLE, VIT

DECODER = {"decoder_width": 16, "decoder_depth": 1, "decoder_heads": 2}
MAE = {"name": "mae", "views": SINGLE, **DECODER}

SIMMIM = {"name": "simmim", "views": SINGLE, "mask_unit": 4}

CASES = {
    "mae": (VIT, MAE),
    "simmim": (VIT, SIMMIM),
}
