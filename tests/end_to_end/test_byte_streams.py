"""Thousands of damaged byte streams: each ends in answers or a close, and leaves nothing in the server.

A failure has its seed and the stream's number. `SEED` and `STREAMS` in the environment choose the streams, and
`stream(requests(token), seed, number)` of `byte_streams` makes one stream again.
"""

import asyncio
import os
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx2
import msgspec
import pytest
from tests.cli.command import Server
from tests.end_to_end.byte_streams import End, NoAnswer, Stream, answers, is_named, named_users, requests, stream
from tests.end_to_end.crowd import needs_proc, open_connections, resident
from tests.end_to_end.deployment import BLOCK_USERS
from tests.end_to_end.gate import GateDeployment
from tests.end_to_end.graph import blocked, body
from tests.receiver import receiving
from tests.server.test_webhooks import signed
from tests.waiting import comes_true

STREAMS: Final = int(os.environ.get("STREAMS", "0")) or (100_000 if os.environ.get("TORTURE") else 2_000)
WARM_UP: Final = STREAMS // 4
MAY_GROW: Final = 16_000_000  # bytes

_AT_ONCE: Final = 128
_ENDS_WITHIN: Final = 30  # seconds; the server's own timeouts are two
_PROMPT: Final = 1  # second; a stream that takes longer, on a slow machine, may be too slow for the server
_BLOCKED_BEFORE: Final = [f"165055501{number:02}" for number in range(50, 99)]


class Outcome(msgspec.Struct, frozen=True):
    """What came back. `trouble`: what must not be."""

    statuses: list[int]
    trouble: str | None


class Exchange(msgspec.Struct, frozen=True):
    """All that was received until the server closed, whether by a reset, and whether all was sent promptly."""

    received: bytes
    is_reset: bool
    is_prompt: bool


class Fuzz:
    """Sends streams of one seed to one server, and collects what came of them."""

    def __init__(self, server: Server, token: str, seed: int) -> None:
        self.named: set[str] = set()
        self.troubles: list[str] = []
        self.statuses: Counter[int] = Counter()
        self._server = server
        self._requests = requests(token)
        self._seed = seed
        self._alone: dict[str, int] = {}

    async def learn(self) -> None:
        """Record the answer to each whole request alone."""
        for name, data in self._requests.items():
            outcome = await self._send(Stream([data], End.WAITS, None))
            assert outcome.trouble is None, f"{name}: {outcome.trouble}"
            assert len(outcome.statuses) == 1, name
            self._alone[name] = outcome.statuses[0]

    async def send(self, numbers: Sequence[int]) -> None:
        remaining = iter(numbers)

        async def work() -> None:
            for number in remaining:
                it = stream(self._requests, self._seed, number)
                self.named |= named_users(it.data)
                outcome = await self._send(it)
                self.statuses.update(outcome.statuses)
                if outcome.trouble is not None:
                    self.troubles.append(f"stream {number}: {outcome.trouble}")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(work())

    async def _send(self, it: Stream) -> Outcome:
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                exchange = await self._exchange(it)
        except TimeoutError:
            return Outcome([], f"neither answered nor closed within {_ENDS_WITHIN} s")
        if it.end is End.RESETS:
            return Outcome([], None)
        return self._judged(it, exchange)

    def _judged(self, it: Stream, exchange: Exchange) -> Outcome:
        statuses: list[int] = []
        is_last = False
        try:
            for answer in answers(exchange.received):
                if is_last:
                    return Outcome(statuses, "an answer after the last one")
                statuses.append(answer.status)
                is_last = answer.is_last
        except NoAnswer as trouble:
            if not exchange.is_reset:  # a reset may arrive before the end of an answer
                return Outcome(statuses, f"no answer: {trouble}")
        if 500 in statuses:
            return Outcome(statuses, "an answer of 500")
        if it.names is not None and it.end is End.WAITS and exchange.is_prompt:
            expected = [self._alone[name] for name in it.names]
            if statuses != (expected[: len(statuses)] if is_last or exchange.is_reset else expected):
                return Outcome(statuses, f"{it.names} were answered with {statuses}, not {expected}")
        return Outcome(statuses, None)

    async def _exchange(self, it: Stream) -> Exchange:
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(self._server.host, self._server.port)
        try:
            reading = asyncio.ensure_future(_all_received(reader))
            try:
                await _write(writer, it)
                if it.end is End.RESETS:
                    connection: socket.socket = writer.get_extra_info("socket")
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                elif it.end is End.HALF_CLOSES and not writer.is_closing():
                    writer.write_eof()
            except OSError:  # the server closed it in the middle of the stream
                pass
            is_prompt = time.monotonic() - began < _PROMPT
            return Exchange(*await reading, is_prompt)
        finally:
            writer.transport.abort()


async def _write(writer: asyncio.StreamWriter, it: Stream) -> None:
    for piece in it.pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.001)  # so that a server in another process reads them as pieces


async def _all_received(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    received = b""
    try:
        while piece := await reader.read(65_536):
            received += piece
    except ConnectionError:
        return received, True
    return received, False


@needs_proc
@pytest.mark.torture
def test_damaged_byte_streams_leave_nothing_behind_in_the_server(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    options = ("--head-timeout", "2", "--body-timeout", "2", "--idle-timeout", "2")
    with receiving() as receiver:
        deployment = GateDeployment(tmp_path, receiver.url, timeout=20)
        with (
            deployment.server(*options) as server,
            httpx2.Client(base_url=server.url, headers=deployment.headers, timeout=60) as client,
        ):
            assert client.post(BLOCK_USERS, json=body(_BLOCKED_BEFORE)).status_code == 200
            fuzz = Fuzz(server, deployment.token, seed)
            asyncio.run(fuzz.learn())
            asyncio.run(fuzz.send(range(WARM_UP)))
            warm = resident(server)
            asyncio.run(fuzz.send(range(WARM_UP, STREAMS)))
            grown = resident(server) - warm
            left = set(blocked(client))
            client.close()

            print(f"seed {seed}: {STREAMS} streams, {fuzz.statuses}, {grown / 1e6:.1f} MB more")  # noqa: T201 - the figures
            assert fuzz.troubles == [], f"seed {seed}:\n" + "\n".join(fuzz.troubles[:20])
            assert comes_true(lambda: open_connections(server) == 1), f"seed {seed}"
            unexpected = [it for it in left ^ set(_BLOCKED_BEFORE) if not is_named(it, fuzz.named)]
            assert unexpected == [], f"seed {seed}"
            assert grown < MAY_GROW, f"seed {seed}"
            assert server.stop() == 0, f"seed {seed}"
            assert _exceptions(server.log) == Counter(), f"seed {seed}"
        assert [it for it in receiver.deliveries if it.headers["x-hub-signature-256"] != signed(it.body)] == []


def _exceptions(log: str) -> Counter[str]:
    """The last line of each traceback in the server's log, with its count."""
    ends = (msgspec.json.decode(line).get("exception", line) for line in log.splitlines() if "Traceback" in line)
    return Counter(re.sub("0x[0-9a-f]+", "…", end.rstrip().splitlines()[-1]) for end in ends)
