"""The rows of one list that the undoing of an event changes, and the events of requests."""

from collections.abc import Mapping, Sequence

import msgspec

from wablock.block_list.changes import Block, Edit, Unblock, Undo
from wablock.block_list.events import Event, EventKind, RowChange, new_salt
from wablock.block_list.linked_rows import LinkedRows
from wablock.block_list.list_changes import names_of_member
from wablock.block_list.list_rows import Head, place_of
from wablock.block_list.meanings import Meaning
from wablock.block_list.ports import Effect, Listed, Member, Microseconds, Outcome, Refusal
from wablock.block_list.undoing import CHANGES, effect_of_undo
from wablock.contract.spellings import one_spelling


class UndoneRows(LinkedRows):
    """The rows of a list. `meanings` are the users that the user_ids of the next change mean."""

    def __init__(self, list_id: str, head: Head, *, beside_older: bool) -> None:
        super().__init__(list_id, head, beside_older=beside_older)
        self.meanings: Mapping[str, Meaning] = {}
        self.allowed: Mapping[str, str] = {}
        """Users that the next change cannot block: by each of their ids, the name of the allow list that has them."""

    def meant(self, member: Member) -> Member:
        """`member` under the identity that its user_id means."""
        meaning = None if member.user_id is None else self.meanings.get(member.user_id)
        if meaning is None:
            return member
        if member.wa_id is None:
            return msgspec.structs.replace(member, key=one_spelling(meaning[0]), wa_id=meaning[1])
        # A request cannot make a user_id mean another number: that would carry one user's blocks over to another.
        return member if one_spelling(meaning[0]) == member.key else msgspec.structs.replace(member, user_id=None)

    def _undo(self, change: Undo) -> Outcome:
        effects: list[Effect] = []
        allowed_by: dict[int, str] = {}
        touched: list[RowChange] = []
        size = len(self._rows)
        for index, member in enumerate(change.members):
            user = self.meant(member)
            names = {*names_of_member(user, self.meanings), *(row.identity for row in change.before[index])}
            current, target = self._of(names), self._rows_to_restore(change.before[index], change.at)
            effect = effect_of_undo(change, index, current, target)
            if effect is Effect.RESTORED and (found := next((it for it in names if it in self.allowed), None)):
                effect, allowed_by[index] = Effect.REFUSED, self.allowed[found]
            effects.append(effect)
            if effect in CHANGES and not change.is_preview:
                for row in current:
                    del self._rows[row.identity]
                for row in target:
                    self._put(row)
                touched.append((current, target[0] if target else None))
        if touched:
            self.head.grow(change.at, len(self._rows) - size)
            self._log(EventKind.UNDO, change, touched)
        event_at = self.head.event_at if touched else None
        return Outcome(dict.fromkeys(allowed_by, Refusal.ALLOWED), effects, allowed_by=allowed_by, event_at=event_at)

    def _rows_to_restore(self, before: Sequence[Listed], at: Microseconds) -> list[Listed]:
        """Those of `before` that have not expired, under the identities that they have now; the earliest first."""
        rows: dict[str, Listed] = {}
        for row in sorted(before, key=lambda row: row.seq):
            if row.expires_at is None or row.expires_at > at:
                key = row.identity if row.wa_id is None else one_spelling(row.wa_id)
                user = self.meant(Member(key, row.wa_id, row.user_id, row.input))
                identity = place_of(user, beside_older=self._beside_older)
                rows.setdefault(
                    identity, msgspec.structs.replace(row, identity=identity, wa_id=row.wa_id or user.wa_id)
                )
        return list(rows.values())

    def _log(self, kind: EventKind, change: Block | Unblock | Edit | Undo, touched: Sequence[RowChange]) -> None:
        """Add the event of a change of a request."""
        cause = change.cause
        new = Event(
            kind=kind,
            salt=new_salt(),
            by=change.by,
            request_id=cause.request_id,
            on_behalf_of=cause.on_behalf_of,
            reason=cause.reason,
            source=change.source,
            undoes=change.undoes if isinstance(change, Undo) else None,
        )
        self.events.add(new, change.at, touched, change.batch_id)
