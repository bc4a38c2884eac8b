"""Kill runs with SIGKILL at random moments, and compare what they end with to runs left alone.

    python -m benchmarks.kill_and_resume --kills 20

For every objective: a short run on scikit-learn's digits without interruption, then the same run
killed at a random moment, started again, killed again, ... as often as asked, and then left to end.
The last checkpoints (parameters, memory, optimizer state) must hold the same bits. Every second
step is saved, so that many kills fall into a save; one in five comes while the run starts up.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

from tests.objectives.cases import CASES

CONFIG = """
from tests.objectives.cases import config_of

def get_config(case):
    config = config_of(case)
    config.steps = {steps}
    config.checkpoint = {{"every": 2}}
    return config
"""


def main() -> int:
    """Run it; the exit status says whether all ended with the same bits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of every objective")
    parser.add_argument("--steps", type=int, default=200, help="of each run")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance, same = random.Random(args.seed), True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = f"{folder}/cache"  # restarts need not compile
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
        config = pathlib.Path(folder) / "config.py"
        config.write_text(CONFIG.format(steps=args.steps))
        for case in args.cases:
            same &= _compare(case, args, config, pathlib.Path(folder), chance)
    return 0 if same else 1


def _compare(case, args, config, folder, chance) -> bool:
    started = time.perf_counter()
    command = [sys.executable, "-m", "ssljax", "pretrain", "--config", f"{config}:{case}"]
    whole, killed = folder / f"{case}-whole", folder / f"{case}-killed"
    subprocess.run([*command, "--workdir", str(whole)], check=True, stdout=subprocess.DEVNULL)
    reached, during_save = [], 0
    for number in range(args.kills):
        log = (folder / "log").open("w")
        process = subprocess.Popen(
            [*command, "--workdir", str(killed)], stdout=log, stderr=subprocess.STDOUT
        )
        if number % 5 == 4:
            time.sleep(chance.uniform(1.0, 8.0))
        else:
            target = (number + chance.random()) * args.steps / (args.kills + 1)
            while process.poll() is None and _last_saved(killed) < target:
                time.sleep(0.003)
            time.sleep(chance.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        during_save += any((killed / "checkpoints").glob("*tmp*"))
        reached.append(_last_saved(killed))
    subprocess.run([*command, "--workdir", str(killed)], check=True, stdout=subprocess.DEVNULL)
    same = _same_bits(case, config, whole, killed)
    print(
        f"{case:15} {'same bits' if same else 'DIFFERENT'}; killed {args.kills} times, "
        f"{during_save} of them during a save, after the saves of steps "
        f"{', '.join(map(str, reached))}; {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    return same


def _last_saved(workdir: pathlib.Path) -> int:
    names = (path.name for path in (workdir / "checkpoints").glob("*"))
    return max((int(name) for name in names if name.isdigit()), default=0)


def _same_bits(case, config, one, other) -> bool:
    import jax

    from ssljax.training.checkpoint import Checkpointer
    from ssljax.training.experiment import build
    from ssljax.training.workdir import load_config

    states = []
    for workdir in (one, other):
        experiment = build(load_config(workdir))
        step, state, _ = Checkpointer(workdir, keep_last=2).restore(experiment.abstract_state)
        assert step == experiment.config.steps
        states.append(jax.tree.leaves(state))
    return all(
        np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(*states, strict=True)
    )


if __name__ == "__main__":
    sys.exit(main())
