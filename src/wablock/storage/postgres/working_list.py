"""One list in memory, as a transaction found it and as its changes leave it. No I/O here.

All that changes of a batch need of a list is read first, under the list's lock; they are decided here, one after the
other, and what came of them is written at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from wablock.block_list.ports import Block, Member, Microseconds, NoteInbound, Outcome, Refusal, Unblock
from wablock.block_list.rules import refusals
from wablock.contract.errors import UnknownObject
from wablock.contract.spellings import keys_of, one_spelling
from wablock.storage.meanings import Meaning


class Merge(msgspec.Struct, frozen=True):
    """On this list, make one row of what may be two: the user_id `alias` means `member`."""

    account_id: str
    at: Microseconds
    member: Member
    alias: str


class Copy(msgspec.Struct, frozen=True):
    """Block `current` where one of `names` is: as the earliest of them, for as long as the longest."""

    account_id: str
    at: Microseconds
    names: frozenset[str]
    current: Member


class DropExpired(msgspec.Struct, frozen=True):
    """Forget those of `identities` whose rows expired before `at`."""

    account_id: str
    at: Microseconds
    identities: Sequence[str]


class Rekey(msgspec.Struct, frozen=True):
    """Put what is kept under `identities`, keys that the version before gave, under today's keys."""

    account_id: str
    at: Microseconds
    identities: Sequence[str]


ListChange: TypeAlias = Block | Unblock | NoteInbound | Merge | Copy | DropExpired | Rekey


class Head(msgspec.Struct):
    """A list's own row. Nobody on it expires before `next_expiry`; None: nobody does."""

    account_id: str
    version: int
    size: int
    next_expiry: Microseconds | None


class Listed(msgspec.Struct):
    """A blocked user's row."""

    identity: str
    seq: int
    wa_id: str | None
    user_id: str | None
    input: str
    blocked_at: Microseconds
    blocked_by: str
    reason: str | None
    note: str | None
    expires_at: Microseconds | None

    def expired(self, at: Microseconds) -> bool:
        return self.expires_at is not None and self.expires_at <= at


def names_of(change: ListChange, meanings: Mapping[str, Meaning]) -> Iterable[str]:
    """Every identity under which a user of `change` may be on the list."""
    match change:
        case Block() | Unblock():
            for member in change.members:
                yield from _names(member, meanings)
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


def place_of(member: Member, *, beside_older: bool) -> str:
    """Under which of the user's keys something is to be kept.

    Beside nodes of the version before, the one under which they look when they hear this spelling.
    """
    wa_id = member.wa_id
    return wa_id if beside_older and wa_id is not None and wa_id in member.former_keys else member.key


class WorkingList:
    """The list and those of its rows that the changes may touch."""

    def __init__(
        self,
        list_id: str,
        head: Head,
        rows: Iterable[Listed],
        meanings: Mapping[str, Meaning],
        wrote_at: Mapping[str, Microseconds],
        *,
        beside_older: bool = False,
    ) -> None:
        """`beside_older`: nodes of the version before use the list, and have to find what is written now."""
        self.list_id = list_id
        self._beside_older = beside_older
        self.head = head
        self._rows = {row.identity: row for row in rows}
        self._found = frozenset(self._rows)
        self._meanings = meanings
        self._wrote_at: dict[str, Microseconds] = {}
        for name, at in wrote_at.items():
            key = one_spelling(name)
            self._wrote_at[key] = max(at, self._wrote_at.get(key, at))
        self._changed: set[str] = set()
        self.wrote: dict[str, Microseconds] = {}
        """Who wrote to the number, and when."""
        self.forgotten: list[str] = []
        """Under which identities nothing is to be known any more of who wrote."""

    @property
    def removed(self) -> list[str]:
        """The identities whose rows are to go."""
        return [identity for identity in self._found if identity not in self._rows]

    @property
    def written(self) -> list[Listed]:
        """The rows to be kept as they are now: new ones, and those that changed."""
        return [self._rows[identity] for identity in self._changed if identity in self._rows]

    def apply(self, change: ListChange) -> Outcome | UnknownObject:
        """What became of `change`; `UnknownObject`, nothing changed, where the list is not the account's."""
        if change.account_id != self.head.account_id:
            return UnknownObject("POST", self.list_id)
        self._drop_expired(change.at)
        match change:
            case Block():
                return self._block(change)
            case Unblock():
                self._unblock(change)
            case NoteInbound():
                self._note_inbound(change)
            case Merge():
                self._link(change)
            case Copy():
                self._copy(change)
            case DropExpired():
                pass
            case Rekey():
                self._rekey(change)
        return _DONE

    def _block(self, change: Block) -> Outcome:
        members = [self._meant(member) for member in change.members]
        refused: dict[int, Refusal] = {}
        if change.max_size is not None or change.written_since is not None:
            on_list = {member.key for member in members if self._of(member.keys)}
            refused = dict(refusals(change, members, on_list, self.head.size, self._wrote_at))
        accepted = [member for index, member in enumerate(members) if index not in refused] if refused else members
        newest = max(change.at, self.head.version + len(accepted))
        added = 0
        for index, member in enumerate(accepted):
            former_keys = member.former_keys
            place = self._rekeyed(member, change.at) if former_keys else member.key
            row = self._rows.get(place)
            if row is None:
                self._put(_new_row(place, member, newest - index, change))
                self.head.version = max(self.head.version, newest - index)
                added += 1
            else:
                self._keep_details(row, member)
            if former_keys and self._beside_older:
                for row in self._of({*member.keys} - {place}):
                    self._keep_details(row, member)
        self.head.size += added
        return Outcome(refused) if refused else _DONE

    def _keep_details(self, row: Listed, member: Member) -> None:
        reason = row.reason if member.reason is None else member.reason
        note = row.note if member.note is None else member.note
        if (reason, note, member.expires_at) != (row.reason, row.note, row.expires_at):
            self._put(msgspec.structs.replace(row, reason=reason, note=note, expires_at=member.expires_at))

    def _unblock(self, change: Unblock) -> None:
        names = {name for member in change.members for name in _names(member, self._meanings)}
        gone = [name for name in names if name in self._rows]
        for name in gone:
            del self._rows[name]
        if gone:
            self._change(change.at, -len(gone))

    def _note_inbound(self, change: NoteInbound) -> None:
        times = [change.at] * len(change.members) if change.times is None else change.times
        for member, at in zip(change.members, times, strict=True):
            meant = self._meant(member)
            place = place_of(meant, beside_older=self._beside_older)
            self.wrote[place] = max(at, self.wrote.get(place, at))
            self._wrote_at[meant.key] = max(at, self._wrote_at.get(meant.key, at))

    def _keys(self, member: Member) -> tuple[str, ...]:
        """Whose rows are made one: beside older nodes a row under each key that one of them looks under stays."""
        return (place_of(member, beside_older=True),) if self._beside_older else member.keys

    def _rekeyed(self, member: Member, at: Microseconds) -> str:
        """Under which key the user's row is, or is to be: one row, unless older nodes need more."""
        if not self._beside_older and (former := self._of(member.former_keys)):
            known = next((row.user_id for row in former if row.user_id is not None), member.user_id)
            self._merge(msgspec.structs.replace(member, user_id=known), member.keys, at)
        return place_of(member, beside_older=self._beside_older)

    def _rekey(self, change: Rekey) -> None:
        for identity in change.identities:
            key = one_spelling(identity)
            if identity in self._rows:
                rows = self._of({identity, key})
                known = next((row.user_id for row in rows if row.user_id is not None), None)
                self._merge(Member(key, identity, known, identity), {identity, key}, change.at)
            if key in self._wrote_at:
                self.wrote[key] = self._wrote_at[key]
        self.forgotten += change.identities

    def _link(self, change: Merge) -> None:
        member, alias = change.member, change.alias
        row = self._rows.get(alias)  # it may show a newer one of the user's ids
        user_id = member.user_id or (None if row is None else row.user_id) or alias
        user = msgspec.structs.replace(member, user_id=user_id)
        self._merge(user, {*self._keys(member), alias}, change.at)

    def _merge(self, member: Member, names: Iterable[str], at: Microseconds) -> None:
        """Make one row of those under `names`: the earlier block, the later expiry."""
        rows = self._of(names)
        if not rows:  # it had expired
            return
        for row in rows:
            del self._rows[row.identity]
        for _ in rows[1:]:
            self._change(at, -1)
        first = rows[0]
        self._put(
            msgspec.structs.replace(
                first,
                identity=place_of(member, beside_older=self._beside_older),
                wa_id=first.wa_id or member.wa_id,
                user_id=member.user_id,
                expires_at=_later(rows),
            )
        )

    def _copy(self, change: Copy) -> None:
        current = change.current
        place = self._rekeyed(current, change.at)
        for row in self._of(change.names):
            known = self._rows.get(place)
            if known is None:
                self._change(change.at, 1)
                shown = current.wa_id or current.user_id or current.key
                self._put(
                    msgspec.structs.replace(
                        row,
                        identity=place,
                        seq=self.head.version,
                        wa_id=current.wa_id,
                        user_id=current.user_id,
                        input=shown,
                    )
                )
            elif known.expires_at != (latest := _later([known, row])):
                self._put(msgspec.structs.replace(known, expires_at=latest))

    def _of(self, names: Iterable[str]) -> list[Listed]:
        """The rows under `names`, the earliest first."""
        return sorted((self._rows[name] for name in set(names) if name in self._rows), key=lambda row: row.seq)

    def _put(self, row: Listed) -> None:
        self._rows[row.identity] = row
        self._changed.add(row.identity)
        if row.expires_at is not None:
            known = self.head.next_expiry
            self.head.next_expiry = row.expires_at if known is None else min(known, row.expires_at)

    def _change(self, at: Microseconds, grown_by: int) -> None:
        self.head.version = max(at, self.head.version + 1)
        self.head.size += grown_by

    def _drop_expired(self, at: Microseconds) -> None:
        """What is over does not count. Of rows that no change touches the database has dropped those before."""
        if self.head.next_expiry is None or self.head.next_expiry > at:
            return
        for row in [row for row in self._rows.values() if row.expired(at)]:
            del self._rows[row.identity]
            self.head.size -= 1

    def _meant(self, member: Member) -> Member:
        """`member` under the identity that its user_id is known by, if it is."""
        meaning = None if member.user_id is None else self._meanings.get(member.user_id)
        if meaning is None:
            return member
        if member.wa_id is None:
            return msgspec.structs.replace(member, key=one_spelling(meaning[0]), wa_id=meaning[1])
        # A request cannot make a user_id mean another number: that would carry one user's blocks over to another.
        return member if one_spelling(meaning[0]) == member.key else msgspec.structs.replace(member, user_id=None)


_DONE = Outcome()


def _names(member: Member, meanings: Mapping[str, Meaning]) -> Iterable[str]:
    yield from member.keys
    if member.user_id is not None:
        yield member.user_id
        if member.user_id in meanings:
            yield from keys_of(meanings[member.user_id][0])


def _new_row(place: str, member: Member, seq: int, change: Block) -> Listed:
    return Listed(
        place,
        seq,
        member.wa_id,
        member.user_id,
        member.input,
        change.at,
        change.by,
        member.reason,
        member.note,
        member.expires_at,
    )


def _later(rows: Sequence[Listed]) -> Microseconds | None:
    expiries = [row.expires_at for row in rows if row.expires_at is not None]
    return max(expiries) if len(expiries) == len(rows) else None
