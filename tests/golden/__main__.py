"""Record the values of the small experiments, or compare them with those recorded.

python -m tests.golden --record      writes tests/golden/NAME.json
python -m tests.golden               compares, bit for bit
python -m tests.golden --only simclr compares those whose name has "simclr" in it
"""

import argparse
import json
import os
import pathlib
import sys

# One device and one thread; as in the tests, nothing that takes long to compile.
os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUM_CPU_DEVICES": "1",
    "PJRT_NPROC": "1",
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false",
}

import jax  # noqa: E402  (the environment must be set first)

TOLERANCE = {"first step": 1e-4, "five steps": 1e-2, "parameters": 1e-5}

from tests.golden.record import FOLDER, SMALL, record  # noqa: E402


def main() -> int:
    """Return 0 unless a value differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="write the values")
    parser.add_argument("--only", default="", help="part of the name of an experiment")
    args = parser.parse_args()
    differing = 0
    for path in SMALL:
        name = pathlib.Path(path).stem
        if args.only not in name:
            continue
        found, file = record(path), FOLDER / f"{name}.json"
        jax.clear_caches()
        if args.record:
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(f"{name}: written", flush=True)
            continue
        told, far = _compared(json.loads(file.read_text(encoding="utf-8")), found)
        differing += far
        print(f"{name}: {told}", flush=True)
    return min(differing, 1)


def _compared(before: dict, now: dict) -> tuple[str, bool]:
    """Return how far values are from those recorded, and whether that is too far."""
    if before == now:
        return "the same bits", False
    steps = [
        max(
            abs(before[key][step] - now[key][step]) / max(abs(before[key][step]), 1e-12)
            for key in ("loss", "gradient_norm")
        )
        for step in range(len(now["loss"]))
    ]
    apart = {
        "first step": steps[0],
        "five steps": max(steps),
        "parameters": abs(before["norm"] / now["norm"] - 1),
    }
    far = any(apart[name] > bound for name, bound in TOLERANCE.items())
    told = ", ".join(f"{name} {value:.1e}" for name, value in apart.items())
    return f"{'DIFFERS' if far else 'agrees'}: {told}", far


if __name__ == "__main__":
    sys.exit(main())
