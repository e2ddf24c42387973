"""A batch of changes that is decided and written in one transaction, for a store with one writer.

The rows of a list are loaded for the whole batch at once, when its first change needs them, and written at the end.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Final, Protocol

from wablock.block_list.changes import Block, Carry, Change, Edit, Link, NoteInbound, Recall, Sweep, Unblock, Undo
from wablock.block_list.idempotency import AnsweredRequest, AnsweredRequests
from wablock.block_list.links import Aliases, Links
from wablock.block_list.list_changes import Copy, Merge, names_of, names_of_member
from wablock.block_list.list_rows import Head
from wablock.block_list.list_state import ListState
from wablock.block_list.meanings import Meaning
from wablock.block_list.ports import Listed, Microseconds, Outcome
from wablock.block_list.shared_lists import is_own
from wablock.contract.errors import UnknownObject
from wablock.contract.spellings import MAY_HAVE_FORMER_KEYS

_DONE: Final = Outcome()
_NO_MEANINGS: Final[Mapping[str, Meaning]] = {}
# At most so many rows are deleted in one sweep, so that no change waits long for it. The next sweep continues.
_MOST_EXPIRED_SWEPT: Final = 10_000
_ALL: Final = -1


class Tables(Aliases, Protocol):
    """The stored data, within one transaction."""

    def open(self, list_id: str, account_id: str, identities: Collection[str]) -> tuple[Head, Iterable[Listed]]:
        """The list's own row, which is added for the account if it is missing; and its rows under `identities`."""

    def rows(self, list_id: str, identities: Collection[str]) -> Iterable[Listed]:
        """The list's rows under `identities`."""

    def lists_with(self, account_id: str, identities: Collection[str]) -> Sequence[str]:
        """The account's lists that have a row under one of `identities`."""

    def wrote_at(self, change: Block, keys: Mapping[str, str]) -> Mapping[str, Microseconds]:
        """When users last wrote to the number, under any of their ids. `keys`: the current key of each key."""

    def allow_lists(self, list_id: str, account_id: str) -> Mapping[str, str]:
        """The allow lists in force on the number, each with its name."""

    def on_lists(
        self, list_ids: Collection[str], identities: Collection[str], at: Microseconds
    ) -> Iterable[tuple[str, str]]:
        """Those of `identities` that are on the lists and have not expired, each with its list, which is the first."""

    def write(self, state: ListState) -> None:
        """Write what has changed of the list."""

    def delete_expired(self, list_id: str, at: Microseconds, most: int) -> tuple[int, Microseconds | None]:
        """Delete at most `most` expired rows, all if it is negative. Return their number, and `next_expiry`."""

    def lists_with_expired(self, at: Microseconds) -> Sequence[tuple[str, str]]:
        """The lists that have expired rows, each with its account."""

    def forget_inbound(self, before: Microseconds) -> None:
        """Delete older times at which users wrote."""

    def answered(self, list_id: str, key_hash: bytes) -> Iterable[AnsweredRequest]:
        """The answered request with this key."""

    def add_answered(self, list_id: str, answered: Sequence[AnsweredRequest]) -> None:
        """Store requests that were answered."""

    def forget_answered(self, before: Microseconds) -> None:
        """Delete older requests that were answered."""


class Transaction:
    """The changes of one batch."""

    def __init__(self, tables: Tables, changes: Sequence[Change]) -> None:
        self._tables = tables
        self._changes = changes
        self._states: dict[str, ListState] = {}
        self._allow_lists: dict[str, Mapping[str, str]] = {}
        self._names = _names_by_list(changes)
        """The identities to load, of lists that were not opened yet."""
        # All changes are decided at the time of the latest one: a message may be recorded long after it was sent.
        self._at = changes[0].at if len(changes) == 1 else max((change.at for change in changes), default=0)

    def apply(self) -> list[Outcome | Exception]:
        """An outcome for each change; `UnknownObject`, and nothing changed, if the list is not the account's."""
        outcomes = [self._outcome(change) for change in self._changes]
        self._write_all()
        return outcomes

    def _outcome(self, change: Change) -> Outcome | Exception:
        try:
            match change:
                case Block() | Unblock() | Edit() | Undo():
                    if change.key is not None:
                        return self._once(change.list_id, change, change.key.key_hash)
                    return self._change(change.list_id, change)
                case Recall():
                    return self._once(change.list_id, change, change.key.key_hash)
                case NoteInbound():
                    return self._change(change.phone_number_id, change)
                case Link():
                    self._links.unite(change)
                case Carry():
                    self._links.carry(change)
                case _:
                    self._sweep(change)
        except UnknownObject as refusal:
            return refusal
        return _DONE

    @property
    def _links(self) -> Links:  # not stored: a reference cycle would wait for the garbage collector
        return Links(self._tables, self._change_lists)

    def _once(
        self, list_id: str, change: Block | Unblock | Edit | Undo | Recall, key_hash: bytes
    ) -> Outcome | Exception:
        self._list(list_id, change.account_id)  # raises if it is not the account's
        answered = AnsweredRequests(self._tables.answered(list_id, key_hash))
        outcome = answered.once(change, partial(self._change, list_id))
        if answered.new:
            self._tables.add_answered(list_id, answered.new)
        return outcome

    def _change(
        self, list_id: str, change: Block | Unblock | Edit | Undo | Recall | NoteInbound
    ) -> Outcome | Exception:
        state = self._list(list_id, change.account_id)
        linked = [member for member in change.members if member.user_id is not None]
        if linked:
            links = self._links
            if isinstance(change, (Block, NoteInbound)):
                links.learn(change.account_id, linked, change.at)
            state.meanings = links.meanings(change.account_id, linked)
            self._load(state, set(names_of(change, state.meanings)))
        if isinstance(change, (Block, Undo)) and is_own(list_id) and (lists := self._allow_lists_of(state)):
            # Not of an earlier change of the batch: an allow list may be changed in between.
            self._write_other_lists(list_id)
            names = set(names_of(change, state.meanings))
            state.allowed = {name: lists[it] for it, name in self._tables.on_lists(lists, names, change.at)}
        if isinstance(change, Block) and change.written_since is not None:
            if state.wrote:
                self._write(state)  # so that the times are found
            users = map(state.meant, change.members)
            keys = {key: user.key for user in users for key in user.keys}
            state.load_wrote_at(self._tables.wrote_at(change, keys))
        return state.apply(change)

    def _change_lists(self, names: frozenset[str], change: Merge | Copy) -> None:
        self._write_all()  # so that every list is found
        for list_id in self._tables.lists_with(change.account_id, names):
            state = self._list(list_id, change.account_id)
            self._load(state, set(names_of(change, _NO_MEANINGS)))
            state.apply(change)

    def _sweep(self, change: Sweep) -> None:
        self._write_all()
        most = _MOST_EXPIRED_SWEPT
        for list_id, account_id in self._tables.lists_with_expired(change.at):
            if most > 0:
                most -= self._delete_expired(self._state(list_id, account_id), change.at, most)
        self._tables.forget_inbound(change.inbound_before)
        self._tables.forget_answered(change.answered_before)

    def _list(self, list_id: str, account_id: str) -> ListState:
        """The list without expired rows: they do not count.

        Raises `UnknownObject`, before anything is written, if the list is another account's or its number was removed.
        """
        state = self._state(list_id, account_id)
        head = state.head
        if head.account_id != account_id:
            raise UnknownObject("POST", list_id)
        if head.next_expiry is not None and head.next_expiry <= self._at:
            self._delete_expired(state, self._at, _ALL)
        return state

    def _state(self, list_id: str, account_id: str) -> ListState:
        state = self._states.get(list_id)
        if state is None:
            names = self._names.get(list_id, {})
            head, rows = self._tables.open(list_id, account_id, names)
            state = self._states[list_id] = ListState(list_id, head)
            state.load(names, rows)
        return state

    def _load(self, state: ListState, names: AbstractSet[str]) -> None:
        missing = state.unloaded(names)
        if missing:
            state.load(missing, self._tables.rows(state.list_id, missing))

    def _delete_expired(self, state: ListState, at: Microseconds, most: int) -> int:
        self._write(state)  # a change of this batch may have set the expiry
        count, next_expiry = self._tables.delete_expired(state.list_id, at, most)
        state.mark_expired(at, count, next_expiry)
        return count

    def _allow_lists_of(self, state: ListState) -> Mapping[str, str]:
        """See `Tables.allow_lists`. No change of a batch attaches a list."""
        lists = self._allow_lists.get(state.list_id)
        if lists is None:
            lists = self._tables.allow_lists(state.list_id, state.head.account_id)
            self._allow_lists[state.list_id] = lists
        return lists

    def _write_other_lists(self, list_id: str) -> None:
        """Write what this batch has changed of allow lists, so that it is found."""
        for other_id, state in self._states.items():
            if other_id != list_id and not is_own(other_id):
                self._write(state)

    def _write_all(self) -> None:
        for state in self._states.values():
            self._write(state)

    def _write(self, state: ListState) -> None:
        if state.is_unwritten:
            self._tables.write(state)
            state.mark_written()


def _names_by_list(changes: Sequence[Change]) -> dict[str, dict[str, None]]:
    """The identities under which the changes of requests may find rows, as far as they are known without the links.

    They are in the order of the request: neighbours are found faster.
    """
    names: dict[str, dict[str, None]] = {}
    for change in changes:
        if isinstance(change, (Block, Unblock, Edit, Undo)):
            of_list = names.get(change.list_id)
            if of_list is None:
                of_list = names[change.list_id] = {}
            for member in change.members:
                key = member.key
                of_list[key] = None
                if member.user_id is not None or key[0] in MAY_HAVE_FORMER_KEYS:
                    of_list |= dict.fromkeys(names_of_member(member, _NO_MEANINGS))
            if isinstance(change, Undo):
                of_list |= dict.fromkeys(names_of(change, _NO_MEANINGS))
    return names
