"""Any sequence of blocks, unblocks, edits, links and undoes has the same result in a store as in plain Python lists.

Few users on one list: so most undoes meet users who were changed since, linked, merged, or whose block has expired.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.storage.adapters import BLOCK_STORES
from tests.storage.changes import ACCOUNT, NOON, SECOND
from tests.storage.people import by_user_id, linked, person
from tests.storage.plain_lists import PlainLists, Result
from tests.storage.test_model import shown

from wablock.block_list.changes import Block, Edit, Link, Unblock, Undo
from wablock.block_list.event_store import Span
from wablock.block_list.events import CAN_BE_UNDONE, StoredEvent, event_of
from wablock.block_list.pages import PageRequest
from wablock.block_list.ports import IfListed, Member
from wablock.block_list.shared_lists import Attachment, ListKind, SharedList
from wablock.block_list.undoing import users_of
from wablock.storage import Store

_LIST = "106540352242922"
_VIP = SharedList("vip", ACCOUNT, ListKind.ALLOW, "VIP", NOON)

_USERS = st.sampled_from((person(0), person(1), by_user_id("US.0"), by_user_id("US.1")))
_REASONS, _ENDS = st.none() | st.sampled_from(["spam", "abuse"]), st.none() | st.integers(1, 3)
_STEPS = st.one_of(
    st.tuples(st.just("block"), st.lists(_USERS, min_size=1, max_size=3), _REASONS, _ENDS),
    st.tuples(st.just("unblock"), _USERS),
    st.tuples(st.just("edit"), _USERS, _REASONS, _ENDS),
    st.tuples(st.just("link"), st.builds(linked, st.integers(0, 1), st.sampled_from(["US.0", "US.1"]))),
    st.tuples(st.just("undo"), st.integers(0, 6)),
    st.tuples(st.just("undo"), st.integers(0, 1)),
    st.tuples(st.just("wait"), st.integers(1, 2)),
    st.tuples(st.just("allow"), _USERS),
)
_EXAMPLES = {"memory": 600, "sqlite": 150, "postgres": 25, "cluster": 25}


@pytest.mark.parametrize("adapter", BLOCK_STORES)
def test_undoing_in_any_order_equals_plain_lists(adapter: str) -> None:
    @hypothesis.settings(max_examples=_EXAMPLES[adapter], deadline=None)
    @hypothesis.given(st.lists(_STEPS, min_size=2, max_size=12))
    def check(steps: Sequence[tuple[object, ...]]) -> None:
        with TemporaryDirectory() as folder:
            asyncio.run(_run(BLOCK_STORES[adapter](Path(folder)), steps))

    check()


async def _run(store: Store, steps: Sequence[tuple[object, ...]]) -> None:
    plain = PlainLists()
    await store.add_list(_VIP)
    await store.attach(Attachment(ACCOUNT, _VIP.list_id, None, NOON))
    plain.shared[_VIP.list_id] = _VIP
    plain.attached.add((None, _VIP.list_id))
    now = NOON
    try:
        for step in steps:
            now += 1
            if step[0] == "wait":
                assert isinstance(step[1], int)
                now += step[1] * SECOND
            elif step[0] == "undo":
                assert isinstance(step[1], int)
                await _undo(store, plain, step[1], now)
            else:
                change = _change(step, now)
                assert Result.of(await store.apply(change)) == plain.apply(change)
            page = await store.page(PageRequest(_LIST, 100, now))
            assert [shown(row) for row in page.rows] == [shown(row) for row in plain.rows(_LIST, now)]
    finally:
        await store.close()


async def _undo(store: Store, plain: PlainLists, back: int, now: int) -> None:
    """Undo the event that is so many before the newest."""
    events = [it for it in await _events(store) if event_of(it.text or "").kind in CAN_BE_UNDONE]
    index = len(events) - 1 - back
    if index < 0:
        return
    undone = events[index]
    undo = Undo(_LIST, ACCOUNT, now, "an undoer", undone.at, *users_of(event_of(undone.text or ""), undone.at))

    outcome = await store.apply(undo)

    expected = plain.undo(_LIST, index, now)
    assert (dict(outcome.refused), list(outcome.effects)) == (expected.refused, expected.effects)


async def _events(store: Store) -> Sequence[StoredEvent]:
    return await store.events(_LIST, Span(1_000, is_newest_first=False))


def _change(step: tuple[object, ...], now: int) -> Block | Unblock | Edit | Link:
    kind, who, *details = step
    if kind == "block":
        assert isinstance(who, list)
        return Block(_LIST, ACCOUNT, now, "a user", [_with(it, details, now) for it in who], if_listed=IfListed.RENEW)
    assert isinstance(who, Member)
    if kind == "unblock":
        return Unblock(_LIST, ACCOUNT, now, [who])
    if kind == "allow":
        return Block(_VIP.list_id, ACCOUNT, now, "a user", [who])
    if kind == "link":
        return Link(ACCOUNT, now, [who])
    changed = _with(who, details, now)
    return Edit(_LIST, ACCOUNT, now, "an editor", who, changed.reason, expires_at=changed.expires_at)


def _with(member: Member, details: Sequence[object], now: int) -> Member:
    reason, seconds = details
    assert isinstance(seconds, int | None)
    expires_at = None if seconds is None else now + seconds * SECOND
    return Member(member.key, member.wa_id, member.user_id, member.input, reason, None, expires_at)  # type: ignore[arg-type]
