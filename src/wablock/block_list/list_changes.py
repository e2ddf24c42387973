"""The changes of one list: those of `changes.Change`, and those that links and expiry make."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from wablock.block_list.changes import Block, Edit, NoteInbound, Recall, Unblock, Undo
from wablock.block_list.meanings import Meaning
from wablock.block_list.ports import Member, Microseconds
from wablock.contract.spellings import MAY_HAVE_FORMER_KEYS, keys_of, one_spelling


class Merge(msgspec.Struct, frozen=True):
    """Merge the rows of `member` and of its user_id `alias` into one."""

    account_id: str
    at: Microseconds
    member: Member
    alias: str


class Copy(msgspec.Struct, frozen=True):
    """Block `current` if one of `names` is blocked: with the earliest block of them, and the latest expiry."""

    account_id: str
    at: Microseconds
    names: frozenset[str]
    current: Member


class DropExpired(msgspec.Struct, frozen=True):
    """Delete the rows of `identities` that expired before `at`."""

    account_id: str
    at: Microseconds
    identities: Sequence[str]


class Rekey(msgspec.Struct, frozen=True):
    """Move the rows of `identities`, which are former keys, to the current keys."""

    account_id: str
    at: Microseconds
    identities: Sequence[str]


ListChange: TypeAlias = Block | Unblock | Edit | Undo | Recall | NoteInbound | Merge | Copy | DropExpired | Rekey


def names_of(change: ListChange, meanings: Mapping[str, Meaning]) -> Iterable[str]:
    """Every identity under which a user of `change` may be on the list."""
    match change:
        case Block() | Unblock() | Edit():
            for member in change.members:
                yield from names_of_member(member, meanings)
        case Undo():
            for member, rows in zip(change.members, change.before, strict=True):
                yield from names_of_member(member, meanings)
                yield from (row.identity for row in rows)
        case Merge():
            yield from change.member.keys
            yield change.alias
        case Copy():
            yield from change.names
            yield from change.current.keys
        case Rekey():
            for identity in change.identities:
                yield identity
                yield one_spelling(identity)


def names_of_member(member: Member, meanings: Mapping[str, Meaning]) -> Collection[str]:
    """Every identity under which this member may be on the list."""
    if member.user_id is None and member.parent_user_id is None and member.key[0] not in MAY_HAVE_FORMER_KEYS:
        return (member.key,)
    linked_keys = [key for alias in member.aliases if alias in meanings for key in keys_of(meanings[alias][0])]
    return (*member.keys, *member.aliases, *linked_keys)
