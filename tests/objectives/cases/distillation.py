from tests.objectives.cases.small import HEAD, PAIR, RESNET, VIT

CROPS = {
    "global": {"count": 2, "crop_scale": (0.4, 1.0), "flip": 0.5, "contrast": 0.4},
    "local": {"count": 2, "size": 4, "crop_scale": (0.1, 0.4), "flip": 0.5},
}
# In a trial of thirty steps a loss can fall only while the centre, which moves its target, is slow.
CENTER = {"center_momentum": 0.99}
PROTOTYPES = {"prototypes": 12, "head_hidden": (16,), "bottleneck": 8, "temperature_steps": 5}

CASES = {
    "byol": (RESNET, {"name": "byol", "views": PAIR, "predictor_hidden": (16,), **HEAD}),
    "dino": (RESNET, {"name": "dino", "views": CROPS, **PROTOTYPES, **CENTER}),
    "ibot": (VIT, {"name": "ibot", "views": CROPS, **PROTOTYPES, **CENTER}),
    "simsiam": (RESNET, {"name": "simsiam", "views": PAIR, "predictor_hidden": (4,), **HEAD}),
}
