"""Changes of one invented list, and its content."""

import msgspec

from wablock.block_list.changes import Block, NoteInbound, Unblock
from wablock.block_list.pages import Page, PageRequest, Row
from wablock.block_list.ports import BusinessNumber, Member
from wablock.storage import Store

ACCOUNT = "102290129340398"
LIST = "106540352242922"
NOON = 1_760_000_400_000_000
SECOND = 1_000_000


def block(
    *members: Member,
    at: int = NOON,
    max_size: int | None = None,
    written_since: int | None = None,
    list_id: str = LIST,
    account_id: str = ACCOUNT,
) -> Block:
    return Block(list_id, account_id, at, "another user", members, max_size, written_since)


def unblock(*members: Member, at: int = NOON, list_id: str = LIST) -> Unblock:
    return Unblock(list_id, ACCOUNT, at, members)


def wrote(*members: Member, at: int = NOON) -> NoteInbound:
    return NoteInbound(LIST, ACCOUNT, at, members)


def stored(number: BusinessNumber) -> BusinessNumber:
    """The number as a store returns it, if it was added at noon."""
    return msgspec.structs.replace(number, created_at=NOON)


async def page(
    store: Store,
    limit: int = 1_000,
    at: int = NOON,
    after: int | None = None,
    before: int | None = None,
    list_id: str = LIST,
) -> Page:
    return await store.page(PageRequest(list_id, limit, at, after, before))


async def listed(store: Store, at: int = NOON, list_id: str = LIST) -> list[str]:
    """The inputs of all users on the list, newest first."""
    return [row.input for row in (await page(store, at=at, list_id=list_id)).rows]


async def version(store: Store) -> int:
    return (await page(store, 1)).version


async def only_row(store: Store, at: int = NOON) -> Row:
    (row,) = (await page(store, at=at)).rows
    return row


async def is_blocked(store: Store, member: Member, at: int = NOON) -> bool:
    (answer,) = await store.blocked(ACCOUNT, LIST, [member], at)
    return answer is not None
