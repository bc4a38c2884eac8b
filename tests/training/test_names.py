"""What the names of every objective's arrays say: how they are cut, and whether they decay.

Both are of the shapes of a case, found once: tests of one case run in one worker.
"""

import re

import pytest

from ssljax.training.logical_axes import mesh_axes, names_of
from ssljax.training.tree_paths import named_leaves
from tests.objectives.cases import CASES
from tests.objectives.conftest import evaluated_of
from tests.training.test_param_groups import decayed

# Which dimension, from the last, of which arrays can be cut over "tensor".
TENSOR = {
    r"/attention/(query|key|value)/(kernel|bias)$": -1,
    r"/attention/out/kernel$": -2,
    r"/mlp/(fc1|gate)/(kernel|bias)$": -1,
    r"/mlp/fc2/kernel$": -2,
    r"/head/output/(kernel|bias)$": -1,
    r"head/prototypes$": -1,
    r"/(patch_)?center$": -1,
    r"/prototypes/rows$": -2,
    r"/prototypes/\d+$": -2,
    r"/codebook/sums$": -2,
    r"/codebook/counts$": -1,
    r"/queue/(\d+/)?rows$": -2,
}


VALUES = ("data2vec", "tera")  # their "head" gives values, neither words nor prototypes


@pytest.mark.parametrize("case", sorted(CASES))
def test_the_arrays_of_every_objective_have_the_names_by_which_they_are_cut(case):
    params, state, names = evaluated_of(case)
    for path, leaf in named_leaves({"params": params, "objective_state": state}).items():
        for pattern, dim in TENSOR.items():
            if re.search(pattern, path) and not ("head/output" in path and case in VALUES):
                expected = [None] * leaf.ndim
                expected[dim] = "tensor"
                assert mesh_axes(names_of(path, names), path) == expected, path
                break


@pytest.mark.parametrize("case", sorted(CASES))
def test_kernels_and_prototypes_of_objectives_decay_and_nothing_else(case):
    # The lengths of DINO's prototypes, learned where `learned_lengths` is set, decay there too.
    # open_clip, which has CoCa's code, decays all matrices: queries and the vectors of words.
    # fairseq decays all of wav2vec 2.0, its codebook too. CURL's form is a linear map.
    words = "/embedding|type_embed|/queries|/words"
    allowed = rf"(kernel|rows|prototypes|prototypes_length|codebook|form/matrix|{words})$"
    params, _, _ = evaluated_of(case)
    assert not {path for path in decayed(params) if not re.search(allowed, path)}
