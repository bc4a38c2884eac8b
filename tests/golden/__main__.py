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
        told = _compared(json.loads(file.read_text(encoding="utf-8")), found)
        differing += bool(told)
        print(f"{name}: {told or 'the same bits'}", flush=True)
    return min(differing, 1)


def _compared(before: dict, now: dict) -> str:
    """Return "" if all is the same, else how far it is apart."""
    if before == now:
        return ""
    far = max(
        abs(a - b) / max(abs(a), 1e-12)
        for key in ("loss", "gradient_norm")
        for a, b in zip(before[key], now[key], strict=True)
    )
    norm = abs(before["norm"] / now["norm"] - 1)
    return f"DIFFERS: loss and gradient norm by {far:.1e}, parameters' norm by {norm:.1e}"


if __name__ == "__main__":
    sys.exit(main())
