"""Two frameworks that take turns on one machine: so what else it does falls on both."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

Step = Callable[[], float]  # runs a step and returns its loss


def compare(
    module: str,
    description: str,
    cases: Mapping[str, str],
    made: Mapping[str, Callable[[str], tuple[Step, int]]],
    peer: str = "torch",
) -> None:
    """Time the steps of all cases, and print a line for each framework and the ratios.

    Each framework has a process of its own, kept alive. The ratio is the median over pairs of
    neighbouring turns. Without `peer` installed, the times of JAX are printed alone.

    Args:
      module: that is run in a process of its own; its main function calls this one.
      description: of the command.
      cases: what the model and the batch of each are, for people.
      made: by framework, "jax" and "torch": gives (step, number of parameters) of a case.
      peer: package that the steps of "torch" need.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("word", nargs="?", default="", help="cases whose name contains it")
    parser.add_argument("--blocks", type=int, default=9, help="turns of each framework")
    parser.add_argument("--steps", type=int, default=1, help="steps in a turn")
    parser.add_argument("--threads", type=int, default=0, help="cores of a step; 0: all")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        framework, case = args.worker
        return _work(*made[framework](case))
    frameworks = ["jax"]
    if importlib.util.find_spec(peer):
        frameworks.append("torch")
    else:
        print(f"{peer} is not installed: JAX alone (pip install {peer} to compare)")
    print(f"{args.threads or os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for case in cases:
        if args.word in case:
            _measure(module, case, cases[case], frameworks, args)
    return None


def _work(step: Step, parameters: int) -> None:
    """Run in a process of its own: for each line of input, time so many steps."""
    step(), step()
    print(json.dumps({"parameters": parameters}), flush=True)
    for line in sys.stdin:
        steps = int(line)
        wall, processor = time.perf_counter(), time.process_time()
        losses = [step() for _ in range(steps)]
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        answer = {"wall": wall / steps, "processor": processor / steps, "loss": losses[-1]}
        print(json.dumps(answer), flush=True)


class _Worker:
    """A process that times steps when told to."""

    def __init__(self, module: str, framework: str, case: str, threads: int):
        # Idle OpenMP threads that spin would count as work, and take the cores from others.
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "OMP_WAIT_POLICY": "passive"}
        cores = sorted(os.sched_getaffinity(0))[: threads or None]
        environment["OMP_NUM_THREADS"] = str(len(cores))
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, "--worker", framework, case],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        self.parameters = self._answer()["parameters"]

    def time(self, steps: int) -> dict:
        print(steps, file=self.process.stdin, flush=True)
        return self._answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)} ended: see above")
        return json.loads(line)


def _measure(module: str, case: str, what: str, frameworks: list[str], args) -> None:
    workers = {name: _Worker(module, name, case, args.threads) for name in frameworks}
    counts = {worker.parameters for worker in workers.values()}
    if len(counts) > 1:
        raise SystemExit(f"{case}: the models differ, they have {counts} parameters")
    print(f"{case}, {what}, {counts.pop():,} parameters")
    turns = [
        {name: worker.time(args.steps) for name, worker in workers.items()}
        for _ in range(args.blocks)
    ]
    for worker in workers.values():
        worker.close()
    times = {
        kind: {name: np.array([turn[name][kind] for turn in turns]) for name in frameworks}
        for kind in ("wall", "processor")
    }
    for name in frameworks:
        cells = (
            f"{kind} {1e3 * np.median(t[name]):7.0f} ms (least {1e3 * t[name].min():7.0f})"
            for kind, t in times.items()
        )
        print(f"  {name:6}{'   '.join(cells)}   last loss {turns[-1][name]['loss']:.3f}")
    if len(frameworks) == 2:
        for kind, t in times.items():
            low, middle, high = np.quantile(t["torch"] / t["jax"], (0.25, 0.5, 0.75))
            quartiles = f"(quartiles {low:.2f}, {high:.2f})"
            print(f"  speed in {kind} time: {middle:.2f} of PyTorch's {quartiles}")
