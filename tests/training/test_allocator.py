"""Freed memory stays with the process: the next step's temporaries cost no page faults."""

import subprocess
import sys

_FAULTS = """
import resource, sys
import jax, jax.numpy as jnp
from ssljax.training.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
x = jnp.ones((2048, 2048))
step = jax.jit(lambda x: jnp.sort(jnp.sin(x)[::-1], axis=0) @ x)  # temporaries of 16 MiB each
for _ in range(20):  # until the heap has grown to its size
    step(x).block_until_ready()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step(x).block_until_ready()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(how):
    command = [sys.executable, "-c", _FAULTS, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_step_on_cpu_finds_its_memory_already_mapped():
    assert _faults("keep") < 0.1 * _faults("release")
