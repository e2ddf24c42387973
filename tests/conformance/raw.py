"""HTTP by the byte, for requests that no HTTP client sends."""

import json
import socket
from typing import Any

import msgspec
from tests.running_server import RunningServer


class RawAnswer(msgspec.Struct, frozen=True):
    """An answer as it came: header names in small letters, a repeated one by its last value."""

    status: int
    head: bytes
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


def exchange(server: RunningServer, data: bytes) -> RawAnswer:
    """Send the bytes, and read until the server closes or the answer is whole."""
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(data)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> RawAnswer:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(body) < int(headers.get("content-length", 0)):
        body += _more(connection)
    return RawAnswer(int(lines[0].split(" ")[1]), head, headers, body)


def _more(connection: socket.socket) -> bytes:
    chunk = connection.recv(65_536)
    assert chunk, "the server closed before its answer was whole"
    return chunk


def request(
    server: RunningServer, method: str, target: str, *headers: str, body: bytes = b"", sized: bool = True
) -> bytes:
    """A request with a valid token; `headers` are whole lines after those that every request has."""
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {server.host}:{server.port}",
        f"Authorization: Bearer {server.token}",
        "Connection: close",
        *headers,
    ]
    if sized and body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
