from tests.objectives.cases.small import RESNET, SINGLE

TILED = {
    "views": {"crop": {"size": 12, "crop_scale": (0.5, 1.0)}},  # cells of 4 pixels, tiles of 3
    "tile": 0.75,
    "jitter": 1.0,
    "projector_dim": 8,
    "classifier_hidden": (16,),
}

CASES = {
    "colorization": (
        RESNET,
        {"name": "colorization", "views": SINGLE, "cells_per_token": 2, "bin_spacing": 20},
    ),
    "inpainting": (
        RESNET,
        {
            "name": "inpainting",
            "views": SINGLE,
            "adversarial_weight": 0.1,
            "decoder_width": 4,
            "decoder_doublings": 1,
            "discriminator_width": 4,
            "discriminator_halvings": 1,
            "discriminator_hidden": 8,
        },
    ),
    "jigsaw": (RESNET, {"name": "jigsaw", "permutations": 4, "orders": 2, **TILED}),
    "relative_location": (
        RESNET,
        {"name": "relative_location", "color": "keep", "neighbours": 8, **TILED},
    ),
    "rotation": (RESNET, {"name": "rotation", "views": SINGLE, "classifier_hidden": (16,)}),
}
