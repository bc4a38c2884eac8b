"""Runs of several real processes on this machine, each with its own simulated devices."""

import dataclasses
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from ssljax.training.checkpoint import Checkpointer
from ssljax.training.experiment import build
from ssljax.training.workdir import load_config
from tests.quick import FLAGS

pytestmark = pytest.mark.faults
ROOT = pathlib.Path(__file__).parent.parent.parent
DEVICES = 4  # of all processes together
STEPS = 24
TIMEOUT = 600  # seconds, on a machine that may have much else to do
CONFIG = f"""
from tests.objectives.cases import config_of

def get_config():
    config = config_of("simclr")
    config.encoder = {{"name": "resnet", "stage_sizes": (1,), "width": 4, "stem": "small"}}
    config.objective.views = {{"crop": {{"count": 2, "crop_scale": (0.3, 1.0)}}}}
    config.steps = {STEPS}
    config.log_every = 1
    config.checkpoint = {{"every": 4}}
    config.evaluation = {{"every": {STEPS // 2}, "final": True}}
    return config
"""


@dataclasses.dataclass
class Running:
    """The processes of a run, and what they print."""

    processes: list[subprocess.Popen]
    logs: list[pathlib.Path]

    def statuses(self, timeout=TIMEOUT) -> list[int]:
        try:
            return [process.wait(timeout=timeout) for process in self.processes]
        finally:
            self.kill()

    def kill(self) -> None:
        for process in self.processes:
            process.kill()

    def printed(self, process: int) -> str:
        return self.logs[process].read_text()


def _free_port() -> int:
    with socket.create_server(("", 0)) as listener:
        return listener.getsockname()[1]


def _start(folder, count, *options, own_options=()) -> Running:
    """Start `count` processes of one run in folder/run, each with its part of the devices."""
    config = folder / "config.py"
    config.write_text(CONFIG)
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),  # for the config, whatever earlier tests have set
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES // count} {FLAGS}",
        # As many threads whatever the devices of a process: sums are cut into as many parts.
        "PJRT_NPROC": str(DEVICES),
    }
    command = [sys.executable, "-m", "ssljax", "pretrain", "--config", str(config)]
    command += ["--workdir", str(folder / "run"), "--coordinator", f"localhost:{_free_port()}"]
    processes, logs = [], []
    for number in range(count):
        place = ["--num-processes", str(count), "--process-id", str(number)]
        mine = own_options[number] if own_options else []
        logs.append(folder / f"log-{number}")
        with logs[-1].open("w") as log:
            processes.append(
                subprocess.Popen(
                    [*command, *place, *options, *mine],
                    cwd=ROOT,
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
    return Running(processes, logs)


def _last_saved(folder) -> int:
    names = (path.name for path in (folder / "run/checkpoints").glob("*"))
    return max((int(name) for name in names if name.isdigit()), default=0)


def _wait_until(running, met) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not met():
        statuses = [process.poll() for process in running.processes]
        assert set(statuses) == {None}, [running.printed(i) for i in range(len(statuses))]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _result(folder) -> tuple[list[bytes], list[dict], dict | None]:
    """Return the bits of the last state, the metrics and the evaluation of a finished run."""
    config = load_config(folder / "run")
    config.mesh.data = 8
    experiment = build(config)
    step, state, _ = Checkpointer(folder / "run", keep_last=2).restore(experiment.abstract_state)
    assert step == STEPS
    lines = [json.loads(line) for line in (folder / "run/metrics.jsonl").open()]
    for line in lines:
        line.pop("examples_per_second", None)
    bits = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]
    evaluation = folder / "run/evaluation.json"
    return bits, lines, json.loads(evaluation.read_text()) if evaluation.exists() else None


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    running = _start(folder, 2)
    assert running.statuses() == [0, 0], running.printed(0) + running.printed(1)
    return running, _result(folder)


@pytest.fixture(scope="module", autouse=True)
def mistaken(tmp_path_factory):
    """Start a run with a mistake on one host, long before its test: its end takes JAX 25 s."""
    running = _start(tmp_path_factory.mktemp("wrong"), 2, own_options=[[], ["--config.stesp=3"]])
    yield running
    running.kill()


def _joined(number: int, count: int) -> str:
    return rf"ssljax: waiting .*\nssljax: this is process {number} of {count} \(.*, \d+\)\n"


def test_only_process_0_prints(two_processes):
    running, _ = two_processes
    assert re.match(_joined(0, 2) + f"data: .*\n(.*\n)+starting: {STEPS} steps", running.printed(0))
    assert "linear probe" in running.printed(0)
    assert re.fullmatch(_joined(1, 2), running.printed(1))


def test_the_same_devices_in_one_process_give_the_same_bits(two_processes, tmp_path):
    running = _start(tmp_path, 1)
    assert running.statuses() == [0], running.printed(0)
    assert _result(tmp_path) == two_processes[1]


def test_the_same_devices_in_four_processes_give_the_same_bits(two_processes, tmp_path):
    running = _start(tmp_path, 4, "--config.evaluation.final=False")
    assert running.statuses() == [0] * 4, running.printed(0)
    assert _result(tmp_path)[:2] == two_processes[1][:2]


def test_stopped_and_killed_runs_end_with_the_same_bits(two_processes, tmp_path):
    # SIGTERM to one stops both, at one step, with a checkpoint.
    running = _start(tmp_path, 2)
    _wait_until(running, lambda: "starting" in running.printed(0))
    running.processes[1].send_signal(signal.SIGTERM)
    assert running.statuses() == [128 + signal.SIGTERM] * 2, running.printed(0)
    stopped = _last_saved(tmp_path)
    assert f"stopped at step {stopped}, with a checkpoint" in running.printed(0)

    # SIGKILL to one ends the other.
    running, before = _start(tmp_path, 2), _last_saved(tmp_path)
    _wait_until(running, lambda: _last_saved(tmp_path) > before)
    running.processes[0].kill()
    assert running.statuses(timeout=60)[1] == -signal.SIGABRT
    # Or, before JAX notices: of two devices of the other process, one has lost its collective and
    # sends what comes next to the one that still waits. Gloo aborts at a message of another size.
    told = running.printed(1)
    ends = ("the JAX distributed service detected fatal errors", "gloo::EnforceNotMet")
    assert any(end in told for end in ends), told

    running = _start(tmp_path, 2)
    assert running.statuses() == [0, 0], running.printed(0) + running.printed(1)
    assert _result(tmp_path) == two_processes[1]


def test_ctrl_c_in_a_terminal_stops_all(tmp_path):
    running = _start(tmp_path, 2, "--config.steps=1000000")
    _wait_until(running, lambda: _last_saved(tmp_path) > 0)
    for process in running.processes:
        process.send_signal(signal.SIGINT)
    assert running.statuses(timeout=60) == [128 + signal.SIGINT] * 2, running.printed(0)
    assert "with a checkpoint; the same command continues" in running.printed(0)


def test_a_mistake_on_one_host_is_told_there_and_ends_all(mistaken):
    assert mistaken.statuses(timeout=60) == [-signal.SIGABRT, 2]
    line = "ssljax: unknown config key 'stesp'; did you mean 'steps'"
    assert mistaken.printed(1).splitlines()[-1].startswith(line)
    assert line not in mistaken.printed(0)
    # What JAX prints of the other one: its number.
    assert "stopped sending heartbeats):\n1\n" in mistaken.printed(0)
