"""The law of links: linked ids are one user, and a block by any of them is in force for all.

No link here contradicts another about a number; for such links see `test_carry` and `test_parent_ids`.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.storage.adapters import ADAPTERS
from tests.storage.changes import ACCOUNT, LIST, NOON, SECOND, block, is_blocked, page
from tests.storage.people import user_with

from wablock.block_list.changes import Carry, Link
from wablock.block_list.pages import Row
from wablock.block_list.ports import Member
from wablock.storage import Store

_PEOPLE = 3

# A person has one number, three user_ids, one after the other, and parent ids in both shapes that Meta prints.
_PARENTS = ("US.ENT.{}0", "US.ENT.{}1", "US.{}P")
_WEBHOOK_USERS = st.builds(
    lambda who, has_number, user_id, parent: user_with(
        who if has_number else None,
        None if user_id is None else f"US.{who}{user_id}",
        None if parent is None else parent.format(who),
    ),
    st.integers(0, _PEOPLE - 1),
    st.booleans(),
    st.none() | st.integers(0, 2),
    st.none() | st.sampled_from(_PARENTS),
).filter(lambda member: member.key != "")
_BLOCKED = st.builds(
    lambda who, user_id: user_with(who) if user_id is None else user_with(None, f"US.{who}{user_id}"),
    st.integers(0, _PEOPLE - 1),
    st.none() | st.sampled_from([0, 1, 2, "P"]),
)
_EXPIRIES = st.none() | st.integers(10, 20).map(lambda seconds: NOON + seconds * SECOND)
_STEPS = st.one_of(
    st.tuples(st.just("link"), st.lists(_WEBHOOK_USERS, min_size=1, max_size=3)),
    st.tuples(st.just("block"), _BLOCKED, _EXPIRIES),
)


def _ids(member: Member) -> set[str]:
    return {member.key, *member.aliases}


class _Together:
    """The ids of each user, by the links so far."""

    def __init__(self) -> None:
        self._groups: list[set[str]] = []

    def unite(self, ids: set[str]) -> None:
        same = [group for group in self._groups if group & ids]
        self._groups = [group for group in self._groups if not group & ids]
        self._groups.append(ids.union(*same))

    def of(self, name: str) -> set[str]:
        return next((group for group in self._groups if name in group), {name})


def _member(name: str) -> Member:
    if name.startswith("US.ENT."):
        return user_with(None, None, name)
    return user_with(None, name) if name.startswith("US.") else user_with(int(name) - 16_505_550_000)


async def _check(store: Store, steps: Sequence[tuple[object, ...]]) -> None:
    together = _Together()
    blocks: list[tuple[str, int, int | None]] = []
    for second, step in enumerate(steps):
        at = NOON + second
        if step[0] == "block":
            _, member, expires_at = step
            assert isinstance(member, Member)
            assert expires_at is None or isinstance(expires_at, int)
            user = Member(member.key, member.wa_id, member.user_id, member.input, expires_at=expires_at)
            earlier = [it for it in blocks if it[0] in together.of(member.key)]
            together.unite({member.key})
            await store.apply(block(user, at=at))
            # A second block sets the expiry; of two merged rows the later expiry counts.
            first = min((blocked_at for _, blocked_at, _ in earlier), default=at)
            blocks = [*(it for it in blocks if it not in earlier), (member.key, first, expires_at)]
        else:
            members = step[1]
            assert isinstance(members, list)
            await store.apply(Link(ACCOUNT, at, members))
            for member in members:
                together.unite(_ids(member))
            blocks = _merged(blocks, together)
    await _holds(store, together, blocks, NOON + len(steps))


def _merged(blocks: Sequence[tuple[str, int, int | None]], together: _Together) -> list[tuple[str, int, int | None]]:
    merged: list[tuple[str, int, int | None]] = []
    for name, blocked_at, expires_at in blocks:
        same = next((it for it in merged if it[0] in together.of(name)), None)
        if same is None:
            merged.append((name, blocked_at, expires_at))
            continue
        merged.remove(same)
        last = None if expires_at is None or same[2] is None else max(expires_at, same[2])
        merged.append((same[0], min(blocked_at, same[1]), last))
    return merged


async def _holds(store: Store, together: _Together, blocks: list[tuple[str, int, int | None]], at: int) -> None:
    for name, blocked_at, expires_at in blocks:
        members = [_member(one) for one in sorted(together.of(name))]
        for result in [*await store.blocked(ACCOUNT, LIST, members, at)]:
            assert result is not None
            assert (result.blocked_at, result.expires_at) == (blocked_at, expires_at)
    rows: Sequence[Row] = (await page(store, at=at)).rows
    assert len(rows) == len(blocks)
    assert not any(".ENT." in f"{row.user_id}" for row in rows)
    names = set().union(*(together.of(name) for name, *_ in blocks)) if blocks else set()
    strangers = [user_with(who) for who in range(_PEOPLE) if str(16_505_550_000 + who) not in names]
    assert [result for result in await store.blocked(ACCOUNT, LIST, strangers, at) if result is not None] == []


@pytest.mark.parametrize("adapter, examples", [("sqlite", 150), ("postgres", 25), ("cluster", 25)])
def test_a_block_by_any_id_holds_by_every_linked_id(adapter: str, examples: int) -> None:
    @hypothesis.settings(max_examples=examples, deadline=None)
    @hypothesis.given(steps=st.lists(_STEPS, min_size=1, max_size=12))
    def law(steps: list[tuple[object, ...]]) -> None:
        async def run(folder: Path) -> None:
            store = ADAPTERS[adapter](folder)
            try:
                await _check(store, steps)
            finally:
                await store.close()

        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(run(Path(folder)))

    law()


@pytest.mark.parametrize("adapter, examples", [("sqlite", 150), ("postgres", 25), ("cluster", 25)])
def test_a_user_who_changes_ids_stays_blocked_by_each_of_them(adapter: str, examples: int) -> None:
    @hypothesis.settings(max_examples=examples, deadline=None)
    @hypothesis.given(
        before=st.lists(_WEBHOOK_USERS, max_size=3),
        blocked=_BLOCKED,
        carries=st.lists(st.tuples(_WEBHOOK_USERS, _WEBHOOK_USERS), max_size=4),
    )
    def law(before: list[Member], blocked: Member, carries: list[tuple[Member, Member]]) -> None:
        async def run(folder: Path) -> None:
            store = ADAPTERS[adapter](folder)
            try:
                await store.apply(Link(ACCOUNT, NOON, before))
                await store.apply(block(blocked))
                names = {blocked.key}
                for previous, current in carries:
                    if await is_blocked(store, previous):
                        names |= {name for name in _ids(previous) if await is_blocked(store, _member(name))}
                        names |= _ids(current)
                    await store.apply(Carry(ACCOUNT, NOON, previous, current))
                    assert [name for name in sorted(names) if not await is_blocked(store, _member(name))] == []
            finally:
                await store.close()

        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(run(Path(folder)))

    law()
