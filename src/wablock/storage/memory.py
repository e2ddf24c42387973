"""`MemoryStore`: block lists in dictionaries, for one process."""

from collections.abc import Collection, Sequence
from functools import partial

import msgspec

from wablock.block_list.changes import Change
from wablock.block_list.event_chain import ChainEnd, NewEvent
from wablock.block_list.event_store import Chain, Span
from wablock.block_list.events import StoredEvent
from wablock.block_list.list_changes import names_of_member
from wablock.block_list.meanings import is_known, meanings_of
from wablock.block_list.pages import Page, PageRequest, Row
from wablock.block_list.ports import InForce, Listed, Member, Microseconds, Outcome
from wablock.block_list.shared_lists import (
    MOST_ATTACHED,
    Attached,
    Attachment,
    Removal,
    SharedList,
    in_force_on,
)
from wablock.block_list.transaction import Transaction
from wablock.storage.memory_tables import MemoryTables


class MemoryStore:
    """A `BlockStore`. No method awaits anything, so each is one transaction."""

    def __init__(self) -> None:
        self._tables = MemoryTables()
        self._stamp = 0

    async def close(self) -> None:
        """Nothing waits here."""

    async def apply(self, change: Change) -> Outcome:
        self._stamp += 1
        (outcome,) = Transaction(self._tables, [change]).apply()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def page(self, request: PageRequest) -> Page:
        head = self._tables.heads.get(request.list_id)
        if head is None:
            return Page((), 0, has_previous=False, has_next=False)
        rows = self._in_force(request.list_id, request.at)
        start, end = 0, len(rows)
        if request.before is not None:
            end = sum(row.seq > request.before for row in rows)
            start = max(end - request.limit, 0)
        else:
            start = 0 if request.after is None else sum(row.seq >= request.after for row in rows)
            end = min(start + request.limit, end)
        expiries = [row.expires_at for row in rows if row.expires_at is not None]
        return Page(
            [_shown(row, details=request.details) for row in rows[start:end]],
            head.version,
            has_previous=start < end and start > 0,
            has_next=start < end < len(rows),
            holds_until=min(expiries, default=None),
        )

    async def stamp(self, list_id: str) -> int:  # noqa: ARG002 - one stamp for all lists
        return self._stamp

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        meanings = meanings_of(users, partial(self._tables.find_meaning, account_id))
        names = [names_of_member(user, meanings) for user in users]
        own = self._earliest(list_id, names, at)
        attached = self._tables.attached(account_id, list_id)
        shared = [(it, self._earliest(it.list_id, names, at)) for it in attached]
        return [
            in_force_on(own[place], [(it, entry) for it, entries in shared if (entry := entries[place]) is not None])
            for place in range(len(users))
        ]

    async def add_list(self, new: SharedList, event: NewEvent | None = None) -> bool:
        lists = self._tables.shared.values()
        if any(it.account_id == new.account_id and it.name_key == new.name_key for it in lists):
            return False
        if new.list_id in self._tables.shared:
            return False
        self._tables.shared[new.list_id] = new
        self._tables.open(new.list_id, new.account_id, ())
        self._tables.add_event(new.list_id, event)
        return True

    async def shared_lists(self, account_id: str) -> Sequence[SharedList]:
        lists = [it for it in self._tables.shared.values() if it.account_id == account_id]
        return sorted(lists, key=lambda it: it.name_key)

    async def attachments(self, account_id: str) -> Sequence[Attachment]:
        own = [it for it in self._tables.attachments.values() if it.account_id == account_id]
        return sorted(own, key=lambda it: (it.phone_number_id or "", self._tables.shared[it.list_id].name))

    async def remove_list(self, account_id: str, list_id: str, event: NewEvent | None = None) -> Removal:
        found = self._tables.shared.get(list_id)
        if found is None or found.account_id != account_id:
            return Removal.UNKNOWN
        if any(it.list_id == list_id for it in self._tables.attachments.values()):
            return Removal.ATTACHED
        del self._tables.shared[list_id]
        self._tables.lists[list_id] = {}
        self._tables.add_event(list_id, event)
        self._tables.give_up(list_id)
        return Removal.REMOVED

    async def attach(self, attachment: Attachment, event: NewEvent | None = None) -> Attached:
        found = self._tables.shared.get(attachment.list_id)
        if found is None or found.account_id != attachment.account_id:
            return Attached.UNKNOWN
        place = attachment.phone_number_id, attachment.list_id
        if place in self._tables.attachments:
            return Attached.BEFORE
        if self._tables.most_attached(attachment) > MOST_ATTACHED:
            return Attached.TOO_MANY
        self._tables.attachments[place] = attachment
        self._tables.add_event(attachment.list_id, event)
        return Attached.ATTACHED

    async def detach(
        self, account_id: str, list_id: str, phone_number_id: str | None, event: NewEvent | None = None
    ) -> bool:
        found = self._tables.attachments.get((phone_number_id, list_id))
        if found is None or found.account_id != account_id:
            return False
        del self._tables.attachments[phone_number_id, list_id]
        self._tables.add_event(list_id, event)
        return True

    async def chains(self, account_id: str | None = None) -> Sequence[Chain]:
        chains = [self._tables.chain(list_id) for list_id in sorted(self._tables.heads)]
        return [it for it in chains if it is not None and account_id in (None, it.account_id)]

    async def chain(self, list_id: str) -> Chain | None:
        return self._tables.chain(list_id)

    async def lists_with_events(self) -> Sequence[str]:
        return sorted(list_id for list_id, events in self._tables.events.items() if events)

    async def events(self, list_id: str, span: Span) -> Sequence[StoredEvent]:
        events = [
            it
            for it in self._tables.events.get(list_id, ())
            if span.after < it.at < span.before and span.batch_id in (None, it.batch_id)
        ]
        return (events[::-1] if span.is_newest_first else events)[: span.most]

    async def delete_events(self, before: Microseconds, most: int) -> int:
        left = most
        for list_id, events in self._tables.events.items():
            old = [it for it in events if it.at < before][:left]
            if old:
                del events[: len(old)]
                self._tables.oldest[list_id] = ChainEnd(old[-1].at, old[-1].hash)
                left -= len(old)
        return most - left

    async def row(self, account_id: str, list_id: str, user: Member, at: Microseconds) -> Listed | None:
        names = names_of_member(user, meanings_of([user], partial(self._tables.find_meaning, account_id)))
        own = [row for row in self._in_force(list_id, at) if row.identity in names]
        return own[-1] if own else None

    async def unlinked(self, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
        identities = {alias: it[0] for (owner, alias), it in self._tables.aliases.items() if owner == account_id}
        return [user for user in users if user.links and not is_known(user, identities)]

    async def is_ready(self) -> bool:
        return True

    def _earliest(self, list_id: str, names: Sequence[Collection[str]], at: Microseconds) -> Sequence[InForce | None]:
        rows = {row.identity: row for row in self._in_force(list_id, at)}
        return [_earliest([rows[it] for it in of_user if it in rows]) for of_user in names]

    def _in_force(self, list_id: str, at: Microseconds) -> list[Listed]:
        """Newest first."""
        rows = self._tables.lists.get(list_id, {}).values()
        in_force = [row for row in rows if row.expires_at is None or row.expires_at > at]
        return sorted(in_force, key=lambda row: row.seq, reverse=True)


def _shown(row: Listed, *, details: bool) -> Row:
    if not details:
        return Row(row.seq, row.wa_id, row.user_id)
    return Row(*msgspec.structs.astuple(row)[1:])


def _earliest(rows: Sequence[Listed]) -> InForce | None:
    if not rows:
        return None
    row = min(rows, key=lambda row: (row.blocked_at, row.seq))
    return InForce(row.blocked_at, row.reason, row.expires_at)
