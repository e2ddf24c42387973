"""Any sequence of changes has the same result in a store as in plain Python lists."""

import asyncio
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import UNSET
from tests.storage.adapters import BLOCK_STORES
from tests.storage.changes import ACCOUNT, NOON, SECOND
from tests.storage.people import by_user_id, linked, person, user_with
from tests.storage.plain_lists import Blocked, PlainLists, Result

from wablock.block_list.changes import Block, Carry, Change, Edit, Link, NoteInbound, Sweep, Unblock, Undo
from wablock.block_list.event_chain import ChainCheck, ChainEnd
from wablock.block_list.event_store import Span
from wablock.block_list.events import CAN_BE_UNDONE, StoredEvent, event_of
from wablock.block_list.pages import Page, PageRequest, Row
from wablock.block_list.ports import IfListed, Listed, Member, Outcome
from wablock.block_list.shared_lists import Attached, Attachment, ListKind, SharedList
from wablock.block_list.undoing import users_of
from wablock.storage import Store

T = TypeVar("T")

_NUMBERS = ("106540352242922", "106540352242923")
_SHARED = (
    SharedList("fraud", ACCOUNT, ListKind.BLOCK, "Fraud", NOON),
    SharedList("abuse", ACCOUNT, ListKind.BLOCK, "Abuse", NOON),
    SharedList("vip", ACCOUNT, ListKind.ALLOW, "VIP", NOON),
)
_LISTS = (*_NUMBERS, *(shared.list_id for shared in _SHARED))
_USERS = 6

_SPELLINGS = st.one_of(
    st.builds(person, st.integers(0, _USERS - 1)),
    st.integers(0, _USERS - 1).map(lambda number: by_user_id(f"US.{number}")),
    st.integers(0, _USERS - 1).map(lambda number: linked(number, f"US.{number}")),
    st.builds(lambda number, other: linked(number, f"US.{other}"), st.integers(0, 2), st.integers(0, 2)),
)
_WA_IDS, _IDS = st.none() | st.integers(0, 2), st.none() | st.integers(0, 2).map("US.{}".format)
_PARENTS = st.none() | st.integers(0, 2).map("US.ENT.{}".format)
_WEBHOOK_USERS = st.one_of(
    _SPELLINGS,
    st.builds(user_with, _WA_IDS, _IDS, _PARENTS).filter(lambda member: member.key != ""),
)
_SECONDS = st.integers(0, 3)


@st.composite
def _members(draw: st.DrawFn, now: int) -> list[Member]:
    chosen = draw(st.lists(_SPELLINGS, min_size=1, max_size=4))
    expiries = st.none() | st.integers(1, 4).map(lambda seconds: now + seconds * SECOND)
    reasons = st.none() | st.sampled_from(["spam", "abuse"])
    return [Member(it.key, it.wa_id, it.user_id, it.input, draw(reasons), None, draw(expiries)) for it in chosen]


@st.composite
def _changes(draw: st.DrawFn, now: int) -> Change:  # noqa: PLR0911 - one for each kind
    kind = draw(st.sampled_from([Block, Block, Block, Unblock, Edit, Edit, NoteInbound, Link, Carry, Sweep]))
    list_id = draw(st.sampled_from(_LISTS))
    if kind is Sweep:
        return Sweep(now, now - draw(_SECONDS) * SECOND)
    if kind is Carry:
        return Carry(ACCOUNT, now, draw(_WEBHOOK_USERS), draw(_WEBHOOK_USERS))
    if kind is Link:
        return Link(ACCOUNT, now, draw(st.lists(_WEBHOOK_USERS, min_size=1, max_size=4)))
    members = draw(_members(now))
    if kind is Edit:
        reasons, expiries = st.just(members[0].reason), st.just(members[0].expires_at)
        reason, expires_at = draw(st.just(UNSET) | reasons), draw(st.just(UNSET) | expiries)
        return Edit(list_id, ACCOUNT, now, "an editor", members[0], reason, UNSET, expires_at)
    if kind is Unblock:
        return Unblock(list_id, ACCOUNT, now, members)
    if kind is NoteInbound:
        times = [now - draw(_SECONDS) * SECOND for _ in members]
        number = draw(st.sampled_from(_NUMBERS))
        return NoteInbound(number, ACCOUNT, now - draw(_SECONDS) * SECOND, members, draw(st.none() | st.just(times)))
    max_size = draw(st.none() | st.integers(0, 5))
    window = draw(st.none() | _SECONDS)
    written_since = None if window is None else now - window * SECOND
    source, if_listed = draw(st.sampled_from(("api", "cli"))), draw(st.sampled_from(IfListed))
    return Block(
        list_id, ACCOUNT, now, "another user", members, max_size, written_since, source=source, if_listed=if_listed
    )


def shown(row: Listed | Row | Blocked) -> tuple[object, ...]:
    details = row.blocked_at, row.reason, row.expires_at, row.updated_at, row.updated_by, row.source
    return row.input, row.wa_id, row.user_id, *details


class StoreBesidePlainLists(RuleBasedStateMachine):
    adapter = "sqlite"
    most_at_once = 4

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.now = NOON
        self.plain = PlainLists()
        self.pages: dict[str, Page] = {}
        self.store: Store = self._run(self._open())
        for shared in _SHARED:
            assert self._run(self.store.add_list(shared))
            self.plain.shared[shared.list_id] = shared
        self._remember()

    async def _open(self) -> Store:
        return BLOCK_STORES[self.adapter](Path(self.folder.name))

    def teardown(self) -> None:
        self._run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @rule(data=st.data(), count=st.integers(1, 4))
    def change(self, data: st.DataObject, count: int) -> None:
        """Concurrent changes share a transaction, in the order of the calls."""
        changes = [data.draw(_changes(self.now)) for _ in range(min(count, self.most_at_once))]
        expected = [self.plain.apply(change) for change in changes]

        assert [Result.of(outcome) for outcome in self._run(self._apply(changes))] == expected

        for list_id in _LISTS:
            self._check_version(list_id)
        self._remember()

    @rule(shared=st.sampled_from(_SHARED), number=st.none() | st.sampled_from(_NUMBERS))
    def attach(self, shared: SharedList, number: str | None) -> None:
        was_attached = (number, shared.list_id) in self.plain.attached
        self.plain.attached.add((number, shared.list_id))

        outcome = self._run(self.store.attach(Attachment(ACCOUNT, shared.list_id, number, self.now)))

        assert outcome is (Attached.BEFORE if was_attached else Attached.ATTACHED)

    @rule(shared=st.sampled_from(_SHARED), number=st.none() | st.sampled_from(_NUMBERS))
    def detach(self, shared: SharedList, number: str | None) -> None:
        was_attached = (number, shared.list_id) in self.plain.attached
        self.plain.attached.discard((number, shared.list_id))

        assert self._run(self.store.detach(ACCOUNT, shared.list_id, number)) is was_attached

    @rule(list_id=st.sampled_from(_LISTS), data=st.data())
    def undo(self, list_id: str, data: st.DataObject) -> None:
        """Undo any event of a request, in any order, also one of an undo."""
        events = [it for it in self._events(list_id) if event_of(it.text or "").kind in CAN_BE_UNDONE]
        assert len(events) == len(self.plain.events.get(list_id, ()))
        if not events:
            return
        index = data.draw(st.integers(0, len(events) - 1))
        undone = events[index]
        users = users_of(event_of(undone.text or ""), undone.at)
        undo = Undo(list_id, ACCOUNT, self.now, "an undoer", undone.at, *users)

        preview = self._run(self.store.apply(msgspec.structs.replace(undo, is_preview=True)))
        self.both_list_the_same()
        outcome = self._run(self.store.apply(undo))

        expected = self.plain.undo(list_id, index, self.now)
        assert (dict(outcome.refused), list(outcome.effects)) == (expected.refused, expected.effects)
        assert (preview.refused, preview.effects, preview.event_at) == (outcome.refused, outcome.effects, None)
        self._remember()

    @rule(seconds=st.integers(1, 3))
    def let_time_pass(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self._remember()

    @rule(list_id=st.sampled_from(_LISTS), limit=st.integers(1, 4))
    def page_on(self, list_id: str, limit: int) -> None:
        everything = list(self.pages[list_id].rows)
        rows: list[Row] = []
        page = self._page(list_id, limit)
        while page.rows:
            assert page.has_previous == bool(rows)
            rows += page.rows
            assert page.has_next == (len(rows) < len(everything))
            page = self._page(list_id, limit, after=rows[-1].seq)
        assert rows == everything

    @rule(list_id=st.sampled_from(_LISTS), limit=st.integers(1, 4))
    def page_back(self, list_id: str, limit: int) -> None:
        everything = list(self.pages[list_id].rows)
        rows: list[Row] = []
        page = self._page(list_id, limit, before=1)
        while page.rows:
            assert page.has_next == bool(rows)
            rows = [*page.rows, *rows]
            assert page.has_previous == (len(rows) < len(everything))
            page = self._page(list_id, limit, before=rows[0].seq)
        assert rows == everything

    @rule(number=st.sampled_from(_NUMBERS), users=st.lists(_WEBHOOK_USERS, min_size=1, max_size=6))
    def ask(self, number: str, users: list[Member]) -> None:
        answers = self._run(self.store.blocked(ACCOUNT, number, users, self.now))

        assert list(answers) == [self.plain.blocked(number, user, self.now) for user in users]

    @rule(list_id=st.sampled_from(_LISTS), user=_WEBHOOK_USERS)
    def look_up(self, list_id: str, user: Member) -> None:
        row, expected = (
            self._run(self.store.row(ACCOUNT, list_id, user, self.now)),
            self.plain.row(list_id, user, self.now),
        )

        assert (None if row is None else shown(row)) == (None if expected is None else shown(expected))

    @rule(users=st.lists(_WEBHOOK_USERS, min_size=1, max_size=6))
    def ask_for_links(self, users: list[Member]) -> None:
        assert list(self._run(self.store.unlinked(ACCOUNT, users))) == self.plain.unlinked(users)

    @rule()
    def open_again(self) -> None:
        self._run(self.store.close())
        self.store = self._run(self._open())

    @invariant()
    def both_list_the_same(self) -> None:
        for list_id in _LISTS:
            rows = self._page(list_id, 1_000).rows
            assert [shown(row) for row in rows] == [shown(row) for row in self.plain.rows(list_id, self.now)]
            assert [row.seq for row in rows] == sorted({row.seq for row in rows}, reverse=True)

    @invariant()
    def all_chains_verify(self) -> None:
        for list_id in _LISTS:
            chain = self._run(self.store.chain(list_id))
            check = ChainCheck(list_id, ChainEnd() if chain is None else chain.oldest)
            assert [fault for it in self._events(list_id) if (fault := check.fault_of(it))] == []
            assert check.fault_at_end(ChainEnd() if chain is None else chain.newest) is None

    def _events(self, list_id: str) -> Sequence[StoredEvent]:
        return self._run(self.store.events(list_id, Span(1_000_000, is_newest_first=False)))

    def _check_version(self, list_id: str) -> None:
        before, after = self.pages[list_id], self._page(list_id, 1_000)
        places = {row.seq for row in before.rows}
        joined = [row for row in after.rows if row.seq not in places]
        assert all(row.seq > before.version for row in joined)
        if joined or {row.seq for row in after.rows} != places:
            assert after.version > before.version
        assert after.version >= before.version

    def _remember(self) -> None:
        self.pages = {list_id: self._page(list_id, 1_000) for list_id in _LISTS}

    def _page(self, list_id: str, limit: int, after: int | None = None, before: int | None = None) -> Page:
        return self._run(self.store.page(PageRequest(list_id, limit, self.now, after, before)))

    async def _apply(self, changes: list[Change]) -> list[Outcome]:
        return await asyncio.gather(*map(self.store.apply, changes))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


class MemoryBesidePlainLists(StoreBesidePlainLists):
    adapter = "memory"


class PostgresBesidePlainLists(StoreBesidePlainLists):
    """Of concurrent changes of several lists PostgreSQL makes any one first."""

    adapter = "postgres"
    most_at_once = 1


class ClusterBesidePlainLists(PostgresBesidePlainLists):
    adapter = "cluster"


_SETTINGS = hypothesis.settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
_SHORT = hypothesis.settings(_SETTINGS, max_examples=15)
TestSqliteBesidePlainLists = StoreBesidePlainLists.TestCase
TestSqliteBesidePlainLists.settings = _SETTINGS
TestMemoryBesidePlainLists = MemoryBesidePlainLists.TestCase
TestMemoryBesidePlainLists.settings = _SETTINGS
TestPostgresBesidePlainLists = PostgresBesidePlainLists.TestCase
TestPostgresBesidePlainLists.settings = _SHORT
TestClusterBesidePlainLists = ClusterBesidePlainLists.TestCase
TestClusterBesidePlainLists.settings = _SHORT
