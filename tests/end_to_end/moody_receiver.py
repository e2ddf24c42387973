"""A receiver that accepts most deliveries, and fails with the others in all the ways in which receivers fail."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Final

from tests.outgoing.downstreams.loopback import OK, Loopback, Reader, Writer, serving
from tests.receiver import Delivery


class Mood(Enum):
    """What it says. After all but the first three it closes the connection, or waits until the gate does."""

    TAKES = OK
    FAILS = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
    REDIRECTS = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    BREAKS_OFF_IN_THE_BODY = OK[:-1]
    BREAKS_OFF_IN_THE_HEAD = OK[:12]
    IS_SILENT = b""
    IS_SLOW = OK[:-2]


_MOODS: Final = [Mood.TAKES] * 8 + list(Mood)
_ANSWERED: Final = (Mood.TAKES, Mood.FAILS, Mood.REDIRECTS)
_TOO_SLOW: Final = (Mood.IS_SILENT, Mood.IS_SLOW)


class MoodyReceiver:
    """`seen` are all webhooks that it was sent, `taken` those that it answered with 200."""

    def __init__(self, chance: random.Random) -> None:
        self.url = ""
        self.seen: list[Delivery] = []
        self.taken: list[Delivery] = []
        self._random = chance

    async def converse(self, loopback: Loopback, reader: Reader, writer: Writer) -> None:
        mood = Mood.TAKES
        while mood in _ANSWERED:
            delivery = _parsed(await loopback.read(reader))
            mood = self._random.choice(_MOODS)
            self.seen.append(delivery)
            if mood is Mood.TAKES:
                self.taken.append(delivery)
            writer.write(mood.value)
            await writer.drain()
        if mood in _TOO_SLOW:
            await reader.read()  # until the gate has given up


@asynccontextmanager
async def moody_receiver(chance: random.Random) -> AsyncIterator[MoodyReceiver]:
    receiver = MoodyReceiver(chance)
    async with serving(receiver.converse) as loopback:
        receiver.url = f"http://127.0.0.1:{loopback.port}/hook"
        yield receiver


def _parsed(request: bytes) -> Delivery:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Delivery(first.split(" ")[1], headers, body)
