"""The output of a connection: it is written no faster than the client reads it.

A client that stops reading loses its connection, also while the connection closes.
"""

import asyncio
import logging
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Final

from wablock.deadline import Deadline
from wablock.server.protocol.streaming import StreamedBody
from wablock.turn_writes import TurnWrites

_log = logging.getLogger("wablock.server")

_IN_ONE_PIECE: Final = 65_536  # bytes; a shorter body is copied behind the head
_RESET: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # SO_LINGER: close sends RST, not FIN


class Output:
    """The side of a connection that wablock writes and closes. `idle_seconds`: the time that the client has to read."""

    def __init__(
        self, transport: asyncio.Transport, idle_seconds: float, turn: TurnWrites, leave_turn: Callable[[], None]
    ) -> None:
        """`leave_turn` is called after each turn of the event loop with an answer."""
        self._transport = transport
        self._idle_seconds = idle_seconds
        self._turn = turn
        self._leave_turn = leave_turn
        self._unwritten: Sequence[bytes] = ()
        """This turn's answer, until it is written."""
        self._deadline = Deadline(asyncio.get_running_loop())
        """By then the client must have read the written bytes."""
        self._drained: asyncio.Future[None] | None = None
        self._close_ends_answer = False
        """Whether the close of the connection marks the end of the answer. A truncated one must then end with RST."""
        self.is_ended = False
        """Whether no more answers are written."""
        self.is_full = False
        """Whether the client has too much to read."""
        self.has_answered = False
        """Whether a request was answered in this turn of the event loop; see `Connection._serve_next`."""

    @property
    def has_unread(self) -> bool:
        return bool(self._unwritten) or self._transport.get_write_buffer_size() > 0

    def answer(self, head: bytes, body: bytes) -> None:
        """Write an answer, at the end of this turn of the event loop or earlier. A turn has at most one."""
        self._unwritten = (head + body,) if len(body) < _IN_ONE_PIECE else (head, body)
        self.has_answered = True
        self._turn.add(self)

    def write_now(self) -> None:
        """Write this turn's answer now, if it is not written yet."""
        if self._unwritten:
            parts, self._unwritten = self._unwritten, ()
            self._transport.writelines(parts)

    def end_turn(self) -> None:
        self.has_answered = False
        self._leave_turn()

    def write(self, data: bytes) -> None:
        """Write `data` now, after this turn's answer."""
        self.write_now()
        self._transport.write(data)

    def pause(self) -> None:
        self.is_full = True
        self._deadline.set(self._idle_seconds, self.abort)

    def resume(self) -> None:
        self.is_full = False
        if not self.is_ended:  # a closing connection keeps its deadline: the client must read the rest in time
            self._deadline.clear()
        self._wake()

    async def stream(self, head: bytes, body: StreamedBody, request_id: str) -> bool:
        """Write a streamed answer. Returns whether it is whole; a truncated answer must not look complete."""
        self._close_ends_answer = body.ends_with_connection
        is_whole = False
        try:
            if not self.is_ended:
                self.write(head)
            async for piece in body.pieces():
                if self.is_ended:
                    break
                self._transport.write(piece)
                await self._until_read()
            is_whole = body.is_whole
        except Exception:
            is_whole = False  # the application has logged the error
        finally:
            try:
                await body.aclose()
            except Exception as error:
                is_whole = False
                _log.error("the source of an answer cannot be closed", exc_info=error, extra={"request_id": request_id})
            finally:
                if self._close_ends_answer and not is_whole and not self.is_ended:
                    self.abort()
                self._close_ends_answer = False
        return is_whole

    def end(self) -> None:
        """Close this side after the written bytes; the client may still send."""
        self.is_ended = True
        self.write_now()
        self._transport.write_eof()

    def close(self) -> None:
        """Close the connection after the written bytes."""
        self.is_ended = True
        self.write_now()
        self._transport.close()
        if self.has_unread:
            self._deadline.set(self._idle_seconds, self.abort)

    def abort(self) -> None:
        self.is_ended = True
        self.write_now()
        if self._close_ends_answer:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def lost(self) -> None:
        """Note that the connection is closed."""
        self.is_ended = True
        self._unwritten = ()
        self._deadline.end()
        self._wake()

    async def _until_read(self) -> None:
        if self.is_full and not self.is_ended:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained

    def _wake(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
