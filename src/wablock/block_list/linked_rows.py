"""The rows of one list that links between ids change: merged, copied, or moved to another key."""

from collections.abc import Iterable, Sequence

import msgspec

from wablock.block_list.event_chain import EventLog, event
from wablock.block_list.events import EventKind
from wablock.block_list.list_changes import Copy, Merge, Rekey
from wablock.block_list.list_rows import Head, ListRows, place_of
from wablock.block_list.ports import Listed, Member, Microseconds
from wablock.contract.spellings import one_spelling

_NONE: Sequence[Listed] = ()


class LinkedRows(ListRows):
    """The rows of a list, and its new events."""

    def __init__(self, list_id: str, head: Head, *, beside_older: bool) -> None:
        """`beside_older`: nodes of the previous version use the list, and must find what is written now."""
        super().__init__(list_id, head)
        self._beside_older = beside_older
        self.events = EventLog(list_id, head)
        """The events to write."""

    def mark_written(self) -> None:
        super().mark_written()
        self.events.written = []

    def _rekeyed(self, member: Member, at: Microseconds) -> tuple[str, Sequence[Listed]]:
        """The key under which the user's row is stored; and the user's other rows, if older nodes still need them."""
        place = place_of(member, beside_older=self._beside_older)
        if self._beside_older:
            return place, self._of({*member.keys} - {place})
        if former := self._of(member.former_keys):
            user_id = next((row.user_id for row in former if row.user_id is not None), member.user_id)
            self._merge(msgspec.structs.replace(member, user_id=user_id), member.keys, at)
        return place, _NONE

    def _rekey(self, change: Rekey) -> None:
        for identity in change.identities:
            key = one_spelling(identity)
            if identity in self._rows:
                rows = self._of({identity, key})
                user_id = next((row.user_id for row in rows if row.user_id is not None), None)
                self._merge(Member(key, identity, user_id, identity), {identity, key}, change.at)

    def _apply_link(self, change: Merge | Copy) -> None:
        if isinstance(change, Merge):
            self._link(change)
        else:
            self._copy(change)

    def _link(self, change: Merge) -> None:
        member, alias = change.member, change.alias
        row = self._rows.get(alias)  # its user_id may be newer
        user_id = member.user_id or (None if row is None else row.user_id) or alias
        # Older nodes need a row under each key that they look for.
        keys = (place_of(member, beside_older=True),) if self._beside_older else member.keys
        names = {*keys, alias}
        before = self._of(names)
        merged = self._merge(msgspec.structs.replace(member, user_id=user_id), names, change.at)
        if merged is not None and before != [merged]:
            self.events.add(event(EventKind.LINK, source=None), change.at, [(before, merged)])

    def _merge(self, member: Member, names: Iterable[str], at: Microseconds) -> Listed | None:
        """Merge the rows under `names` into one, with the earliest block and the latest expiry.

        If there were several, the row counts as updated: undoing one of their blocks must not remove the others.
        """
        rows = self._of(names)
        if not rows:  # they had expired
            return None
        for row in rows:
            del self._rows[row.identity]
        for _ in rows[1:]:
            self.head.grow(at, -1)
        first = rows[0]
        merged = msgspec.structs.replace(
            first,
            identity=place_of(member, beside_older=self._beside_older),
            wa_id=first.wa_id or member.wa_id,
            user_id=member.user_id,
            expires_at=_latest_expiry(rows),
        )
        if len(rows) > 1:
            merged = msgspec.structs.replace(merged, updated_at=at, updated_by=None)
        self._put(merged)
        return merged

    def _copy(self, change: Copy) -> None:
        current = change.current
        place, _ = self._rekeyed(current, change.at)
        before = self._rows.get(place)
        for row in self._of(change.names):
            existing = self._rows.get(place)
            if existing is None:
                wa_id, user_id = current.wa_id, current.user_id
                seq, text = self.head.grow(change.at, 1), wa_id or user_id or current.key
                changed = {"identity": place, "seq": seq, "wa_id": wa_id, "user_id": user_id, "input": text}
                self._put(msgspec.structs.replace(row, **changed))
            elif existing.expires_at != (latest := _latest_expiry([existing, row])):
                self._put(msgspec.structs.replace(existing, expires_at=latest))
        after = self._rows.get(place)
        if after is not before:
            self.events.add(
                event(EventKind.CARRY, source=None), change.at, [((), after) if before is None else ((before,), after)]
            )


def _latest_expiry(rows: Sequence[Listed]) -> Microseconds | None:
    expiries = [row.expires_at for row in rows if row.expires_at is not None]
    return max(expiries) if len(expiries) == len(rows) else None
