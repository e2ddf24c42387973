"""A record of what callers know about their requests, and its comparison with a database."""

from collections.abc import Sequence
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import apsw
from tests.storage.changes import ACCOUNT, NOON, block, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import person

from wablock.block_list.changes import Block, Unblock
from wablock.block_list.event_chain import ChainCheck, ChainFault
from wablock.block_list.event_store import Chain, Span
from wablock.block_list.events import EventKind, event_of
from wablock.block_list.pages import PageRequest
from wablock.block_list.ports import Member
from wablock.block_list.shared_lists import ListKind, SharedList
from wablock.storage import SqliteStore

SHARED = SharedList("list_fraud", ACCOUNT, ListKind.BLOCK, "Fraud", NOON)

_WHOLE_LIST = 1_000_000


class Known(Enum):
    """Whether a request's users are blocked, as far as its caller knows."""

    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    NOT_YET = "sent, without a response"


class Group(NamedTuple):
    """Users who are always blocked and unblocked together, in one request."""

    list_id: str
    members: Sequence[Member]

    def block(self, at: int) -> Block:
        return block(*self.members, at=at, list_id=self.list_id)

    def unblock(self, at: int) -> Unblock:
        return unblock(*self.members, at=at, list_id=self.list_id)


class Verdict(NamedTuple):
    """The number of acknowledged requests that were lost, and of requests that are stored in part."""

    lost: int
    halves: int


class Ledger:
    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.known: list[Known] = []

    def new_group(self, list_id: str, size: int) -> int:
        start = sum(len(group.members) for group in self.groups)
        self.groups.append(Group(list_id, [person(number) for number in range(start, start + size)]))
        self.known.append(Known.UNBLOCKED)
        return len(self.groups) - 1

    def verdict(self, known: Sequence[Known], shares: Sequence[int]) -> Verdict:
        """Compare `known` at the moment of the cut with the number of users of each group on the lists after it."""
        lost = halves = 0
        for group, state, share in zip(self.groups, self._of_all(known), shares, strict=True):
            halves += share not in (0, len(group.members))
            lost += (state is Known.BLOCKED and share == 0) or (state is Known.UNBLOCKED and share != 0)
        return Verdict(lost, halves)

    async def shares(self, store: SqliteStore) -> list[int]:
        """The number of users of each group on the lists."""
        listed = {
            (list_id, row.input)
            for list_id in {group.list_id for group in self.groups}
            for row in (await store.page(PageRequest(list_id, _WHOLE_LIST, 0))).rows
        }
        return [sum((group.list_id, it.input) in listed for it in group.members) for group in self.groups]

    def go_back(self, known: Sequence[Known]) -> None:
        """Return to the moment when callers knew `known`."""
        self.known = self._of_all(known)

    def _of_all(self, known: Sequence[Known]) -> list[Known]:
        """`known`, and the groups that were added after that moment."""
        return [*known, *[Known.UNBLOCKED] * (len(self.groups) - len(known))]

    async def settle(self, store: SqliteStore) -> None:
        """Replace what callers know by what the store has."""
        for index, share in enumerate(await self.shares(store)):
            self.known[index] = Known.BLOCKED if share else Known.UNBLOCKED


async def _faults(store: SqliteStore, chain: Chain) -> list[ChainFault]:
    check = ChainCheck(chain.list_id, chain.oldest)
    events = await store.events(chain.list_id, Span(1_000_000, is_newest_first=False))
    faults = [*map(check.fault_of, events), check.fault_at_end(chain.newest)]
    return [fault for fault in faults if fault is not None]


async def _assert_attached_as_its_events_say(store: SqliteStore) -> None:
    newest = await store.events(SHARED.list_id, Span(1))
    kinds = [event_of(it.text or "").kind for it in newest]
    if kinds:
        is_attached = bool(await store.attachments(SHARED.account_id))
        assert is_attached is (kinds == [EventKind.ATTACH])


async def examine(path: Path, ledger: Ledger, known: Sequence[Known]) -> Verdict:
    """Open the files after a cut as a server does. The database must be consistent and accept writes."""
    store = SqliteStore(path, CountingMeter())
    verdict = ledger.verdict(known, await ledger.shares(store))
    await store.apply(block(person(9_999), list_id="afterwards"))
    assert [fault for chain in await store.chains() for fault in await _faults(store, chain)] == []
    await _assert_attached_as_its_events_say(store)
    assert await store.is_ready()
    await store.close()
    with closing(apsw.Connection(str(path))) as connection:
        assert connection.pragma("integrity_check") == "ok"
        wrong_sizes = connection.execute(
            "SELECT list_id FROM block_list WHERE size <> "
            "(SELECT count(*) FROM blocked_user WHERE blocked_user.list_id = block_list.list_id)"
        ).fetchall()
        behind = connection.execute(
            "SELECT list_id FROM block_list WHERE version < "
            "(SELECT max(seq) FROM blocked_user WHERE blocked_user.list_id = block_list.list_id)"
        ).fetchall()
    assert (wrong_sizes, behind) == ([], [])
    return verdict
