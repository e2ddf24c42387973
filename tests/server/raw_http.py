"""HTTP/1.1 by hand, over a real socket, for requests that no client library sends."""

import json
import socket
from contextlib import suppress
from typing import Any, Protocol, Self

import msgspec
from tests.running_server import RunningServer

_COMES_WITHIN = 30  # seconds


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer; header names in lower case, of a repeated one the last."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The Graph error in it."""
        error: dict[str, Any] = self.json["error"]
        return error


class Address(Protocol):
    """Where a server listens."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


class Connection:
    """One connection to a server; closed at the end of its block."""

    def __init__(self, server: Address, receive_buffer: int | None = None, segment: int | None = None) -> None:
        """`receive_buffer`: the bytes that the system stores for a client that does not read; None: its default.

        `segment`: the largest TCP segment; if it is small, the server's system stores little of an answer, too.
        """
        self._socket = socket.socket()
        self._socket.settimeout(_COMES_WITHIN)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # so that pieces stay pieces
        if segment is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        self._socket.connect((server.host, server.port))
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """Lets `select` wait for it."""
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_what_fits(self, data: bytes) -> int:
        """Send until the server takes nothing for a second; returns how many bytes it took."""
        fitted = 0
        self._socket.settimeout(1)
        try:
            with suppress(TimeoutError):
                while fitted < len(data):
                    fitted += self._socket.send(data[fitted : fitted + 65_536])
        finally:
            self._socket.settimeout(_COMES_WITHIN)
        return fitted

    def read(self, size: int) -> bytes:
        """The next `size` bytes, of one answer or several."""
        while len(self._received) < size:
            self._receive()
        read, self._received = self._received[:size], self._received[size:]
        return read

    def finish(self) -> None:
        """Send nothing more, and continue to read."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self, *, to_head: bool = False) -> Answer:
        """The next answer."""
        status_line, *lines = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        status = int(status_line.split()[1])
        length = 0 if to_head or status < 200 or status == 304 else int(headers["content-length"])
        while len(self._received) < length:
            self._receive()
        body, self._received = self._received[:length], self._received[length:]
        return Answer(status, headers, body)

    def final_answer(self, *, to_head: bool = False) -> Answer:
        """The next answer that is not `100 Continue`."""
        answer = self.answer(to_head=to_head)
        return self.answer(to_head=to_head) if answer.status == 100 else answer

    def is_closed(self) -> bool:
        """Whether the server closes it without another byte. Raises `TimeoutError` if it stays open."""
        try:
            return self._received == b"" and self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._receive()
        read, _, self._received = self._received.partition(end)
        return read

    def _receive(self) -> None:
        piece = self._socket.recv(65_536)
        if not piece:
            raise ConnectionError(f"closed after {self._received!r}")
        self._received += piece


def request(server: RunningServer, method: str, path: str, body: bytes | None = None, *headers: str) -> bytes:
    """A request's bytes, with the server's token."""
    lines = [f"{method} {path} HTTP/1.1", "Host: wablock.test", f"Authorization: Bearer {server.token}", *headers]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def block(*wa_ids: str) -> bytes:
    """The body that blocks or unblocks these users."""
    users = [{"user": f"+{wa_id}"} for wa_id in wa_ids]
    return json.dumps({"messaging_product": "whatsapp", "block_users": users}).encode()
