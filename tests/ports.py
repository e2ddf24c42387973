"""Ports for servers that stop and start again at the same address."""

import random
import socket


def lasting_port() -> int:
    """A free port outside of the range from which the system gives ports to clients. Otherwise a client that retries
    while the port is closed would get this very port at some time, and connect to itself.
    """
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
