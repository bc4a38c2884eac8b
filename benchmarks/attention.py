"""What the kernels of attention take on hardware that is not here: bytes, memory, FLOPs.

    python -m benchmarks.attention --topology tpu:v5e:2x2
    python -m benchmarks.attention --topology gpu:h100:8 --tokens 1568 --depth 24 --examples 8

Compiles the gradient of a transformer trunk in bfloat16 with the compiler of the topology
(`ssljax plan`). The figures are of one chip and one layer; peak memory is that of the whole trunk.
"""

import argparse
import json
import os
import subprocess
import sys

TOKENS = (50, 197, 257, 577, 785, 1568)
KERNELS = {"tpu": ("xla", "splash"), "gpu": ("xla", "cudnn"), "cpu": ("xla",)}
COLUMNS = ("tokens", "kernel", "HBM, MB", "TFLOP", "peak, GiB", "at the roofline, ms", "MFU")


def main() -> None:
    """Compile what is asked for and print it as Markdown."""
    from ssljax.planning.topologies import parse

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--topology", default="tpu:v5e:2x2")
    parser.add_argument("--tokens", type=int, nargs="+", default=TOKENS)
    parser.add_argument("--kernel", nargs="+")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--examples", type=int, default=8, help="on each chip")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a line, in this process
    args = parser.parse_args()
    if args.one:
        print(json.dumps(_measure(**json.loads(args.one))))
        return
    topology = parse(args.topology)
    topology.require_compiler()
    print(_row(COLUMNS), _row(["---"] * len(COLUMNS)), sep="\n")
    for tokens in args.tokens:
        for kernel in args.kernel or KERNELS[topology.platform]:
            case = {name: getattr(args, name) for name in ("width", "heads", "depth", "examples")}
            case |= {"topology": args.topology, "tokens": tokens, "kernel": kernel}
            command = [sys.executable, "-m", "benchmarks.attention", "--one", json.dumps(case)]
            environment = os.environ | topology.environment
            made = subprocess.run(command, capture_output=True, text=True, env=environment)
            if made.returncode:
                print(_row([str(tokens), kernel, made.stderr.strip().splitlines()[-1][:300]]))
                continue
            print(
                _row([str(tokens), kernel, *json.loads(made.stdout.splitlines()[-1])]), flush=True
            )


def _measure(topology, tokens, kernel, width, heads, depth, examples) -> list[str]:
    import jax
    import jax.numpy as jnp

    from ssljax.models import Transformer, apply, init
    from ssljax.planning import flops
    from ssljax.planning.program import compile_traced
    from ssljax.planning.roofline import mfu, roofline
    from ssljax.planning.topologies import parse
    from ssljax.training.sharding import batch_sharding, make_mesh, replicated

    topology = parse(topology)
    mesh = make_mesh({"data": -1, "fsdp": 1, "tensor": 1}, topology.devices())
    shape = (examples * topology.size, tokens, width)
    x = jax.ShapeDtypeStruct(shape, jnp.bfloat16, sharding=batch_sharding(mesh))

    def trace(kernel):
        trunk = Transformer(depth, heads, attention=kernel, dtype=jnp.bfloat16)
        blank = jnp.zeros((1, tokens, width), jnp.bfloat16)
        params = jax.eval_shape(lambda: init(trunk, jax.random.key(0), blank)[0])
        params = jax.tree.map(
            lambda p: jax.ShapeDtypeStruct(p.shape, p.dtype, sharding=replicated(mesh)), params
        )

        def loss(params, x):
            return jnp.mean(apply(trunk, params, {}, x, train=True)[0].astype(jnp.float32) ** 2)

        gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))
        with jax.set_mesh(mesh):
            return gradients.trace(params, x), params

    traced, params = trace(kernel)
    program = compile_traced(traced, topology, params, x)
    if program.cost is None:
        return ["", "", f"{program.memory.peak / 2**30:.1f}, does not fit"]
    line = roofline(program.cost.flops, program.cost, topology)
    model = flops.traced(trace("xla")[0].jaxpr.jaxpr)
    return [
        f"{program.cost.nbytes / depth / 1e6:,.0f}",
        f"{program.cost.flops / depth / 1e12:.3f}",
        f"{program.memory.peak / 2**30:.2f}",
        f"{line.seconds / depth * 1e3:.2f} ({line.bound})",
        f"{mfu(model, line.seconds, topology):.2f}",
    ]


def _row(cells) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
