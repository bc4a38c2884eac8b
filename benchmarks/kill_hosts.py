"""Kill, stop and interrupt one process of several, again and again, and look what becomes of a run.

    python -m benchmarks.kill_hosts --processes 2 --trials 25

Every trial starts the same run where the last trial left it, waits for a phase of it, sends a
signal to one process or to all, and waits for the others to end. Phases: start (importing, joining,
reading the data), compilation (with an empty cache), steps, saves. Signals: KILL, STOP, HANG (it
sleeps for ever in Python; with --hang-timeout), INT, TERM, and INT twice within 10 ms, as of an
impatient Ctrl-C. At last the run is left to end: its last checkpoint and all its metrics must hold
the same bits as those of a run that was never disturbed, which they do only if every restart was
exact. A process that does not end within --patience counts as hung.
"""

import argparse
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

DEVICES = 4  # of all processes together
CONFIG = """
import signal
import time

from tests.objectives.cases import config_of

def hang(*_):
    time.sleep(1e9)

signal.signal(signal.SIGUSR1, hang)

def get_config():
    config = config_of("simclr")
    config.encoder = {{"name": "resnet", "stage_sizes": (1,), "width": 4, "stem": "small"}}
    config.objective.views = {{"crop": {{"count": 2, "crop_scale": (0.3, 1.0)}}}}
    config.steps = {steps}
    config.log_every = 1
    config.checkpoint = {{"every": 5}}
    config.evaluation = {{"every": 0, "final": False}}
    return config
"""
PHASES = ("start", "compilation", "steps", "saves")
SIGNALS = ("KILL", "STOP", "HANG", "INT", "TERM", "INT all", "INT INT all", "TERM all")


def main() -> int:
    """Run it; the exit status says whether nothing hung and all bits are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2, choices=(2, 4))
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--signals", nargs="*", default=list(SIGNALS), choices=SIGNALS)
    parser.add_argument("--steps", type=int, default=400, help="of the run")
    parser.add_argument("--patience", type=float, default=120, help="seconds, then it is a hang")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    chance = random.Random(args.seed)
    trials = [
        (phase, kind, victim)
        for phase, kind, victim in itertools.product(PHASES, args.signals, range(args.processes))
        if (victim == 0 or not kind.endswith("all"))
        and (kind != "HANG" or phase in ("steps", "saves"))  # --hang-timeout counts from a step on
    ]
    chance.shuffle(trials)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "config.py").write_text(CONFIG.format(steps=args.steps))
        whole = Run(folder, "whole", args.processes)
        whole.start()
        began = time.monotonic()
        assert whole.wait(600) == [0] * args.processes, whole.printed(0)
        print(f"not disturbed: {time.monotonic() - began:.0f} s", flush=True)
        run, good = Run(folder, "disturbed-0", args.processes), True
        for number, (phase, kind, victim) in enumerate(trials[: args.trials]):
            good &= _disturb(run, phase, kind, victim, chance, args.patience)
            if run.last_step() >= args.steps:  # nothing is left of it to disturb
                good &= _end(run, whole)
                run = Run(folder, f"disturbed-{number + 1}", args.processes)
        good &= _end(run, whole)
    print("all good" if good else "NOT GOOD")
    return 0 if good else 1


class Run:
    """A run of several processes in a workdir, and what they print."""

    def __init__(self, folder: pathlib.Path, name: str, count: int):
        self.workdir, self.count, self._folder = folder / name, count, folder
        self.processes: list[subprocess.Popen] = []
        self._stale: set[str] = set()  # saves that an earlier death has cut short

    def start(self, *options: str, compiles: bool = False) -> None:
        """Start all processes, with an empty compilation cache if they are to compile."""
        cache = self._folder / "cache"
        if compiles:
            cache = self._folder / "empty-cache"
            shutil.rmtree(cache, ignore_errors=True)
        environment = {
            **os.environ,
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES // self.count}",
            "PJRT_NPROC": str(DEVICES),
        }
        with socket.create_server(("", 0)) as listener:
            port = listener.getsockname()[1]
        command = [sys.executable, "-m", "ssljax", "pretrain", "--workdir", str(self.workdir)]
        command += ["--config", str(self._folder / "config.py"), "--join-timeout", "30"]
        command += ["--coordinator", f"localhost:{port}", "--num-processes", str(self.count)]
        self._stale = self._unfinished_saves()
        self.processes = []
        for number in range(self.count):
            with (self._folder / f"log-{number}").open("w") as log:
                self.processes.append(
                    subprocess.Popen(
                        [*command, "--process-id", str(number), *options],
                        env=environment,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )
                )

    def printed(self, process: int) -> str:
        """Return what a process has printed."""
        return (self._folder / f"log-{process}").read_text()

    def wait(self, patience: float, without: int | None = None) -> list[int | None]:
        """Return the statuses, None for a process that did not end; all are ended afterwards."""
        deadline = time.monotonic() + patience
        waited_for = [p for i, p in enumerate(self.processes) if i != without]
        while time.monotonic() < deadline and any(p.poll() is None for p in waited_for):
            time.sleep(0.02)
        statuses = [process.poll() for process in self.processes]
        for process in self.processes:
            process.kill()
            process.wait()
        return statuses

    def last_step(self) -> int:
        """Return the step of the last line of the metrics."""
        return max((step for _, step in self.metrics()), default=0)

    def metrics(self) -> dict[tuple[int, int], dict[str, float]]:
        """Return what metrics.jsonl says of steps (a, b], but for what measures time.

        A stop between two saves writes a line of its own: such steps may be cut otherwise.
        """
        path = self.workdir / "metrics.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        metrics, before = {}, 0
        for line in lines:
            if line.endswith("}"):
                values = json.loads(line)
                values.pop("examples_per_second", None)
                metrics[before, values["step"]] = values
                before = values["step"]
        return metrics

    def await_phase(self, phase: str, chance: random.Random) -> None:
        """Return in a phase, or when a process has ended."""
        if phase == "start":
            time.sleep(chance.uniform(0.5, 8.0))
        elif phase == "compilation":
            self._until(lambda: re.search("starting|continuing", self.printed(0)))
            time.sleep(chance.uniform(0.0, 2.0))
        elif phase == "steps":
            before = self.last_step()
            self._until(lambda: self.last_step() > before)
            time.sleep(chance.uniform(0.0, 0.3))
        else:
            self._until(lambda: self._unfinished_saves() - self._stale)

    def _unfinished_saves(self) -> set[str]:
        return {path.name for path in (self.workdir / "checkpoints").glob("*tmp*")}

    def _until(self, met) -> None:
        while not met() and all(process.poll() is None for process in self.processes):
            time.sleep(0.003)


def _disturb(run, phase, kind, victim, chance, patience) -> bool:
    options = ("--hang-timeout", "30") if kind == "HANG" else ()
    run.start(*options, compiles=phase == "compilation")
    run.await_phase(phase, chance)
    reached, began = run.last_step(), time.monotonic()
    early = [process.poll() for process in run.processes]
    *names, everybody = kind.split() if kind.endswith("all") else (kind, "")
    for number, name in enumerate(names):
        time.sleep(0.01 * (number > 0))
        for index, process in enumerate(run.processes):
            if everybody or index == victim:
                process.send_signal(getattr(signal, "SIGUSR1" if name == "HANG" else f"SIG{name}"))
    statuses = run.wait(patience, without=victim if kind == "STOP" else None)
    took = time.monotonic() - began
    others = [i for i in range(run.count) if i != victim or everybody]
    hung = [i for i in others if statuses[i] is None]
    named = ""
    if kind in ("KILL", "STOP"):
        named = " named" if all(_names(run.printed(i), victim) for i in others) else " NOT NAMED"
    if kind == "HANG":
        named = " named" if "in hang" in run.printed(victim) else " NOT NAMED"
    print(
        f"{run.count} processes, {phase:11} {kind:11} {'' if everybody else victim!s:1} at step "
        f"{reached:3}: {statuses} in {took:4.1f} s{named}{' HUNG' if hung else ''}"
        f"{'' if set(early) == {None} else ' (had ended before)'}",
        flush=True,
    )
    if hung or "NOT" in named:
        for i in others:
            print(f"---- {i}\n{run.printed(i)[-3000:]}", flush=True)
    return not hung


def _names(printed: str, victim: int) -> bool:
    """Return whether JAX's message names a process; process 0 is named by its service."""
    lost = re.search(r"heartbeats\):\n((?:\d+\n)+)", printed)
    absent = re.search(r"timed out task names:\n((?:.*\d+\n)+)", printed)
    if found := lost or absent:
        return str(victim) in re.findall(r"\d+", found[1])
    return victim == 0 and "coordination" in printed.lower()


def _end(run, whole) -> bool:
    run.start()
    statuses = run.wait(600)
    ours, theirs = run.metrics(), whole.metrics()
    common = ours.keys() & theirs.keys()
    same = statuses == [0] * run.count and _bits(run.workdir) == _bits(whole.workdir)
    same = same and len(common) > 5 and all(ours[steps] == theirs[steps] for steps in common)
    print(
        f"left to end: {statuses}, {'same bits' if same else 'DIFFERENT'}, "
        f"{len(common)} of {len(ours)} lines of metrics over the same steps",
        flush=True,
    )
    if not same:
        print(run.printed(0)[-3000:], flush=True)
    return same


def _bits(workdir) -> list[bytes]:
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
    import jax

    from ssljax.training.checkpoint import Checkpointer
    from ssljax.training.experiment import build
    from ssljax.training.workdir import load_config

    experiment = build(load_config(workdir))
    step, state, _ = Checkpointer(workdir, keep_last=2).restore(experiment.abstract_state)
    assert step == experiment.config.steps
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


if __name__ == "__main__":
    sys.exit(main())
