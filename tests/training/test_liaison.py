"""How processes find each other and learn of each other's end; threads stand for them here."""

import concurrent.futures
import json
import socket
import time

import pytest

from ssljax.errors import UserError
from ssljax.training import liaison
from ssljax.training.liaison import Line, Switchboard


class Exit(BaseException):
    """Stands for the end of the process."""


JOINED = []


@pytest.fixture(autouse=True)
def no_exit_later():
    """Let no line that a test has left behind end the process."""
    yield
    for line in JOINED:
        line._failing = True
    JOINED.clear()


@pytest.fixture
def exits(monkeypatch):
    """Collect the statuses with which processes end."""
    statuses = []

    def leave(status):
        statuses.append(status)
        raise Exit

    monkeypatch.setattr(liaison.os, "_exit", leave)
    monkeypatch.setattr("threading.excepthook", lambda args: None)
    return statuses


@pytest.fixture
def port():
    with socket.create_server(("", 0)) as listener:
        return listener.getsockname()[1]


def _join(port, places, patience=5.0):
    """Let all (process, count) join at once; return what became of each."""

    def join(place):
        try:
            line = Line(("localhost", port), *place, patience)
            JOINED.append(line)
            return line
        except UserError as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(join, places))


def _together(port, count):
    Switchboard(port, count, "localhost:1", 5.0)
    return _join(port, [(i, count) for i in range(count)])


def _wait_until(met):
    for _ in range(500):
        if met():
            return True
        time.sleep(0.01)
    return False


def _stranger(port, **hello):
    """Return a bare connection that has said who it is, and will say no more."""
    raw = socket.create_connection(("localhost", port))
    raw.sendall(json.dumps({"where": "elsewhere, 7", **hello}).encode() + b"\n")
    return raw


def _with_a_stranger(port):
    """Let processes 0 and 1 of 3 join, and a bare connection for process 2."""
    Switchboard(port, 3, "localhost:1", 5.0)
    raw = _stranger(port, process=2, count=3)
    return _join(port, [(0, 3), (1, 3)]), raw


def test_all_start_at_once_and_finish_at_once(port):
    lines = _together(port, 3)
    assert [line.start for line in lines] == ["localhost:1"] * 3
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        early = [pool.submit(line.finish) for line in lines[:2]]
        assert not concurrent.futures.wait(early, timeout=0.3).done
        pool.submit(lines[2].finish).result(timeout=5)
        assert concurrent.futures.wait(early, timeout=5).not_done == set()


def test_all_hear_of_a_death(port, exits, capsys):
    _, raw = _with_a_stranger(port)
    raw.close()
    assert _wait_until(lambda: len(exits) == 2) and set(exits) == {liaison.ENDED}
    printed = capsys.readouterr().err.strip().splitlines()
    assert [line for line in printed if line] == [
        "ssljax: process 2 (elsewhere, 7) has died"
    ] * 2  # fmt: skip


def test_all_hear_of_a_host_that_is_gone(port, exits, capsys, monkeypatch):
    monkeypatch.setattr(liaison, "SILENCE", 0.6)
    monkeypatch.setattr(liaison, "_BEAT", 0.1)
    _, raw = _with_a_stranger(port)
    assert _wait_until(lambda: len(exits) == 2)
    assert "process 2 (elsewhere, 7) has not been heard of for 0.6 s" in capsys.readouterr().err
    raw.close()


def test_all_hear_why_one_failed_and_it_does_not_exit_by_itself(port, exits, capsys):
    lines = _together(port, 3)
    lines[1].fail("cannot read the data")
    assert _wait_until(lambda: len(exits) == 2)
    assert lines[1]._over.is_set()
    assert capsys.readouterr().err.count("failed: cannot read the data") == 2


def test_a_process_that_has_the_place_of_another_ends_all_before_the_start(port):
    Switchboard(port, 3, "localhost:1", 5.0)
    for outcome in _join(port, [(0, 3), (1, 3), (1, 3)]):
        assert (
            "process 1" in outcome and "was started with the --process-id of process 1" in outcome
        )


def test_a_process_that_has_the_place_of_another_does_not_disturb_a_run(port, exits):
    lines = _together(port, 2)
    (outcome,) = _join(port, [(1, 2)])
    assert "was started with the --process-id of process 1" in outcome
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        concurrent.futures.wait([pool.submit(line.finish) for line in lines], timeout=5)
    assert exits == []


def test_processes_that_count_differently_are_told(port):
    Switchboard(port, 2, "localhost:1", 5.0)
    for outcome in _join(port, [(0, 2), (2, 3)]):
        assert "was started with --num-processes 3, process 0 with 2" in outcome


def test_who_comes_after_the_end_is_told_too(port):
    Switchboard(port, 2, "localhost:1", 5.0)
    for place in [(2, 3), (0, 2), (1, 2)]:
        (outcome,) = _join(port, [place])
        assert "was started with --num-processes 3, process 0 with 2" in outcome


def test_absent_processes_are_named(port):
    Switchboard(port, 4, "localhost:1", 0.5)
    for outcome in _join(port, [(0, 4), (2, 4)]):
        assert "2 of 4 processes have not joined within 0.5 s: process 1, 3;" in outcome


def test_a_coordinator_that_never_appears(port):
    (outcome,) = _join(port, [(1, 2)], patience=0.5)
    assert f"process 0 (localhost:{port}) was not reached within 0.5 s" in outcome


def test_a_port_in_use(port):
    with socket.create_server(("", port)):
        with pytest.raises(UserError, match=f"cannot listen on port {port}: Address already in"):
            Switchboard(port, 2, "localhost:1", 5.0)


def test_something_else_on_the_port(port):
    def answer(listener):
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n")
        return connection

    with socket.create_server(("", port)) as listener:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(answer, listener)
            (outcome,) = _join(port, [(1, 2)])
    assert outcome == f"process 0 (localhost:{port}) is no process of ssljax"
