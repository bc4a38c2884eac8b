"""What a program does is counted as often as it does it."""

import functools
import math

import jax
import jax.numpy as jnp
import pytest

from ssljax.models.attention import attend
from ssljax.planning import flops, hlo
from ssljax.planning.cost import cost
from ssljax.training.sharding import AXES, make_mesh
from tests.planning.programs import one_instruction, scanned


def _cost(text: str, **options):
    return cost(hlo.parse(text), **options)


@pytest.mark.parametrize("known", [True, False])
def test_a_loop_counts_as_often_as_it_runs(known):
    counted = _cost(scanned(known=known), devices=8)
    assert counted.flops == 24 * 2 * 32 * 64 * 64
    assert counted.unknown_loops == 0
    ((reduction, times),) = counted.collectives
    assert times == 24 and reduction.group == (0, 1, 2, 3)
    one, kernel, rows = 4, 64 * 64 * 4, 32 * 64 * 4
    slice_, dot, update = 2 * kernel + one, kernel + 2 * rows, 2 * rows + one
    # The fusions touch one layer of the stacks; the condition compares one number with another.
    assert counted.nbytes == 24 * (slice_ + dot + update + 2 * rows + 2 * one + 1)


def test_a_loop_whose_length_is_unknown_counts_once_and_is_told():
    text = scanned(known=False).replace("constant(24)", "constant({...})")
    counted = _cost(text)
    assert counted.flops == 2 * 32 * 64 * 64 and counted.unknown_loops == 1


def test_memory_on_the_chip_costs_no_bandwidth():
    line = "%y = f32[256]{0:S(1)} copy(%p0)"
    text = one_instruction("f32[256]{0}", line)
    assert _cost(text).nbytes == 2048
    assert _cost(text, on_chip=(1,)).nbytes == 1024


@pytest.mark.parametrize(
    "operands, line, nbytes",
    [
        ("f32[8]{0}; f32[8]{0}", "%y = f32[8]{0} add(%p0, %p1)", 96),
        ("f32[64,8]{1,0}; s32[]", "%y = f32[1,8]{1,0} dynamic-slice(%p0, %p1, %p1)", 64),
        (
            "f32[64,8]{1,0}; f32[1,8]{1,0}; s32[]",
            "%y = f32[64,8]{1,0} dynamic-update-slice(%p0, %p1, %p2, %p2)",
            64,
        ),
        (
            "f32[64]{0}",
            "%y = (f32[64]{0:S(1)}, f32[64]{0}, u32[]{:S(2)}) copy-start(%p0)",
            512 + 4,
        ),
        ("f32[64]{0}", "%y = f32[64]{0} copy-done(%p0)", 0),
        ("f32[64]{0}", "%y = f32[64]{0} bitcast(%p0)", 0),
        ("f32[64]{0}", '%y = f32[64]{0} custom-call(), custom_call_target="AllocateBuffer"', 0),
        (
            "f32[64]{0}",
            "%y = (f32[64]{0}, f32[512]{0}) all-gather-start(%p0), replica_groups=[1,8]<=[8]",
            256 + 2048,
        ),
    ],
)
def test_bytes_of_an_instruction(operands, line, nbytes):
    assert _cost(one_instruction(operands, line), devices=8).nbytes == nbytes


def test_the_dearest_branch_counts():
    text = """\
%cheap (p: f32[4,4]) -> f32[4,4] {
  ROOT %p = f32[4,4]{1,0} parameter(0)
}

%dear (q: f32[4,4]) -> f32[4,4] {
  %q = f32[4,4]{1,0} parameter(0)
  ROOT %y = f32[4,4]{1,0} dot(%q, %q), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

ENTRY %main (i: s32[], x: f32[4,4]) -> f32[4,4] {
  %i = s32[] parameter(0)
  %x = f32[4,4]{1,0} parameter(1)
  ROOT %z = f32[4,4]{1,0} conditional(%i, %x, %x), branch_computations={%cheap, %dear}
}
"""
    assert _cost(text).flops == 128


# ── Programs that are compiled here ─────────────────────────────────────────────────────────────


def _compiled(function, *shapes):
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return hlo.parse(jax.jit(function).lower(*arguments).compile().as_text())


def _traced(function, *shapes):
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return flops.traced(jax.make_jaxpr(function)(*arguments).jaxpr)


def _scan(x, kernels):
    return jax.lax.scan(lambda x, kernel: (jnp.tanh(x @ kernel), None), x, kernels)[0]


def test_a_scan_of_matrix_products():
    shapes = (16, 32), (6, 32, 32)
    wanted = 6 * 2 * 16 * 32 * 32
    assert cost(_compiled(_scan, *shapes)).flops == wanted
    assert _traced(_scan, *shapes) == wanted


def test_its_gradient_takes_twice_as_much_again_and_recomputation_once_more():
    shapes = (16, 32), (6, 32, 32)
    forward = 6 * 2 * 16 * 32 * 32

    def grad(x, kernels):
        return jax.grad(lambda k: jnp.sum(_scan(x, k)))(kernels)

    def again(x, kernels):
        return jax.grad(lambda k: jnp.sum(jax.checkpoint(_scan)(x, k)))(kernels)

    assert _traced(grad, *shapes) == 3 * forward
    assert _traced(again, *shapes) == 4 * forward
    assert cost(_compiled(grad, *shapes)).flops == 3 * forward


@pytest.mark.parametrize(
    "stride, padding, dilation, groups",
    [(1, "SAME", 1, 1), (2, "SAME", 1, 1), (1, "VALID", 2, 1), (2, [(3, 2), (0, 1)], 1, 4)],
)
def test_a_convolution_and_its_gradients(stride, padding, dilation, groups):
    def convolve(x, kernel):
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            padding,
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    def gradients(x, kernel):
        return jax.grad(lambda x, k: jnp.sum(convolve(x, k) ** 2), argnums=(0, 1))(x, kernel)

    shapes = (2, 9, 10, 8), (3, 3, 8 // groups, 4)
    forward = _traced(convolve, *shapes)
    assert forward == 2 * _count_by_hand(convolve, *shapes)
    assert cost(_compiled(convolve, *shapes)).flops == forward
    # What each gradient multiplies is what the forward pass multiplies, once more.
    assert _traced(gradients, *shapes) == 3 * forward


def _count_by_hand(convolve, image, kernel) -> int:
    """Return the multiplications of a convolution: of ones, its outputs sum to their number."""
    return round(float(jnp.sum(convolve(jnp.ones(image), jnp.ones(kernel)))))


def test_a_product_of_batches():
    def product(x, y):
        return jnp.einsum("bhnd,bhmd->bhnm", x, y)

    shapes = (2, 3, 5, 7), (2, 3, 11, 7)
    assert _traced(product, *shapes) == 2 * 2 * 3 * 5 * 11 * 7
    assert cost(_compiled(product, *shapes)).flops == 2 * 2 * 3 * 5 * 11 * 7


def test_a_function_over_shards_counts_all_of_them():
    auto = (jax.sharding.AxisType.Auto,)
    mesh = jax.make_mesh((8,), ("data",), axis_types=auto, devices=jax.devices()[:8])
    spec = jax.sharding.PartitionSpec("data")

    def product(x, y):
        return jax.shard_map(
            lambda x, y: x @ y.T, mesh=mesh, in_specs=(spec, spec), out_specs=spec
        )(x, y)

    assert _traced(product, (64, 16), (64, 16)) == 8 * 2 * 8 * 8 * 16


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 2, 2)], ids=str)
def test_what_is_in_a_kernel_counts(sizes):
    """Tokens and channels padded to 128: two products in the forward pass; seven in the backward
    one, which computes the scores again for the gradients of queries, and for those of keys."""
    mesh = make_mesh(dict(zip(AXES, sizes, strict=True)), jax.devices()[: math.prod(sizes)])

    def attention(x, kernel):
        return jnp.sum(attend(x, x, x, kernel=kernel))

    def count(function, **options):
        with jax.set_mesh(mesh):
            jaxpr = jax.make_jaxpr(function)(jnp.zeros((4, 2, 20, 8))).jaxpr
        return flops.traced(jaxpr, **options)

    product = 2 * 4 * 2 * 128 * 128 * 128
    kernel, plain = (functools.partial(attention, kernel=one) for one in ("splash", "xla"))
    assert count(kernel) == count(kernel, only_kernels=True) == 2 * product
    assert count(jax.grad(kernel), only_kernels=True) == (2 + 7) * product
    assert count(plain) == 2 * 2 * 4 * 2 * 20 * 20 * 8
    assert count(plain, only_kernels=True) == 0


def test_of_a_batch_convolution_written_with_holes_only_what_meets_counts():
    # A batch of 4 products, as a TPU's compiler writes it: the batch is a spatial dimension, spread
    # out so that each place of the window meets one element of the other factor.
    line = (
        "%y = f32[4,16,32]{2,1,0} convolution(%p0, %p1), window={size=4 stride=3 pad=0_0 "
        "lhs_dilate=4}, dim_labels=0bf_0io->0bf"
    )
    text = one_instruction("f32[4,16,8]{2,1,0}; f32[4,8,32]{2,1,0}", line)
    assert _cost(text).flops == 4 * 2 * 16 * 8 * 32
