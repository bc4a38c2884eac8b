"""Record the values of the small experiments, or compare them with those recorded.

python -m tests.golden --record      writes tests/golden/NAME.json
python -m tests.golden               compares, bit for bit
python -m tests.golden --only simclr compares those whose name has "simclr" in it
python -m tests.golden --brief       compares one of each folder and encoder
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import sys

from tests.quick import FLAGS

# One device and one thread; as in the tests, nothing that takes long to compile.
os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUM_CPU_DEVICES": "1",
    "PJRT_NPROC": "1",
    "XLA_FLAGS": FLAGS,
}

from tests.golden.compare import run  # noqa: E402  (the environment must be set first)
from tests.golden.record import FOLDER, SMALL, one_of_each, record  # noqa: E402

_PROCESSES = min(os.cpu_count() or 1, 4)  # each with gigabytes of compiled code


def main() -> int:
    """Return 0 unless a value differs or has no record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="write the values")
    parser.add_argument("--only", default="", help="part of the name of an experiment")
    parser.add_argument("--brief", action="store_true", help="one of each folder and encoder")
    args = parser.parse_args()
    paths = one_of_each() if args.brief else SMALL
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(_PROCESSES, spawn) as pool:
        chosen = [path for path in paths if args.only in pathlib.Path(path).stem]
        values = {path: pool.submit(record, path) for path in chosen}
        return run(
            paths,
            FOLDER,
            lambda path: values[path].result(),
            only=args.only,
            write=args.record,
        )


if __name__ == "__main__":
    sys.exit(main())
