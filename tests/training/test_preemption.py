"""Which signals ask for a stop, and which end the process; real runs are stopped with the commands'
tests."""

import os
import signal
import subprocess
import sys

import pytest

from ssljax.training import preemption
from ssljax.training.preemption import StopRequest


@pytest.fixture
def clock(monkeypatch):
    """The time that is read, in seconds, to be set."""
    now = [100.0]
    monkeypatch.setattr(preemption.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture(autouse=True)
def ctrl_c_as_in_a_terminal():
    """A shell's background jobs are born deaf to it; conftest puts back what was there."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _send(number):
    os.kill(os.getpid(), number)


def test_before_the_first_step_signals_act_as_usual():
    with StopRequest() as stop, pytest.raises(KeyboardInterrupt):
        _send(signal.SIGINT)
    assert stop.signal is None


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_within_a_second_is_the_same_request(clock, first):
    before = signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        stop.begin()
        assert not stop.due(1)
        for elapsed in (0.0, 0.01, 0.9):
            clock[0] = 100 + elapsed
            _send(first)
            _send(signal.SIGINT)
        assert stop.due(2) and stop.signal == first
    assert signal.getsignal(signal.SIGINT) is before


def test_a_later_signal_ends_the_process_at_once(clock, monkeypatch):
    with StopRequest() as stop:
        stop.begin()
        _send(signal.SIGINT)
        clock[0] += 1.5
        sent = []
        monkeypatch.setattr(preemption.signal, "raise_signal", sent.append)
        _send(signal.SIGTERM)
        assert sent == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is not None


COMMAND = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from ssljax.commands.failure import end_at_the_second_interrupt
end_at_the_second_interrupt()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("closing", flush=True)
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        print("not closed")
"""


def test_a_command_is_unwound_by_the_first_interrupt_and_ended_by_the_second():
    ended = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGINT and ended.stdout == "closing\n"
