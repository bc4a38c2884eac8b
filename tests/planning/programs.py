"""Programs as XLA prints them, cut down to what a test looks at."""

CARRY = "(s32[], f32[32,64]{1,0}, f32[24,64,64]{2,1,0}, /*index=3*/f32[24,32,64]{2,1,0})"
# A loop of 24 rounds over a stack of kernels, as a scanned trunk is compiled: each round cuts one
# kernel out of the stack within a fusion, multiplies, and writes its result into a stack.
SCANNED = """\
HloModule jit_step, is_scheduled=true

%fused_slice (p0: f32[24,64,64], p1: s32[]) -> f32[64,64] {
  %p0 = f32[24,64,64]{2,1,0} parameter(0)
  %p1 = s32[]{:T(128)} parameter(1)
  %zero = s32[] constant(0)
  %cut = f32[1,64,64]{2,1,0} dynamic-slice(%p0, %p1, %zero, %zero), dynamic_slice_sizes={1,64,64}
  ROOT %kernel.1 = f32[64,64]{1,0} bitcast(%cut)
}

%fused_update (q0: f32[24,32,64], q1: f32[32,64], q2: s32[]) -> f32[24,32,64] {
  %q0 = f32[24,32,64]{2,1,0} parameter(0)
  %q1 = f32[32,64]{1,0} parameter(1)
  %q2 = s32[] parameter(2)
  %nought = s32[] constant(0)
  %row = f32[1,32,64]{2,1,0} bitcast(%q1)
  ROOT %put = f32[24,32,64]{2,1,0} dynamic-update-slice(%q0, %row, %q2, %nought, %nought)
}

%body (arg: CARRY) -> CARRY {
  %arg = CARRY parameter(0)
  %i = s32[] get-tuple-element(%arg), index=0
  %x = f32[32,64]{1,0} get-tuple-element(%arg), index=1
  %stack = f32[24,64,64]{2,1,0} get-tuple-element(%arg), index=2
  %kept = f32[24,32,64]{2,1,0} get-tuple-element(%arg), index=3
  %kernel = f32[64,64]{1,0} fusion(%stack, %i), kind=kLoop, calls=%fused_slice
  %y = f32[32,64]{1,0} dot(%x, %kernel), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  %all = f32[24,32,64]{2,1,0} fusion(%kept, %y, %i), kind=kLoop, calls=%fused_update
  %sum = f32[32,64]{1,0} all-reduce(%y), replica_groups=[2,4]<=[8], to_apply=%add
  ROOT %next = CARRY tuple(%i, %sum, %stack, %all)
}

%condition (carry: CARRY) -> pred[] {
  %carry = CARRY parameter(0)
  %round = s32[] get-tuple-element(%carry), index=0
  %rounds = s32[] constant(24)
  ROOT %less = pred[] compare(%round, %rounds), direction=LT
}

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %c = f32[] add(%a, %b)
}

ENTRY %main (first: CARRY) -> CARRY {
  %first = CARRY parameter(0)
  ROOT %loop = CARRY while(%first), condition=%condition, body=%body{KNOWN}
}
"""


def scanned(*, known: bool) -> str:
    """Return the loop above, with its trip count beside it or not."""
    beside = ', backend_config={"known_trip_count":{"n":"24"},"x":[1]}' if known else ""
    return SCANNED.replace("CARRY", CARRY).replace("{KNOWN}", beside)


def one_instruction(operands: str, line: str) -> str:
    """Return a program of one instruction, and its parameters: "f32[2]{0}; f32[3]{0}"."""
    shapes = operands.split("; ")
    parameters = "\n".join(
        f"  %p{number} = {shape} parameter({number})" for number, shape in enumerate(shapes)
    )
    return f"ENTRY %main (p: s32[]) -> s32[] {{\n{parameters}\n  ROOT {line}\n}}\n"
