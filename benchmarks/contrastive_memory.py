"""Print what contrastive losses with their gradients hold in memory, by their compiled programs.

python -m benchmarks.contrastive_memory                          # on 8 simulated devices
python -m benchmarks.contrastive_memory --topology cpu:256 --batches 1048576
python -m benchmarks.contrastive_memory --topology tpu:v5e:16x16 --batches 1048576
python -m benchmarks.contrastive_memory --topology cpu:1 --time --batches 256 1024 4096

Numbers are MiB of temporaries on each device, for float32 vectors that are given, and gradients
that are handed back, sharded over all devices; "blocks" are those of --block x --block logits. The
compiler for TPUs comes with the extra `plan-tpu`. Nothing is run but with --time, which prints the
milliseconds of the fastest of five runs on CPU devices.
"""

import argparse
import dataclasses
import functools
import os
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax import losses
from ssljax.planning import topologies

LOSSES = {
    "nt_xent": functools.partial(losses.nt_xent, temperature=0.1),
    "batch_info_nce": functools.partial(losses.batch_info_nce, temperature=0.1),
    "clip": functools.partial(losses.clip, temperature=0.1),
    "siglip": functools.partial(losses.siglip, temperature=0.1, bias=-10.0),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A loss, the mean over a batch, with its gradient on a mesh of devices."""

    name: str
    block: int
    batch: int
    dim: int
    mesh: Mesh
    topology: topologies.Topology

    @property
    def rows(self) -> NamedSharding:
        """Rows over all devices."""
        return NamedSharding(self.mesh, PartitionSpec(self.mesh.axis_names))

    @functools.cached_property
    def program(self) -> jax.stages.Compiled:
        """The compiled function of two arrays [B, D]."""
        z = jax.ShapeDtypeStruct((self.batch, self.dim), jnp.float32, sharding=self.rows)

        def loss(a, b):
            return jnp.mean(LOSSES[self.name](a, b, block=self.block))

        outputs = None, (self.rows, self.rows)
        step = jax.jit(jax.value_and_grad(loss, (0, 1)), out_shardings=outputs)
        with jax.set_mesh(self.mesh):
            lowered = step.trace(z, z).lower(lowering_platforms=self.topology.lowering_platforms)
        return lowered.compile(self.topology.compiler_options)

    def mebibytes(self) -> float:
        """Return the temporaries of the program, on each device."""
        return self.program.memory_analysis().temp_size_in_bytes / 2**20

    def milliseconds(self) -> float:
        """Return the shortest of five runs."""
        shape = (self.batch, self.dim)
        inputs = [jax.random.normal(jax.random.key(number), shape) for number in range(2)]
        inputs, times = jax.device_put(inputs, self.rows), []
        for _ in range(5):
            start = time.perf_counter()
            jax.block_until_ready(self.program(*inputs))
            times.append(time.perf_counter() - start)
        return 1e3 * min(times)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--topology", type=topologies.parse, default=topologies.parse("cpu:8"))
    parser.add_argument("--batches", type=int, nargs="+", default=[4**n for n in range(6, 11)])
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--block", type=int, default=512)
    parser.add_argument("--time", action="store_true")
    args = parser.parse_args()
    args.topology.require_compiler()
    environment = {**os.environ, **args.topology.environment}
    if environment != os.environ:  # which JAX reads when it is imported
        command = [sys.executable, "-m", "benchmarks.contrastive_memory", *sys.argv[1:]]
        os.execve(sys.executable, command, environment)
    mesh = Mesh(np.array(args.topology.devices()), ("data",))

    unit = "milliseconds" if args.time else "MiB of temporaries on each device"
    print(f"{args.topology.spec}, D = {args.dim}, blocks of {args.block}; {unit}")
    columns = [(name, block) for name in LOSSES for block in (0, args.block)]
    heads = [f"{name}, {'blocks' if block else 'dense'}" for name, block in columns]
    print("batch".rjust(9), *(head.rjust(22) for head in heads))
    for batch in args.batches:
        print(f"{batch:9,}", end="", flush=True)
        for name, block in columns:
            case = Case(name, block, batch, args.dim, mesh, args.topology)
            try:
                cell = f"{case.milliseconds() if args.time else case.mebibytes():,.1f}"
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                cell = "too large"
            print(cell.rjust(23), end="", flush=True)
        print()


if __name__ == "__main__":
    main()
