"""A relay before JAX's coordination service, which keeps the end of the service to itself.

JAX's client ends its process, with a page of its log, at the moment when the connection to the
coordination service breaks: when process 0 dies, before anybody could say so. Behind a relay it
only meets silence, which it bears for `heartbeat_timeout_seconds` of `jax.distributed.initialize`.
"""

import contextlib
import socket

from ssljax.training.liaison import in_background


class Relay:
    """Passes on what comes to `address` to a server elsewhere, and its answers back.

    Args:
      server: (host, port) of it.

    Attributes:
      address: "localhost:PORT".
    """

    def __init__(self, server: tuple[str, int]):
        self._server = server
        self._listener = socket.create_server(("localhost", 0))
        self.address = f"localhost:{self._listener.getsockname()[1]}"
        in_background(self._answer)

    def _answer(self) -> None:
        while True:
            client, _ = self._listener.accept()
            try:
                server = socket.create_connection(self._server)
            except OSError:  # it is not there yet: the client tries again
                client.close()
                continue
            in_background(_carry, client, server)
            in_background(_carry, server, client)


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Pass on bytes until there are no more; that they were the last is kept from the target."""
    with contextlib.suppress(OSError):
        while some := source.recv(2**16):
            with contextlib.suppress(OSError):
                target.sendall(some)
