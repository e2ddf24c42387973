"""Ports for servers that end and come back at the same address."""

import random
import socket


def lasting_port() -> int:
    """A free port that no client is given by the system: a client that retries, while the port is closed, would at
    last be given this very port and connect to itself.
    """
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
