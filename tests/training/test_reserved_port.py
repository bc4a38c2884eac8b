import socket

import pytest

from ssljax.training.hosts import _reserve_port


def test_a_reserved_port_goes_to_those_who_share_it_alone():
    with _reserve_port() as holder:
        port = holder.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("", port))
        with socket.create_server(("", port), reuse_port=True):
            pass
