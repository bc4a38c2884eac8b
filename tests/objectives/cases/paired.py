from tests.objectives.cases.small import POOLED_VIT

TEXT = {"name": "text_transformer", "length": 16, "width": 16, "depth": 1, "heads": 2}

CASES = {"clip": (POOLED_VIT, {"name": "clip", "projector_dim": 8})}
FURTHER = {"clip": {"text": TEXT}}
