"""What the relay passes on, and what it does not."""

import socket

import pytest

from ssljax.training.relay import Relay


def test_bytes_are_passed_on_both_ways_but_not_the_end_of_the_server():
    with socket.create_server(("localhost", 0)) as server:
        relay = Relay(server.getsockname())
        host, port = relay.address.split(":")
        with socket.create_connection((host, int(port)), timeout=5) as client:
            served, _ = server.accept()
            client.sendall(b"question")
            assert served.recv(100) == b"question"
            served.sendall(b"answer")
            assert client.recv(100) == b"answer"
            served.close()
            client.sendall(b"are you there?")
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.recv(100)


def test_a_client_that_comes_before_the_server_is_let_go_to_try_again():
    with socket.create_server(("localhost", 0)) as unused:
        address = unused.getsockname()
    host, port = Relay(address).address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        assert client.recv(100) == b""
