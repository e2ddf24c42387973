"""When users last wrote, noted behind the request: gathered, and written together every half second."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

from wablock.block_list.ports import BusinessNumber, Change, Member, Microseconds, NoteInbound, Outcome
from wablock.contract.errors import GraphError

_log = logging.getLogger("wablock.gate")

_EVERY: Final = 0.5  # seconds; the worst that a crash costs is a window that opens one message later
_MOST_WAITING: Final = 50_000
_MOST_IN_A_CHANGE: Final = 1_000  # so that no block waits long behind it


class LastInboundWriter:
    """Gathers who wrote when; `run` writes it until it is cancelled, `flush` at the end."""

    def __init__(self, apply: Callable[[Change], Awaitable[Outcome]]) -> None:
        self._apply = apply
        self._waiting: dict[BusinessNumber, dict[str, tuple[Member, Microseconds]]] = {}
        self._users = 0

    def note(self, number: BusinessNumber, wrote: Iterable[tuple[Member, Microseconds]]) -> None:
        """Of what cannot be kept until it is written the newest is left out: the user's next message says it again."""
        users = self._waiting.setdefault(number, {})
        for member, at in wrote:
            known = users.get(member.key)
            if known is None and self._users >= _MOST_WAITING:
                return
            self._users += known is None
            if known is None or known[1] < at:
                users[member.key] = member, at

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self.flush()

    async def flush(self) -> None:
        """Write what has been gathered. What cannot be written is dropped, and logged."""
        waiting, self._waiting, self._users = self._waiting, {}, 0
        changes = [change for number, users in waiting.items() for change in _changes(number, list(users.values()))]
        for outcome in await asyncio.gather(*map(self._apply, changes), return_exceptions=True):
            if isinstance(outcome, GraphError):
                _log.warning("when users last wrote could not be kept: %s", outcome)
            elif isinstance(outcome, BaseException):
                raise outcome


def _changes(number: BusinessNumber, wrote: list[tuple[Member, Microseconds]]) -> Iterator[NoteInbound]:
    for start in range(0, len(wrote), _MOST_IN_A_CHANGE):
        members, times = zip(*wrote[start : start + _MOST_IN_A_CHANGE], strict=True)
        yield NoteInbound(number.phone_number_id, number.account_id, max(times), members, times)
