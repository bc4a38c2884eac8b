"""Comparison with torch, lightly (which needs torchvision) and transformers, where installed."""

import contextlib
import importlib.util


def _declare_torchvision_operators() -> object | None:
    """Let torchvision be imported beside a PyTorch that its compiled operators do not fit.

    lightly and timm import torchvision, which on import describes operators that its compiled part
    should have registered. Nothing here runs them, so declaring them is enough.
    """
    if not all(importlib.util.find_spec(name) for name in ("torch", "torchvision")):
        return None
    from torch import library as operators

    library = operators.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        with contextlib.suppress(RuntimeError):  # the compiled part may fit and have registered it
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


_operators = _declare_torchvision_operators()  # they are gone when the library object is
