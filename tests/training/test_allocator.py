"""Freed memory stays with the process: the next step's temporaries cost no page faults."""

import subprocess
import sys

_FAULTS = """
import resource, sys
import jax, jax.numpy as jnp
from ssljax.training.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
x = jnp.ones((3000, 3000))
step = jax.jit(lambda x: x + 1)  # 34 MiB that are allocated, written and freed again
seen = []
for _ in range(40):
    before = faults()
    step(x).block_until_ready()
    seen.append(faults() - before)
print(sorted(seen[20:])[10])  # of the heap at its size, which may still grow in a few steps
"""


def _faults_of_a_step(how):
    command = [sys.executable, "-c", _FAULTS, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_step_on_cpu_finds_its_memory_already_mapped():
    assert _faults_of_a_step("keep") < 0.1 * _faults_of_a_step("release")
