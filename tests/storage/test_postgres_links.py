"""Links on PostgreSQL, which updates lists one by one: unsettled links, and concurrent nodes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.postgres import execute, fresh_cluster, fresh_database
from tests.storage.changes import ACCOUNT, LIST, NOON, block, is_blocked, listed, only_row, unblock
from tests.storage.meters import CountingMeter
from tests.storage.people import by_user_id, linked, person, user_with

from wablock.block_list.changes import Carry, Link, Sweep
from wablock.block_list.ports import Member
from wablock.storage import Store, open_store
from wablock.storage.postgres import checks, linked_checks
from wablock.storage.postgres.checks import Question

_UNSETTLED = f"""
INSERT INTO identity_alias (account_id, alias, identity, wa_id, settled)
VALUES ('{ACCOUNT}', 'US.1', '16505550001', '16505550001', false)
"""


@pytest.fixture(params=[fresh_database, fresh_cluster], ids=["one", "cluster"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url: str = request.param(tmp_path)
    return url


@pytest.fixture
async def nodes(dsn: str) -> AsyncIterator[list[Store]]:
    """Three of them, on one database."""
    opened = [open_store(dsn, CountingMeter()) for _ in range(3)]
    yield opened
    for node in opened:
        await node.close()


async def test_a_link_that_a_node_left_unsettled_is_settled_by_the_next_node_that_reads_it(
    dsn: str, nodes: list[Store]
) -> None:
    node, other, _ = nodes
    await node.apply(block(by_user_id("US.1")))
    execute(dsn, _UNSETTLED)  # a node stored it, and died before it updated the list

    assert await other.unlinked(ACCOUNT, [linked(1, "US.1")])
    await other.apply(Link(ACCOUNT, NOON, [linked(1, "US.1")]))

    assert await is_blocked(node, person(1))
    assert (await only_row(node)).wa_id == "16505550001"
    assert not await other.unlinked(ACCOUNT, [linked(1, "US.1")])


@pytest.mark.parametrize("dsn", [fresh_cluster], ids=["cluster"], indirect=True)
@pytest.mark.parametrize("user", [person(1), by_user_id("US.1"), by_user_id("US.2")], ids=lambda it: it.key)
async def test_ids_that_two_nodes_linked_at_once_are_one_user_before_the_second_link_is_settled(
    dsn: str, nodes: list[Store], user: Member
) -> None:
    """The first node did not find the link of US.2 when it settled that of US.1."""
    await nodes[0].apply(block(by_user_id("US.2")))
    execute(dsn, _UNSETTLED.replace("false", "true"))
    execute(dsn, f"INSERT INTO identity_alias VALUES ('{ACCOUNT}', 'US.2', 'US.1', NULL, false)")

    assert await is_blocked(nodes[1], user)
    await nodes[1].apply(unblock(user))
    assert not any([await is_blocked(nodes[2], it) for it in (person(1), by_user_id("US.1"), by_user_id("US.2"))])


async def test_a_check_by_several_ids_is_of_one_moment(dsn: str, nodes: list[Store]) -> None:
    """Between two statements a link could change, and the check would miss the block."""
    await nodes[0].apply(Link(ACCOUNT, NOON, [linked(1, "US.1")]))
    await nodes[0].apply(block(person(1)))
    connection = Counted(await asyncpg.connect(dsn))

    ((block_in_force,),) = await checks.blocked(connection, [Question(ACCOUNT, LIST, [by_user_id("US.1")], NOON)])

    assert block_in_force is not None
    assert connection.queries == 1
    await connection.close()


class Counted:
    """A connection that counts its queries."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.queries = 0

    async def fetch(self, query: str, *args: object) -> Sequence[Any]:
        self.queries += 1
        rows: Sequence[Any] = await self._connection.fetch(query, *args)
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


_PLACES = range(4)
_USERS = {"user_id": by_user_id("US.1"), "number": person(1), "both": linked(1, "US.1")}


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize("user", _USERS.values(), ids=_USERS)
async def test_a_link_that_is_learned_before_any_statement_of_a_check_hides_no_block(
    dsn: str, nodes: list[Store], user: Member, place: int
) -> None:
    """A cluster has links and rows on different machines. The block is of a user_id, and moves to the number."""
    await nodes[0].apply(block(by_user_id("US.1")))

    async def learn() -> None:
        await nodes[1].apply(Link(ACCOUNT, NOON, [linked(1, "US.1")]))

    before, after = await _checked_while(dsn, user, place, learn)

    assert after
    assert before or user == person(1)  # whose block by the number began with the link


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize("user", _USERS.values(), ids=_USERS)
async def test_a_link_that_is_settled_before_any_statement_of_a_check_hides_no_block(
    dsn: str, nodes: list[Store], user: Member, place: int
) -> None:
    await nodes[0].apply(block(by_user_id("US.1")))
    execute(dsn, _UNSETTLED)

    async def settle() -> None:
        await nodes[1].apply(Sweep(NOON, NOON))

    assert await _checked_while(dsn, user, place, settle) == (True, True)


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize(
    "user", [by_user_id("US.1"), by_user_id("US.2"), user_with(None, None, "US.ENT.1")], ids=lambda it: it.key
)
async def test_a_chain_that_gets_a_number_before_any_statement_of_a_check_hides_no_block(
    dsn: str, nodes: list[Store], user: Member, place: int
) -> None:
    for user_id in ("US.1", "US.2"):
        await nodes[0].apply(Link(ACCOUNT, NOON, [user_with(None, user_id, "US.ENT.1")]))
    await nodes[0].apply(block(by_user_id("US.2")))

    async def learn() -> None:
        await nodes[1].apply(Link(ACCOUNT, NOON, [linked(1, "US.1")]))

    assert await _checked_while(dsn, user, place, learn) == (True, True)


async def _checked_while(
    dsn: str, user: Member, place: int, interruption: Callable[[], Awaitable[None]]
) -> tuple[bool, bool]:
    """Whether the user is blocked: by a check that is interrupted before its query at `place`, and afterwards."""
    connection = await asyncpg.connect(dsn)
    interrupted = Interrupted(connection, place, interruption)
    question = Question(ACCOUNT, LIST, [user], NOON)
    ((before,),) = await linked_checks.blocked(interrupted, [question])
    if interrupted.queries_before >= 0:  # the check had fewer queries
        await interruption()
    ((after,),) = await linked_checks.blocked(connection, [question])
    await connection.close()
    return before is not None, after is not None


class Interrupted:
    """A connection that does something else before its query at `place`."""

    def __init__(self, connection: Any, place: int, interruption: Callable[[], Awaitable[None]]) -> None:
        self._connection = connection
        self.queries_before = place
        self._interruption = interruption

    async def fetch(self, query: str, *args: object) -> Sequence[Any]:
        if self.queries_before == 0:
            await self._interruption()
        self.queries_before -= 1
        rows: Sequence[Any] = await self._connection.fetch(query, *args)
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_a_user_id_has_the_meaning_of_the_account_that_checks(nodes: list[Store]) -> None:
    await nodes[0].apply(Link(ACCOUNT, NOON, [linked(1, "US.1")]))
    await nodes[0].apply(block(person(1)))

    answers = await asyncio.gather(
        *(nodes[1].blocked(account_id, LIST, [by_user_id("US.1")], NOON) for account_id in ("102290129340399", ACCOUNT))
    )

    assert [answer[0] is not None for answer in answers] == [False, True]


async def test_a_block_is_found_by_the_user_id_while_its_link_is_unsettled(dsn: str, nodes: list[Store]) -> None:
    await nodes[0].apply(block(by_user_id("US.1")))
    execute(dsn, _UNSETTLED)

    assert await is_blocked(nodes[1], by_user_id("US.1"))
    assert await is_blocked(nodes[1], linked(1, "US.1"))


async def test_a_user_who_is_blocked_by_an_id_while_it_is_linked_is_blocked_by_both(nodes: list[Store]) -> None:
    node, other, third = nodes
    await third.apply(block(person(9_999)))

    for number in range(60):
        user_id = f"US.{number}"
        await asyncio.gather(
            node.apply(block(by_user_id(user_id))),
            other.apply(Link(ACCOUNT, NOON, [linked(number, user_id)])),
        )

        assert await is_blocked(third, person(number))
        assert await is_blocked(third, by_user_id(user_id))


async def test_a_user_who_is_blocked_by_an_id_while_it_moves_to_another_number_is_blocked_by_it(
    nodes: list[Store],
) -> None:
    node, other, third = nodes
    await third.apply(block(person(9_999)))

    for number in range(0, 200, 2):
        user_id = f"US.{number}"
        await third.apply(Link(ACCOUNT, NOON, [linked(number, user_id)]))
        await asyncio.gather(
            node.apply(block(by_user_id(user_id))),
            other.apply(Link(ACCOUNT, NOON, [linked(number + 1, user_id)])),
        )

        assert await is_blocked(third, by_user_id(user_id)), number


async def test_a_user_whose_new_id_is_linked_while_the_block_is_copied_is_blocked_by_the_number(
    nodes: list[Store],
) -> None:
    for number in range(60):
        old, new = f"US.{number}", f"US.1{number:04}"
        await nodes[0].apply(block(by_user_id(old)))
        await asyncio.gather(
            nodes[1].apply(Carry(ACCOUNT, NOON, by_user_id(old), by_user_id(new))),
            nodes[2].apply(Link(ACCOUNT, NOON, [linked(number, new)])),
        )

        assert await is_blocked(nodes[0], person(number)), number


async def test_nodes_that_store_one_link_at_once_merge_a_users_two_rows(nodes: list[Store]) -> None:
    for number in range(30):
        user_id = f"US.{number}"
        await nodes[0].apply(block(person(number)))
        await nodes[1].apply(block(by_user_id(user_id)))

        await asyncio.gather(*(node.apply(Link(ACCOUNT, NOON, [linked(number, user_id)])) for node in nodes))

    assert len(await listed(nodes[0])) == 30


async def test_a_user_id_that_nodes_link_to_two_numbers_at_once_is_blocked_by_both(nodes: list[Store]) -> None:
    for number in range(0, 60, 2):
        user_id = f"US.{number}"
        await nodes[0].apply(block(by_user_id(user_id)))

        await asyncio.gather(
            nodes[1].apply(Link(ACCOUNT, NOON, [linked(number, user_id)])),
            nodes[2].apply(Link(ACCOUNT, NOON, [linked(number + 1, user_id)])),
        )

        assert await is_blocked(nodes[0], by_user_id(user_id))


async def test_a_user_is_unblocked_by_a_user_id_that_is_linked_at_the_same_time(nodes: list[Store]) -> None:
    node, other, third = nodes
    for number in range(60):
        user_id = f"US.{number}"
        await third.apply(block(by_user_id(user_id)))

        await asyncio.gather(
            node.apply(unblock(by_user_id(user_id))),
            other.apply(Link(ACCOUNT, NOON, [linked(number, user_id)])),
        )

    assert await listed(third) == []


async def test_two_nodes_at_once_copy_a_changed_number_on_every_list(nodes: list[Store]) -> None:
    lists = [LIST, "106540352242923", "106540352242924"]
    for list_id in lists:
        await nodes[0].apply(block(person(1), list_id=list_id))

    await asyncio.gather(*(node.apply(Carry(ACCOUNT, NOON, person(1), person(2))) for node in nodes))

    for list_id in lists:
        assert sorted(await listed(nodes[0], list_id=list_id)) == ["+16505550001", "16505550002"]


async def test_a_parent_id_means_its_number_while_the_link_between_is_unsettled(dsn: str, nodes: list[Store]) -> None:
    node, other, _ = nodes
    parent = user_with(None, None, "US.ENT.1")
    await node.apply(Link(ACCOUNT, NOON, [user_with(None, "US.1", "US.ENT.1")]))
    await node.apply(block(by_user_id("US.1")))
    execute(dsn, _UNSETTLED)  # a node stored it, and died before it updated the list

    assert await is_blocked(node, parent)
    assert await other.unlinked(ACCOUNT, [user_with(1, None, "US.ENT.1")])
    await other.apply(Link(ACCOUNT, NOON, [user_with(1, None, "US.ENT.1")]))

    assert await is_blocked(node, parent)
    assert await is_blocked(node, person(1))
    assert not await other.unlinked(ACCOUNT, [user_with(1, "US.1", "US.ENT.1")])


async def test_nodes_that_link_a_users_three_ids_in_pairs_at_once_lose_no_block(nodes: list[Store]) -> None:
    for number in range(60):
        user_id, parent = f"US.{number}", f"US.ENT.{number}"
        pairs = [user_with(number, user_id), user_with(number, None, parent), user_with(None, user_id, parent)]
        blocked = by_user_id(user_id) if number % 2 else person(number)

        await asyncio.gather(
            nodes[number % 3].apply(block(blocked)),
            *(node.apply(Link(ACCOUNT, NOON, [pair])) for node, pair in zip(nodes, pairs, strict=True)),
        )

        assert await is_blocked(nodes[0], person(number)), number
        assert await is_blocked(nodes[1], by_user_id(user_id)), number
        # If two nodes collide, the next webhook completes the links.
        unknown = await nodes[2].unlinked(ACCOUNT, [user_with(number, user_id, parent)])
        await nodes[2].apply(Link(ACCOUNT, NOON, unknown))
        assert await is_blocked(nodes[2], user_with(None, None, parent)), number
        assert not await nodes[2].unlinked(ACCOUNT, [user_with(number, user_id, parent)])


async def test_a_number_that_is_linked_while_user_ids_are_united_is_blocked_with_them(nodes: list[Store]) -> None:
    for number in range(60):
        old, new, parent = f"US.1{number:03}", f"US.2{number:03}", f"US.ENT.{number}"
        await nodes[0].apply(Link(ACCOUNT, NOON, [user_with(None, old, parent)]))
        await nodes[0].apply(block(by_user_id(old if number % 2 else new)))

        await asyncio.gather(
            nodes[1].apply(Link(ACCOUNT, NOON, [user_with(None, new, parent)])),
            nodes[2].apply(Link(ACCOUNT, NOON, [user_with(number, old)])),
        )

        for member in (by_user_id(old), by_user_id(new), user_with(None, None, parent)):
            assert await is_blocked(nodes[0], member), (number, member.key)
        await nodes[0].apply(Link(ACCOUNT, NOON, await nodes[0].unlinked(ACCOUNT, [user_with(number, new, parent)])))
        assert await is_blocked(nodes[1], person(number)), number


async def test_a_check_by_a_parent_id_is_of_one_moment(dsn: str, nodes: list[Store]) -> None:
    await nodes[0].apply(Link(ACCOUNT, NOON, [user_with(1, None, "US.ENT.1")]))
    await nodes[0].apply(block(person(1)))
    connection = Counted(await asyncpg.connect(dsn))

    users = [user_with(None, None, "US.ENT.1"), user_with(None, "US.2", "US.ENT.2")]
    (result,) = await checks.blocked(connection, [Question(ACCOUNT, LIST, users, NOON)])

    assert [block is not None for block in result] == [True, False]
    assert connection.queries == 1
    await connection.close()
