"""How a process joins a run of several, or is refused, and how one that hangs ends itself."""

import argparse
import subprocess
import sys

import jax
import pytest

from ssljax.commands import failure
from ssljax.commands import hosts as flags
from ssljax.errors import UserError
from ssljax.training import hosts
from ssljax.training.hosts import together


def _parsed(*options):
    parser = argparse.ArgumentParser()
    flags.add_flags(parser, stoppable=True)
    return parser.parse_args(options)


@pytest.mark.parametrize("address", ["h", "h:", ":99", "h:http"])
def test_an_address_that_cannot_be_is_refused(address):
    args = _parsed("--coordinator", address, "--num-processes", "2", "--process-id", "0")
    with pytest.raises(UserError, match=f"--coordinator {address} is not the HOST:PORT"):
        flags.joined(args, stoppable=True)


@pytest.mark.parametrize(
    "count, process, message",
    [
        ("0", "0", "--num-processes 0 must be at least 1"),
        ("2", "2", "--process-id 2 must be from 0 to 1, as --num-processes is 2"),
        ("2", "-1", "--process-id -1 must be from 0 to 1"),
    ],
)
def test_numbers_that_cannot_be_are_refused(count, process, message):
    args = _parsed("--coordinator", "h:1", f"--num-processes={count}", f"--process-id={process}")
    with pytest.raises(UserError, match=message):
        flags.joined(args, stoppable=True)


def test_what_jax_refuses_is_one_line(monkeypatch):
    def refuse(*place, **options):
        raise ValueError("The process id of the current process must be defined.\nmore")

    monkeypatch.setattr(jax.distributed, "initialize", refuse)
    monkeypatch.setattr(jax.config, "update", lambda name, value: None)
    with pytest.raises(UserError, match="cannot join .* must be defined.; give --coordinator"):
        with together("h:1", 2, None, patience=1, stoppable=True, tell=lambda error: 1):
            pass


def test_a_process_that_hangs_says_where_and_ends():
    code = """
import time
from ssljax.training import hosts
hosts._hang_timeout = 0.5
for _ in range(8):
    hosts.stepped()
    time.sleep(0.1)
print("so far", flush=True)
time.sleep(60)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.returncode == 1 and done.stdout == "so far\n"
    assert "line 9 in <module>" in done.stderr


@pytest.mark.parametrize(
    "error, status, waits",
    [
        (UserError("no such file"), 2, hosts._ALIKE),
        # JAX raises this, among others, where a collective operation loses another process.
        (ValueError("UNKNOWN: Gloo AllGather failed: Connection closed"), 1, hosts.SILENCE + 5),
    ],
)
def test_an_unknown_error_waits_for_jax_to_name_who_ended(error, status, waits, monkeypatch):
    class Exit(BaseException):
        pass

    def leave(number):
        raise Exit(number)

    slept = []
    monkeypatch.setattr(hosts.time, "sleep", slept.append)
    monkeypatch.setattr(hosts.os, "_exit", leave)
    monkeypatch.setattr(jax.distributed, "initialize", lambda *place, **options: None)
    monkeypatch.setattr(jax.config, "update", lambda name, value: None)
    with pytest.raises(Exit, match=str(status)):
        with together("h:1", 1, 0, patience=1, stoppable=True, tell=failure.tell):
            raise error
    assert slept == [waits]
