"""What is done where a compiler of another platform fails."""

import jax
import pytest

from ssljax.planning.program import _compile

OPTIONS = {"xla_gpu_autotune_level": 0}


class Lowered:
    """Fails with a message unless products are calls of libraries; keeps the options it got."""

    def __init__(self, message):
        self.message, self.tried = message, []

    def compile(self, compiler_options):
        self.tried.append(compiler_options)
        if "xla_gpu_enable_triton_gemm" not in compiler_options:
            raise jax.errors.JaxRuntimeError(self.message)
        return "compiled"


def test_products_that_xla_cannot_tile_are_calls_of_libraries():
    lowered = Lowered("INTERNAL: Couldn't find output tile sizes that satisfy hlo: %dot.351")
    assert _compile(lowered, OPTIONS) == "compiled"
    assert lowered.tried == [OPTIONS, {**OPTIONS, "xla_gpu_enable_triton_gemm": False}]


def test_any_other_error_is_the_users_to_see():
    lowered = Lowered("RESOURCE_EXHAUSTED: Out of memory")
    with pytest.raises(jax.errors.JaxRuntimeError, match="Out of memory"):
        _compile(lowered, OPTIONS)
    assert lowered.tried == [OPTIONS]
