"""The text of a compiled program is read as it is meant."""

import pytest

from ssljax.planning import hlo
from tests.planning.programs import one_instruction, scanned


def test_computations_and_what_they_return():
    module = hlo.parse(scanned(known=True))
    assert module.entry.name == "main"
    assert set(module.computations) == {
        "fused_slice", "fused_update", "body", "condition", "add", "main"
    }  # fmt: skip
    assert module.computations["condition"].root.opcode == "compare"
    assert module.computations["body"].root.operands == ("i", "sum", "stack", "all")


def test_an_instruction():
    body = hlo.parse(scanned(known=True)).computations["body"]
    dot = body.instructions["y"]
    assert dot.opcode == "dot" and dot.operands == ("x", "kernel")
    assert dot.numbers("lhs_contracting_dims") == (1,)
    assert [array.dims for array in body.operands(dot)] == [(32, 64), (64, 64)]
    assert body.instructions["kernel"].called("calls") == "fused_slice"
    assert [user.name for user in body.users("y")] == ["all", "sum"]
    assert len(body.instructions["arg"].arrays) == 4


@pytest.mark.parametrize(
    "text, nbytes, space",
    [
        ("f32[2,3]{1,0}", 24, 0),
        ("pred[5]{0}", 5, 0),
        ("s4[6]{0}", 3, 0),
        ("f8e4m3fn[4]{0}", 4, 0),
        ("bf16[]", 2, 0),
        ("u32[0]{0}", 0, 0),
        ("f32[2,3]{1,0:T(8,128)}", 8 * 128 * 4, 0),
        ("f32[2,3]{0,1:T(8,128)}", 8 * 128 * 4, 0),
        ("f32[9,130]{1,0:T(8,128)}", 16 * 256 * 4, 0),
        ("f32[9,130]{0,1:T(8,128)}", 128 * 136 * 4, 0),
        ("bf16[4,197,64]{2,1,0:T(8,128)(2,1)S(1)}", 4 * 200 * 128 * 2, 1),
        ("f32[100]{0:T(128)S(5)}", 128 * 4, 5),
        ("token[]", 0, 0),
    ],
)
def test_bytes_of_an_array_with_its_padding(text, nbytes, space):
    (array,) = hlo.arrays(text)
    assert (array.nbytes, array.space) == (nbytes, space)


def test_what_is_no_program_is_refused():
    with pytest.raises(ValueError, match="no entry computation"):
        hlo.parse("HloModule nothing\n")
    with pytest.raises(ValueError, match="cannot read the instruction y"):
        hlo.parse(one_instruction("f32[2]{0}", "%y = f32[2]{0} what"))
