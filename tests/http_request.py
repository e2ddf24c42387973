"""Requests by hand, for what a client library would not let a test hold back."""

import socket

from tests.cli.command import Server


def connected(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=60)


def all_received(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def refuses_connections(server: Server) -> bool:
    """Whether nothing listens there any more."""
    try:
        connected(server).close()
    except ConnectionError:
        return True
    return False
