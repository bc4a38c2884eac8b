"""An encoder that ends after some of its blocks."""

from collections.abc import Mapping
from typing import Any

import jax

from ssljax.models.encoder import Encoder


def first_blocks(
    encoder: Encoder, params: Mapping[str, Any], depth: int
) -> tuple[Encoder, dict[str, Any]]:
    """Return the encoder of the first blocks of another, and its parameters.

    Its tokens are those that block `depth` gives, through the last norm where there is one.

    Args:
      encoder: whose blocks do not share their parameters.
      params: its parameters.
      depth: the number of blocks, from 1.
    """
    trunk = dict(params["trunk"])
    if "blocks" in trunk:
        trunk["blocks"] = jax.tree.map(lambda leaf: leaf[:depth], trunk["blocks"])
    else:
        for i in range(depth, encoder.depth):
            del trunk[f"block_{i}"]
    return encoder.clone(depth=depth), {**params, "trunk": trunk}
