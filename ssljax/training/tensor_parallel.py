"""Tensor parallelism: the dimension of an array that is cut over the mesh axis "tensor".

A path is looked at from its end, so that a parameter, its moments in the optimizer and its copy in
a teacher are cut alike; a dimension is counted from the last, so that the layers which a scan has
stacked on axis 0 do not matter.
"""

import re

# The first rule whose regex is found in a path gives the dimension.
RULES = (
    # A branch of the transformer is two linear maps. The first is cut by its outputs, so that every
    # device has some heads or hidden units of its own, the second by its inputs: one sum over the
    # devices for each branch (Shoeybi et al. 2019, Megatron-LM, arXiv:1909.08053).
    (r"/attention/(query|key|value)/(kernel|bias)$", -1),
    (r"/attention/out/kernel$", -2),
    (r"/mlp/(fc1|gate)/(kernel|bias)$", -1),
    (r"/mlp/fc2/kernel$", -2),
    # What scores are made with, cut by the scores: every device has those of some prototypes, words
    # or earlier examples, and a softmax over them takes a maximum and a sum over the devices.
    (r"/head/output/(kernel|bias)$", -1),  # BEiT's vocabulary
    (r"head/prototypes$", -1),  # DINO, iBOT, DINOv2
    (r"/(patch_)?center$", -1),
    (r"/prototypes/rows$", -2),  # SwAV, MSN
    (r"/prototypes/\d+$", -2),  # DeepCluster-v2
    (r"/codebook/sums$", -2),
    (r"/codebook/counts$", -1),
    (r"/queue/(\d+/)?rows$", -2),
)


def tensor_dimension(path: str) -> int | None:
    """Return the dimension that is cut, from the last, or None: the array is not cut.

    >>> tensor_dimension("opt_state/adam/mu/encoder/trunk/blocks/mlp/fc2/kernel")
    -2
    >>> tensor_dimension("params/encoder/patch_embed/kernel")
    """
    return next((dim for pattern, dim in RULES if re.search(pattern, path)), None)
