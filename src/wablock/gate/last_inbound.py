"""A buffer for the times when users last wrote, which is written to the store every half second."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wablock.block_list.ports import BusinessNumber, Member, Microseconds
from wablock.block_list.service import BlockList
from wablock.contract.errors import GraphError

_log = logging.getLogger("wablock.gate")

_INTERVAL: Final = 0.5  # seconds; after a crash a 24-hour window may open one message later
_MOST_WAITING: Final = 50_000
_MOST_IN_A_CHANGE: Final = 1_000  # so that a block does not wait long for this change


class LastInboundWriter:
    """Buffers the times. `run` writes them until it is cancelled; `flush` writes them at the end."""

    def __init__(self, block_list: BlockList) -> None:
        self._block_list = block_list
        self._waiting: dict[BusinessNumber, dict[str, tuple[Member, Microseconds]]] = {}
        self._users = 0

    def note(self, number: BusinessNumber, times: Iterable[tuple[Member, Microseconds]]) -> None:
        """If the buffer is full, drop the newest entries; the users' next messages record the time again."""
        users = self._waiting.setdefault(number, {})
        for member, at in times:
            known = users.get(member.key)
            if known is None and self._users >= _MOST_WAITING:
                return
            self._users += known is None
            if known is None or known[1] < at:
                users[member.key] = member, at

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL)
            await self.flush()

    async def flush(self) -> None:
        """Write the buffer. If a write fails, its entries are dropped and the error is logged."""
        waiting, self._waiting, self._users = self._waiting, {}, 0
        writes = [
            self._block_list.note_messages(number, rows)
            for number, users in waiting.items()
            for rows in _slices(list(users.values()))
        ]
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, GraphError):
                _log.warning("the times when users last wrote could not be written: %s", outcome)
            elif isinstance(outcome, BaseException):
                raise outcome


def _slices(rows: Sequence[tuple[Member, Microseconds]]) -> Iterator[Sequence[tuple[Member, Microseconds]]]:
    return (rows[start : start + _MOST_IN_A_CHANGE] for start in range(0, len(rows), _MOST_IN_A_CHANGE))
