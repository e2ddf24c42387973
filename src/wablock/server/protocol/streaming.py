"""Streamed bodies of answers, framed for HTTP/1.1."""

import re
from collections.abc import AsyncIterator
from typing import Final

from wablock.server.answers import Answer

_LENGTH: Final = re.compile(rb"(?:^|\r\n)content-length: (\d+)\r\n")
_WITHOUT_BODY: Final = (204, 304)


class StreamedBody:
    """The framing of a streamed body: by Content-Length, else in chunks, else until the connection ends."""

    def __init__(self, answer: Answer, *, is_head: bool, may_be_chunked: bool) -> None:
        assert answer.chunks is not None  # noqa: S101 - for the type checker: the answer is streamed
        match = _LENGTH.search(answer.headers)
        self._chunks = answer.chunks
        self._has_body = not is_head and answer.status not in _WITHOUT_BODY
        self._length = None if match is None else int(match[1])
        self.is_chunked = self._has_body and self._length is None and may_be_chunked
        self.is_whole = False

    @property
    def ends_with_connection(self) -> bool:
        return self._has_body and self._length is None and not self.is_chunked

    async def pieces(self) -> AsyncIterator[bytes]:
        """The pieces to write. Raises any error of the answer's chunks."""
        size = 0
        async for chunk in self._chunks:
            if not chunk or not self._has_body:
                continue
            size += len(chunk)
            if self._length is not None and size > self._length:
                return
            yield b"%x\r\n%b\r\n" % (len(chunk), chunk) if self.is_chunked else chunk
        self.is_whole = not self._has_body or self._length is None or size == self._length
        if self.is_chunked:
            yield b"0\r\n\r\n"

    async def aclose(self) -> None:
        await self._chunks.aclose()
