"""The state of one block list while changes are applied. Only this module, and `linked_rows`, `undone_rows` and
`undoing`, on which it is built, decide what a change does to a list.

A store loads the list's head and the rows that the changes may touch. It applies the changes one after the other, and
writes the result.
"""

from collections.abc import Mapping, Sequence

import msgspec

from wablock.block_list.changes import Block, Edit, NoteInbound, Unblock, Undo
from wablock.block_list.events import EventKind, RowChange
from wablock.block_list.list_changes import Copy, ListChange, Merge, Rekey, names_of_member
from wablock.block_list.list_rows import Head, place_of
from wablock.block_list.ports import Effect, IfListed, Listed, Member, Microseconds, Outcome, Refusal
from wablock.block_list.row_tags import tag_of
from wablock.block_list.undone_rows import UndoneRows
from wablock.contract.errors import UnknownObject
from wablock.contract.spellings import MAY_HAVE_FORMER_KEYS, one_spelling

_ADDED, _UPDATED, _UNCHANGED = Effect.ADDED, Effect.UPDATED, Effect.UNCHANGED
_REMOVED, _NOT_THERE, _REFUSED = Effect.REMOVED, Effect.NOT_THERE, Effect.REFUSED
_NONE: Sequence[Listed] = ()
_EDITABLE = ("reason", "note", "expires_at")
_DONE = Outcome()


class ListState(UndoneRows):
    """The list, and those of its rows that the changes may touch."""

    def __init__(self, list_id: str, head: Head, *, beside_older: bool = False) -> None:
        """See `LinkedRows`."""
        super().__init__(list_id, head, beside_older=beside_older)
        self._wrote_at: dict[str, Microseconds] = {}
        self.wrote: dict[str, Microseconds] = {}
        """The times to write at which users wrote to the number."""
        self.forgotten: list[str] = []
        """The identities whose times must be deleted."""

    @property
    def is_unwritten(self) -> bool:
        return bool(self.wrote) or self.has_changed

    def mark_written(self) -> None:
        super().mark_written()
        self.wrote, self.forgotten = {}, []

    def load_wrote_at(self, wrote_at: Mapping[str, Microseconds]) -> None:
        """Load when users last wrote to the number, under any of their keys."""
        for name, at in wrote_at.items():
            self._note(one_spelling(name), at)

    def apply(self, change: ListChange) -> Outcome | UnknownObject:
        """The outcome of `change`; `UnknownObject`, and nothing changed, if the list is not the account's."""
        if change.account_id != self.head.account_id:
            return UnknownObject("POST", self.list_id)
        if self.head.next_expiry is not None and self.head.next_expiry <= change.at:
            self._drop_expired(change.at)
        match change:
            case Block():
                return self._block_unless_allowed(change) if self.allowed else self._block(change)
            case Unblock():
                return self._unblock(change)
            case Edit():
                return self._edit(change)
            case Undo():
                return self._undo(change)
            case NoteInbound():
                self._note_inbound(change)
            case Rekey():
                self._rekey(change)
                self._rekey_times(change.identities)
            case Merge() | Copy():
                self._apply_link(change)
        return _DONE

    def _block_unless_allowed(self, change: Block) -> Outcome:
        """Refuse the members on an allow list, and block the others."""
        members, allowed_by = change.members, dict[int, str]()
        for index, member in enumerate(members):
            names = names_of_member(self.meant(member), self.meanings)
            if (found := next((name for name in names if name in self.allowed), None)) is not None:
                allowed_by[index] = self.allowed[found]
        others = [index for index in range(len(members)) if index not in allowed_by]
        outcome = self._block(msgspec.structs.replace(change, members=[members[index] for index in others]))
        refused = {others[place]: refusal for place, refusal in outcome.refused.items()}
        effects, before = [_REFUSED] * len(members), [_NONE] * len(members)
        for place, index in enumerate(others):
            effects[index], before[index] = outcome.effects[place], outcome.before[place]
        return Outcome(dict.fromkeys(allowed_by, Refusal.ALLOWED) | refused, effects, before, allowed_by=allowed_by)

    def _block(self, change: Block) -> Outcome:  # noqa: C901 - every POST needs it: one pass over the users
        rows, head = self._rows, self.head
        effects = [_ADDED] * len(change.members)
        before = [_NONE] * len(change.members)
        refused: dict[int, Refusal] = {}
        touched: dict[str, RowChange] = {}
        at, by, source, batch_id = change.at, change.cause.name(change.by), change.source, change.batch_id
        keeps, replaces = change.if_listed is IfListed.KEEP, change.if_listed is IfListed.REPLACE
        has_preconditions = change.max_size is not None or change.written_since is not None
        seq = newest = max(at, head.version + len(change.members))
        for index, member in enumerate(change.members):
            if member.user_id is not None:
                member = self.meant(member)  # noqa: PLW2901 - the user that the ids mean
            place, listed = member.key, _NONE
            if place[0] in MAY_HAVE_FORMER_KEYS and member.former_keys:
                place, listed = self._rekeyed(member, at)
            row = rows.get(place)
            if row is not None:
                listed = (row, *listed)
            elif (
                not listed
                and has_preconditions
                and (refusal := self._refusal(change, member, newest - seq)) is not None
            ):
                refused[index] = refusal
                effects[index] = _REFUSED
                continue
            else:
                expires_at = member.expires_at
                typed, reason, note = member.input, member.reason, member.note
                wa_id, user_id = member.wa_id, member.user_id
                rows[place] = row = Listed(
                    place, seq, wa_id, user_id, typed, at, by, reason, note, expires_at, None, None, source, batch_id
                )
                touched[place] = _NONE, row
                if expires_at is not None:
                    head.expires(expires_at)
                seq -= 1
            if listed:
                before[index] = listed
                # A block without details can renew only an expiry.
                may_change = not keeps and (replaces or head.next_expiry is not None or member.has_details)
                effect = effects[index] = self._update(change, listed, member) if may_change else _UNCHANGED
                if effect is _UPDATED:
                    first = listed[0].identity
                    touched[first] = touched.get(first, (listed, None))[0], rows[first]
        if seq < newest:
            head.version = newest
            head.size += newest - seq
            self._has_new = True
        elif replaces and _UPDATED in effects:
            head.grow(at, 0)
        if touched:
            self._log(EventKind.BLOCK, change, [*touched.values()])
        return Outcome(refused, effects, before)

    def _refusal(self, change: Block, member: Member, added: int) -> Refusal | None:
        """Why `member`, who is not on the list, may not be blocked. The change has added `added` users before."""
        if change.written_since is not None and self._wrote_at.get(member.key, -1) < change.written_since:
            return Refusal.NOT_WRITTEN_LATELY
        if change.max_size is not None and self.head.size + added >= change.max_size:
            return Refusal.LIST_FULL
        return None

    def _update(self, change: Block, rows: Sequence[Listed], member: Member) -> Effect:
        """Replace or renew the details of a user who is on the list; see `IfListed`."""
        renews = change.if_listed is IfListed.RENEW
        by = change.cause.name(change.by)
        effect = _UNCHANGED
        for row in rows:
            reason = row.reason if renews and member.reason is None else member.reason
            note = row.note if renews and member.note is None else member.note
            if (reason, note, member.expires_at) != (row.reason, row.note, row.expires_at):
                updated = msgspec.structs.replace(row, reason=reason, note=note, expires_at=member.expires_at)
                self._put(msgspec.structs.replace(updated, updated_at=change.at, updated_by=by))
                effect = _UPDATED
        return effect

    def _edit(self, change: Edit) -> Outcome:
        rows = self._of(names_of_member(change.member, self.meanings))
        if not rows:
            return Outcome({}, [_NOT_THERE], [_NONE])
        values = {name: value for name in _EDITABLE if (value := getattr(change, name)) is not msgspec.UNSET}
        edited = [msgspec.structs.replace(row, **values) for row in rows]
        if edited == rows:
            return Outcome({}, [_UNCHANGED], [rows], rows[0])
        if change.expected is not None and tag_of(rows[0]) not in change.expected:
            return Outcome({0: Refusal.CHANGED}, [_REFUSED], [rows], rows[0])
        by = change.cause.name(change.by)
        for row, new in zip(rows, edited, strict=True):
            if new != row:
                self._put(msgspec.structs.replace(new, updated_at=change.at, updated_by=by))
        self.head.grow(change.at, 0)
        first = self._rows[rows[0].identity]
        self._log(EventKind.EDIT, change, [(rows, first)])
        return Outcome({}, [_UPDATED], [rows], first)

    def _unblock(self, change: Unblock) -> Outcome:
        rows = self._rows
        size = len(rows)
        before = [self._taken(names_of_member(member, self.meanings)) for member in change.members]
        if len(rows) < size:
            self.head.grow(change.at, len(rows) - size)
            self._log(EventKind.UNBLOCK, change, [(listed, None) for listed in before if listed])
        return Outcome({}, [_REMOVED if listed else _NOT_THERE for listed in before], before)

    def _note_inbound(self, change: NoteInbound) -> None:
        times = [change.at] * len(change.members) if change.times is None else change.times
        for member, at in zip(change.members, times, strict=True):
            user = self.meant(member)
            place = place_of(user, beside_older=self._beside_older)
            self.wrote[place] = max(at, self.wrote.get(place, at))
            self._note(user.key, at)

    def _rekey_times(self, identities: Sequence[str]) -> None:
        keys = [key for key in map(one_spelling, identities) if key in self._wrote_at]
        self.wrote |= {key: self._wrote_at[key] for key in keys}
        self.forgotten += identities

    def _note(self, key: str, at: Microseconds) -> None:
        self._wrote_at[key] = max(at, self._wrote_at.get(key, at))

    def _drop_expired(self, at: Microseconds) -> None:
        """Remove expired rows, which do not count. The store has deleted those that no change touches."""
        for row in self._expired(at):
            del self._rows[row.identity]
            self.head.size -= 1
