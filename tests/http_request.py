"""Requests by hand, for tests that send only a part of one."""

import socket

from tests.cli.command import Server


def connected(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=60)


def all_received(connection: socket.socket) -> bytes:
    """All bytes until the server closes the connection."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def refuses_connections(server: Server) -> bool:
    """Whether it no longer listens."""
    try:
        connected(server).close()
    except ConnectionError:
        return True
    return False
