"""Encoders, views and heads small enough to be compiled for every test."""

RESNET = {"name": "resnet", "stage_sizes": (1, 1), "width": 8, "stem": "small"}
VIT = {"name": "vit", "patch_size": 2, "image_size": 8, "width": 16, "depth": 2, "heads": 2}
# Class tokens of a fresh encoder are nearly alike: batch normalisation of them magnifies rounding.
POOLED_VIT = {**VIT, "pool": "mean"}
PAIR = {"crop": {"count": 2, "crop_scale": (0.3, 1.0), "flip": 0.5, "contrast": 0.4}}
SINGLE = {"crop": {"crop_scale": (0.3, 1.0), "flip": 0.5}}
HEAD = {"projector_hidden": (16,), "projector_dim": 8}
