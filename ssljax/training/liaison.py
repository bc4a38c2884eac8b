"""The lines that the processes of a run keep open to process 0, by which each learns of the end of
any other.

Process 0 listens on the address that all are given. Every process, process 0 too, connects to it
and says who it is; when all are there they are told to start. After that the lines stay open
through the run. The kernel closes those of a process that dies, silence betrays a host that is
gone, and a process that fails says why; process 0 passes each on to all, and whoever hears of it
prints it and exits, where it would otherwise wait for ever for a collective operation.
"""

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from ssljax.errors import UserError

ENDED = 3  # exit status of a process that ends because another one has
SILENCE = 45.0  # seconds without a word, after which the other side is given up
_BEAT = 5.0  # seconds between words
_GOODBYE = 5.0  # seconds that a failing process waits until all others have been told
_LONGEST = 2000  # characters of a reason


class Lost(Exception):
    """The other side is gone, or tells that the run is over; the message says why."""


class Talk:
    """A connection over which both sides say words: JSON objects, a line each.

    {} only says that its sender is alive.
    """

    def __init__(self, connection: socket.socket):
        connection.settimeout(_BEAT)
        self._connection, self._rest = connection, b""
        self._saying = threading.Lock()

    def say(self, word: dict[str, Any]) -> None:
        """Send a word. Whether it arrives is for `hear` to find out."""
        with self._saying, contextlib.suppress(OSError):
            self._connection.sendall(json.dumps(word).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        """Wait for a word.

        Raises:
          Lost: none comes any more.
        """
        try:
            word = json.loads(self._line())
        except ValueError:
            word = None
        if not isinstance(word, dict):
            raise Lost("is no process of ssljax")
        return word

    def _line(self) -> bytes:
        missed = 0  # beats are counted, for a clock goes on while this process itself is suspended
        while b"\n" not in self._rest:
            try:
                some = self._connection.recv(2**16)
            except TimeoutError as error:
                missed += 1
                if missed * _BEAT >= SILENCE:
                    raise Lost(f"has not been heard of for {SILENCE:g} s") from error
                continue
            except OSError:
                some = b""
            if not some:
                raise Lost("has died")
            missed, self._rest = 0, self._rest + some
        line, _, self._rest = self._rest.partition(b"\n")
        return line


class Switchboard:
    """Process 0's part: hears all processes, and tells all of them what they must know.

    Args:
      port: to listen on.
      count: of processes.
      start: what all are told when they are there.
      patience: seconds after which those that are not there are given up.

    Raises:
      UserError: something else listens on the port.
    """

    def __init__(self, port: int, count: int, start: str, patience: float):
        try:
            self._socket = _listen(port)
        except OSError as error:
            raise UserError(
                f"process 0 cannot listen on port {port}: {os.strerror(error.errno)}; "
                "give all processes a --coordinator with another port"
            ) from error
        self._count, self._start, self._patience = count, start, patience
        self._lines: dict[int, Talk] = {}
        self._names: dict[int, str] = {}
        self._finished: set[int] = set()
        self._over = ""  # why, once it is
        self._lock = threading.RLock()  # of all of these
        in_background(self._answer)
        in_background(self._beat)
        in_background(self._give_up_absent)

    def _answer(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            in_background(self._attend, Talk(connection))

    def _beat(self) -> None:
        while True:
            self._tell({})
            time.sleep(_BEAT)

    def _attend(self, line: Talk) -> None:
        try:
            hello = line.hear()
            process, count, where = (hello[key] for key in ("process", "count", "where"))
        except (Lost, KeyError):  # not one of ours
            return
        name = f"process {process} ({where})"
        if not self._admit(line, process, count, name):
            return
        try:
            while not self._over:
                self._heed(process, name, line.hear())
        except Lost as lost:
            self._end(f"{name} {lost}")

    def _admit(self, line: Talk, process: int, count: int, name: str) -> bool:
        with self._lock:
            if self._over:
                line.say({"end": self._over})
                return False
            running = len(self._lines) == self._count
            if count != self._count:
                refusal = f"was started with --num-processes {count}, process 0 with {self._count}"
            elif process in self._lines:
                refusal = f"was started with the --process-id of {self._names[process]}"
            else:
                self._lines[process], self._names[process] = line, name
                if len(self._lines) == self._count:
                    self._tell({"start": self._start})
                return True
            line.say({"end": f"{name} {refusal}"})
            if not running:  # a run is not to be stopped by a stray process
                self._end(f"{name} {refusal}")
            return False

    def _heed(self, process: int, name: str, word: dict[str, Any]) -> None:
        if "failed" in word:
            self._end(f"{name} failed: {word['failed']}")
        if "finished" in word:
            with self._lock:
                self._finished.add(process)
                if len(self._finished) == self._count:
                    self._over = "all processes have finished"
                    self._tell({"finished": True})

    def _give_up_absent(self) -> None:
        time.sleep(self._patience)
        with self._lock:
            absent = [str(i) for i in range(self._count) if i not in self._lines]
            if absent:
                some = ", ".join(absent[:8]) + (" ..." if len(absent) > 8 else "")
                self._end(
                    f"{len(absent)} of {self._count} processes have not joined within "
                    f"{self._patience:g} s: process {some}; start --num-processes {self._count} "
                    "of them, each with its own --process-id"
                )

    def _end(self, why: str) -> None:
        with self._lock:
            if not self._over:
                self._over = why
                self._tell({"end": why})

    def _tell(self, word: dict[str, Any]) -> None:
        with self._lock:
            for process in sorted(self._lines, reverse=True):  # 0, which this is, may exit at it
                self._lines[process].say(word)


class Line:
    """Every process's part: the connection to process 0.

    Args:
      address: (host, port) of process 0.
      process, count: the number of this process and of all of them.
      patience: seconds for process 0 to appear.

    Attributes:
      start: what process 0 says when all are there.

    Raises:
      UserError: process 0 cannot be reached, or the processes do not fit together.
    """

    def __init__(self, address: tuple[str, int], process: int, count: int, patience: float):
        self._zero = f"process 0 ({address[0]}:{address[1]})"
        self._talk = Talk(_reach(address, self._zero, patience))
        self._over, self._failing = threading.Event(), False
        where = f"{socket.gethostname()}, {os.getpid()}"
        self._talk.say({"process": process, "count": count, "where": where})
        try:
            self.start: str = self._await("start")
        except Lost as lost:
            raise UserError(str(lost)) from lost
        in_background(self._watch)

    def finish(self) -> None:
        """Return when all processes have come to this point; end with them if one does not."""
        self._talk.say({"finished": True})
        self._over.wait()

    def fail(self, why: str) -> None:
        """Tell all others to end because this process cannot go on."""
        self._failing = True
        self._talk.say({"failed": why[:_LONGEST]})
        self._over.wait(_GOODBYE)

    def wait_for_the_end(self, seconds: float) -> None:
        """Wait whether another process turns out to have ended, and if so do not return."""
        self._over.wait(seconds)

    def _watch(self) -> None:
        try:
            self._await("finished")
        except Lost as lost:
            if not self._failing:
                print(f"\nssljax: {lost}", file=sys.stderr, flush=True)
                sys.stdout.flush()
                os._exit(ENDED)  # the main thread may be waiting in a collective operation
        self._over.set()

    def _await(self, subject: str) -> Any:
        while True:
            try:
                word = self._talk.hear()
            except Lost as lost:
                raise Lost(f"{self._zero} {lost}") from lost
            if "end" in word:
                raise Lost(word["end"])
            if subject in word:
                return word[subject]
            self._talk.say({})


def in_background(work: Callable[..., None], *args: Any) -> None:
    """Do some work in a thread that the process does not wait for at its end."""
    threading.Thread(target=work, args=args, daemon=True).start()


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        family = socket.AF_INET6
        return socket.create_server(("", port), family=family, dualstack_ipv6=True, backlog=1024)
    return socket.create_server(("", port), backlog=1024)


def _reach(address: tuple[str, int], zero: str, patience: float) -> socket.socket:
    deadline = time.monotonic() + patience
    while True:
        try:
            reached = socket.create_connection(address, timeout=_BEAT)
            if reached.getsockname() != reached.getpeername():
                return reached
            reached.close()  # nobody listens there: the port was given to our own end
            reason = "nobody listens"
        except OSError as error:
            reason = error.strerror or str(error)
        if time.monotonic() > deadline:
            raise UserError(
                f"{zero} was not reached within {patience:g} s ({reason}); start it too, and give "
                "all processes the --coordinator of its host"
            )
        time.sleep(0.2)
