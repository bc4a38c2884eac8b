"""What scan and remat cost and save, and how compile time grows with depth, on this CPU.

    python -m benchmarks.depth
    python -m benchmarks.depth --depth 12 --remat none

Compiles and runs the train step of a MAE (batch 64 of 28 x 28 pixels, patches of 4, width 128) in a
process of its own for each line, on random images. Compilation is given in processor time; a step
is the fastest of --steps.
"""

import argparse
import json
import subprocess
import sys
import time

DEPTHS = (6, 12, 24, 48)
REMATS = ("none", "dots", "dots_no_batch", "full")
ACROSS_REMATS = 12  # the depth at which settings of remat are compared
COLUMNS = ("trace, s", "compile, s", "step, ms", "temporaries, MiB")


def main() -> None:
    """Measure what is asked for and print it as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--depth", type=int, action="append")
    parser.add_argument("--remat", action="append", choices=REMATS)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a line, in this process
    args = parser.parse_args()
    if args.one:
        print(json.dumps(_measure(**json.loads(args.one))))
        return
    cases = [(depth, "none") for depth in args.depth or DEPTHS]
    depths = args.depth or (ACROSS_REMATS,)
    cases += [(depth, remat) for depth in depths for remat in args.remat or REMATS[1:]]
    head = ("depth", "remat", "scan", *COLUMNS)
    print(_row(head), _row(["---"] * len(head)), sep="\n")
    for depth, remat in dict.fromkeys(cases):
        for scan in (True, False):
            case = {"depth": depth, "remat": remat, "scan": scan, "steps": args.steps}
            command = [sys.executable, "-m", "benchmarks.depth", "--one", json.dumps(case)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            figures = json.loads(printed.splitlines()[-1])
            print(_row([str(depth), remat, "yes" if scan else "no", *figures]), flush=True)


def _measure(depth: int, remat: str, scan: bool, steps: int) -> list[str]:
    import jax
    import numpy as np

    from experiments.image.small.mae_fashion_mnist_vit import get_config
    from ssljax.spec import image_spec
    from ssljax.training.allocator import keep_freed_memory
    from ssljax.training.config import complete
    from ssljax.training.experiment import build

    keep_freed_memory()  # as the loop does
    config = complete(get_config())
    config.batch_size = 64
    size = {"patch_size": 4, "width": 128, "depth": depth}
    config.encoder.update({**size, "remat": remat, "scan": scan})
    experiment = build(config, image_spec((28, 28, 1), (0.3,), (0.3,), 60_000))
    start = time.process_time()
    traced = experiment.trace_step()
    middle = time.process_time()
    step = traced.lower().compile()
    compiled = time.process_time()
    temporaries = step.memory_analysis().temp_size_in_bytes

    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1), np.uint8)
    batch = experiment.put({"image": images, "id": np.arange(64, dtype=np.int32)})
    state, seconds = experiment.init(), []
    for _ in range(steps):
        before = time.perf_counter()
        state, _ = jax.block_until_ready(step(state, batch))
        seconds.append(time.perf_counter() - before)
    return [
        f"{middle - start:.1f}",
        f"{compiled - middle:.1f}",
        f"{1e3 * min(seconds):.0f}",
        f"{temporaries / 2**20:.0f}",
    ]


def _row(cells) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
