"""A batch of changes, decided and written in one transaction, over tables that are read as they are needed.

For a store with one writer. Rows are loaded list by list, for the whole batch at once, and written at its end.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from wablock.block_list.changes import Copy, Merge, names_of, names_of_member
from wablock.block_list.links import Aliases, Links
from wablock.block_list.list_rows import Head
from wablock.block_list.list_state import ListState
from wablock.block_list.ports import (
    Block,
    Carry,
    Change,
    Link,
    Listed,
    Microseconds,
    NoteInbound,
    Outcome,
    Sweep,
    Unblock,
)
from wablock.contract.errors import UnknownObject
from wablock.contract.spellings import MAY_HAVE_FORMER_KEYS

_DONE: Final = Outcome()
# What one sweep deletes at most, so that no change waits long behind it; the next sweep goes on.
_MOST_EXPIRED_SWEPT: Final = 10_000
_ALL: Final = -1


class Tables(Aliases, Protocol):
    """What is kept, as the transaction sees it."""

    def head(self, list_id: str, account_id: str) -> Head:
        """The list's own row, made for the account where there is none."""

    def rows(self, list_id: str, identities: Collection[str]) -> Iterable[Listed]:
        """The list's rows under `identities`."""

    def lists_with(self, account_id: str, identities: Collection[str]) -> Sequence[str]:
        """The account's lists that have a row under one of `identities`."""

    def wrote_at(self, change: Block, keys: Mapping[str, str]) -> Mapping[str, Microseconds]:
        """When users last wrote to the number, under whichever id. `keys`: each key of theirs, and today's."""

    def write(self, state: ListState) -> None:
        """Write what has changed of the list."""

    def delete_expired(self, list_id: str, at: Microseconds, most: int) -> tuple[int, Microseconds | None]:
        """Delete rows that have expired, at most so many, all if negative: their number, and `next_expiry`."""

    def lists_with_expired(self, at: Microseconds) -> Sequence[tuple[str, str]]:
        """The lists that have rows which expired, each with its account."""

    def forget_inbound(self, before: Microseconds) -> None:
        """Delete last messages that are older."""


class Transaction:
    """The changes of one batch."""

    def __init__(self, tables: Tables, changes: Sequence[Change]) -> None:
        self._tables = tables
        self._changes = changes
        self._links = Links(tables, self._change_lists)
        self._states: dict[str, ListState] = {}
        self._names = _names_by_list(changes)
        """Under which rows of a list are to be loaded, or are."""
        # All are decided now, which is when the last came or later: a message may be noted long after it came.
        self._at = max((change.at for change in changes), default=0)

    def apply(self) -> list[Outcome | Exception]:
        """An outcome for each change; `UnknownObject`, nothing changed, where the list is not the account's."""
        outcomes = [self._outcome(change) for change in self._changes]
        self._write()
        return outcomes

    def _outcome(self, change: Change) -> Outcome | Exception:
        try:
            match change:
                case Block() | Unblock():
                    return self._change(change.list_id, change)
                case NoteInbound():
                    return self._change(change.phone_number_id, change)
                case Link():
                    self._links.unite(change)
                case Carry():
                    self._links.carry(change)
                case Sweep():
                    self._sweep(change)
        except UnknownObject as refusal:
            return refusal
        return _DONE

    def _change(self, list_id: str, change: Block | Unblock | NoteInbound) -> Outcome | Exception:
        state = self._list(list_id, change.account_id)
        showing = [member for member in change.members if member.user_id is not None]
        if showing:
            if not isinstance(change, Unblock):
                self._links.learn(change.account_id, showing, change.at)
            state.meanings = self._links.meanings(change.account_id, showing)
            self._load(state, set(names_of(change, state.meanings)))
        if isinstance(change, Block) and change.written_since is not None:
            if state.wrote:
                self._tables.write(state)
                state.mark_written()
            users = map(state.meant, change.members)
            keys = {key: user.key for user in users for key in user.keys}
            state.load_wrote_at(self._tables.wrote_at(change, keys))
        return state.apply(change)

    def _change_lists(self, names: frozenset[str], change: Merge | Copy) -> None:
        self._write()  # so that every list is found
        for list_id in self._tables.lists_with(change.account_id, names):
            state = self._list(list_id, change.account_id)
            self._load(state, set(names_of(change, {})))
            state.apply(change)

    def _sweep(self, change: Sweep) -> None:
        self._write()
        most = _MOST_EXPIRED_SWEPT
        for list_id, account_id in self._tables.lists_with_expired(change.at):
            if most > 0:
                most -= self._delete_expired(self._state(list_id, account_id), change.at, most)
        self._tables.forget_inbound(change.inbound_before)

    def _list(self, list_id: str, account_id: str) -> ListState:
        """The list without rows that expired: they do not count.

        Raises `UnknownObject` before anything is written where it is not the account's, or its number was removed.
        """
        state = self._state(list_id, account_id)
        if state.head.account_id != account_id:
            raise UnknownObject("POST", list_id)
        next_expiry = state.head.next_expiry
        if next_expiry is not None and next_expiry <= self._at:
            self._delete_expired(state, self._at, _ALL)
        if list_id in self._names:
            self._load(state, self._names.pop(list_id))
        return state

    def _state(self, list_id: str, account_id: str) -> ListState:
        state = self._states.get(list_id)
        if state is None:
            state = self._states[list_id] = ListState(list_id, self._tables.head(list_id, account_id))
        return state

    def _load(self, state: ListState, names: AbstractSet[str]) -> None:
        missing = state.unloaded(names)
        if missing:
            state.load(missing, self._tables.rows(state.list_id, missing))

    def _delete_expired(self, state: ListState, at: Microseconds, most: int) -> int:
        count, next_expiry = self._tables.delete_expired(state.list_id, at, most)
        state.mark_expired(at, count, next_expiry)
        return count

    def _write(self) -> None:
        for state in self._states.values():
            if state.has_changed or state.wrote:
                self._tables.write(state)
                state.mark_written()


def _names_by_list(changes: Sequence[Change]) -> dict[str, set[str]]:
    """The identities under which blocks and unblocks may find rows, as far as it is known without the links."""
    names: dict[str, set[str]] = {}
    for change in changes:
        if isinstance(change, (Block, Unblock)):
            of_list = names.setdefault(change.list_id, set())
            of_list.update([member.key for member in change.members])
            for member in change.members:
                if member.user_id is not None or member.key[0] in MAY_HAVE_FORMER_KEYS:
                    of_list.update(names_of_member(member, {}))
    return names
