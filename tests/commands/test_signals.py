"""Real processes, really stopped: SIGTERM and Ctrl-C save first, SIGKILL loses nothing saved."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from ssljax.training.checkpoint import Checkpointer
from ssljax.training.experiment import build
from ssljax.training.workdir import load_config

ROOT = pathlib.Path(__file__).parent.parent.parent
STEPS = 60
CONFIG = f"""
from tests.objectives.cases import config_of

def get_config(case="deepcluster_v2"):
    config = config_of(case)
    config.steps = {STEPS}
    config.checkpoint = {{"every": 3}}
    config.mesh = {{"data": 8}}
    return config
"""


def _start(tmp_path, workdir):
    config = tmp_path / "config.py"
    config.write_text(CONFIG)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),  # for the config, whatever earlier tests have set
    }
    command = [sys.executable, "-m", "ssljax", "pretrain", "--config", str(config)]
    return subprocess.Popen(
        [*command, "--workdir", str(workdir)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait_for_checkpoint(process, workdir, least):
    deadline = time.monotonic() + 240
    while _last(workdir) < least:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _last(workdir) -> int:
    names = (path.name for path in (workdir / "checkpoints").glob("*"))
    return max((int(name) for name in names if name.isdigit()), default=0)


def _final_state(workdir):
    experiment = build(load_config(workdir))
    step, state, _ = Checkpointer(workdir, keep_last=2).restore(experiment.abstract_state)
    assert step == STEPS
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    process = _start(folder, folder / "run")
    assert process.wait(timeout=300) == 0, process.stdout.read()
    return _final_state(folder / "run")


def test_a_signal_saves_a_checkpoint_and_the_same_command_continues(tmp_path, uninterrupted):
    workdir, continuing = tmp_path / "run", "starting"
    for number, least in ((signal.SIGTERM, 3), (signal.SIGINT, 24)):
        process = _start(tmp_path, workdir)
        _wait_for_checkpoint(process, workdir, least)
        process.send_signal(number)
        time.sleep(0.01)  # a terminal and a launcher may both pass on what was one Ctrl-C
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=120)[0]
        assert process.returncode == 128 + number
        assert continuing in printed
        assert f"stopped at step {_last(workdir)}, with a checkpoint" in printed
        assert "Traceback" not in printed
        continuing = f"continuing at step {_last(workdir)}"

    process = _start(tmp_path, workdir)
    assert continuing in process.communicate(timeout=300)[0]
    assert process.returncode == 0
    assert _final_state(workdir) == uninterrupted


@pytest.mark.faults
def test_sigkill_loses_nothing_saved_and_a_checkpoint_cut_short_is_told(tmp_path, uninterrupted):
    workdir = tmp_path / "run"
    for least in (3, 24):
        process = _start(tmp_path, workdir)
        _wait_for_checkpoint(process, workdir, least)
        process.kill()
        process.communicate()
    last = _last(workdir)
    largest = max(
        (path for path in (workdir / f"checkpoints/{last}").rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    os.truncate(largest, largest.stat().st_size // 2)
    process = _start(tmp_path, workdir)
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 0 and "Traceback" not in printed
    assert f"{last}" in printed and f"continuing at step {last - 3}" in printed
    assert _final_state(workdir) == uninterrupted
