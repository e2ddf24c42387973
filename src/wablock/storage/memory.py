"""`MemoryStore`: block lists in dictionaries, for one process."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from wablock.block_list.changes import names_of_member
from wablock.block_list.list_rows import Head
from wablock.block_list.list_state import ListState
from wablock.block_list.meanings import Meaning, is_known, meanings_of
from wablock.block_list.pages import Page, PageRequest, Row
from wablock.block_list.ports import Block, Change, InForce, Listed, Member, Microseconds, Outcome
from wablock.block_list.shared_lists import (
    MOST_ATTACHED,
    Attached,
    AttachedList,
    Attachment,
    ListKind,
    Removal,
    SharedList,
    in_force_on,
    most_in_force,
)
from wablock.block_list.transaction import Transaction


class MemoryStore:
    """A `BlockStore`. No method awaits anything, so each is one transaction."""

    def __init__(self) -> None:
        self._tables = _Tables()
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

    async def add_list(self, new: SharedList) -> bool:
        lists = self._tables.shared.values()
        if any(it.account_id == new.account_id and it.name_key == new.name_key for it in lists):
            return False
        if new.list_id in self._tables.shared:
            return False
        self._tables.shared[new.list_id] = new
        self._tables.open(new.list_id, new.account_id, ())
        return True

    async def shared_lists(self, account_id: str) -> Sequence[SharedList]:
        lists = [it for it in self._tables.shared.values() if it.account_id == account_id]
        return sorted(lists, key=lambda it: it.name_key)

    async def attachments(self, account_id: str) -> Sequence[Attachment]:
        own = [it for it in self._tables.attachments.values() if it.account_id == account_id]
        return sorted(own, key=lambda it: (it.phone_number_id or "", self._tables.shared[it.list_id].name))

    async def remove_list(self, account_id: str, list_id: str) -> Removal:
        found = self._tables.shared.get(list_id)
        if found is None or found.account_id != account_id:
            return Removal.UNKNOWN
        if any(it.list_id == list_id for it in self._tables.attachments.values()):
            return Removal.ATTACHED
        del self._tables.shared[list_id]
        self._tables.lists[list_id] = {}
        self._tables.heads[list_id] = Head("", self._tables.heads[list_id].version + 1)
        return Removal.REMOVED

    async def attach(self, attachment: Attachment) -> Attached:
        found = self._tables.shared.get(attachment.list_id)
        if found is None or found.account_id != attachment.account_id:
            return Attached.UNKNOWN
        place = attachment.phone_number_id, attachment.list_id
        if place in self._tables.attachments:
            return Attached.BEFORE
        if self._tables.most_attached(attachment) > MOST_ATTACHED:
            return Attached.TOO_MANY
        self._tables.attachments[place] = attachment
        return Attached.ATTACHED

    async def detach(self, account_id: str, list_id: str, phone_number_id: str | None) -> bool:
        found = self._tables.attachments.get((phone_number_id, list_id))
        if found is None or found.account_id != account_id:
            return False
        del self._tables.attachments[phone_number_id, list_id]
        return True

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


class _Tables:
    """See `block_list.transaction.Tables`."""

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.lists: dict[str, dict[str, Listed]] = {}
        self.aliases: dict[tuple[str, str], Meaning] = {}
        self.shared: dict[str, SharedList] = {}
        self.attachments: dict[tuple[str | None, str], Attachment] = {}
        self._last_inbound: dict[tuple[str, str], Microseconds] = {}

    def open(self, list_id: str, account_id: str, identities: Collection[str]) -> tuple[Head, Iterable[Listed]]:
        self.lists.setdefault(list_id, {})
        head = msgspec.structs.replace(self.heads.setdefault(list_id, Head(account_id)))
        return head, self.rows(list_id, identities)

    def rows(self, list_id: str, identities: Collection[str]) -> Iterable[Listed]:
        rows = self.lists[list_id]
        return [rows[identity] for identity in identities if identity in rows]

    def lists_with(self, account_id: str, identities: Collection[str]) -> Sequence[str]:
        own = [list_id for list_id, head in self.heads.items() if head.account_id == account_id]
        return [list_id for list_id in own if not self.lists[list_id].keys().isdisjoint(identities)]

    def wrote_at(self, change: Block, keys: Mapping[str, str]) -> Mapping[str, Microseconds]:
        names = {name: name for name in keys}
        names |= {alias: key for (owner, alias), (key, _) in self.aliases.items() if owner == change.account_id}
        wrote_at: dict[str, Microseconds] = {}
        for (list_id, name), at in self._last_inbound.items():
            if list_id == change.list_id and (key := keys.get(names.get(name, name))) is not None:
                wrote_at[key] = max(at, wrote_at.get(key, at))
        return wrote_at

    def attached(self, account_id: str, phone_number_id: str) -> Sequence[AttachedList]:
        """The shared lists that are in force on the number."""
        here = [it for it in self.attachments.values() if it.account_id == account_id]
        lists = [self.shared[it.list_id] for it in here if it.phone_number_id in (None, phone_number_id)]
        return [AttachedList(it.list_id, it.kind, it.name) for it in sorted(set(lists), key=lambda it: it.name)]

    def most_attached(self, new: Attachment) -> int:
        """The most lists that would be in force on a number that `new` concerns."""
        numbers = (None, new.phone_number_id)
        own = [it for it in (*self.attachments.values(), new) if it.account_id == new.account_id]
        return most_in_force(
            (it.list_id, it.phone_number_id)
            for it in own
            if new.phone_number_id is None or it.phone_number_id in numbers
        )

    def allow_lists(self, list_id: str, account_id: str) -> Mapping[str, str]:
        return {it.list_id: it.name for it in self.attached(account_id, list_id) if it.kind is ListKind.ALLOW}

    def on_lists(
        self, list_ids: Collection[str], identities: Collection[str], at: Microseconds
    ) -> Iterable[tuple[str, str]]:
        rows = [(list_id, row) for list_id in list_ids for row in self.rows(list_id, identities)]
        return [(it, row.identity) for it, row in rows if row.expires_at is None or row.expires_at > at]

    def write(self, state: ListState) -> None:
        rows = self.lists[state.list_id]
        for identity in state.removed:
            del rows[identity]
        rows.update({row.identity: row for row in state.written})
        for identity, at in state.wrote.items():
            place = state.list_id, identity
            self._last_inbound[place] = max(at, self._last_inbound.get(place, at))
        self.heads[state.list_id] = msgspec.structs.replace(state.head)

    def delete_expired(self, list_id: str, at: Microseconds, most: int) -> tuple[int, Microseconds | None]:
        rows = self.lists[list_id]
        expired = [row for row in rows.values() if row.expires_at is not None and row.expires_at <= at]
        expired = expired if most < 0 else expired[:most]
        for row in expired:
            del rows[row.identity]
        expiries = [row.expires_at for row in rows.values() if row.expires_at is not None]
        return len(expired), min(expiries, default=None)

    def lists_with_expired(self, at: Microseconds) -> Sequence[tuple[str, str]]:
        return [
            (list_id, head.account_id)
            for list_id, head in self.heads.items()
            if head.next_expiry is not None and head.next_expiry <= at
        ]

    def forget_inbound(self, before: Microseconds) -> None:
        self._last_inbound = {place: at for place, at in self._last_inbound.items() if at >= before}

    def find_meaning(self, account_id: str, alias: str) -> Meaning | None:
        return self.aliases.get((account_id, alias))

    def link(self, account_id: str, alias: str, meaning: Meaning) -> None:
        self.aliases[account_id, alias] = meaning

    def repoint(self, account_id: str, user_id: str, meaning: Meaning) -> None:
        for place, target in self.aliases.items():
            if place[0] == account_id and target[0] == user_id:
                self.aliases[place] = meaning


def _shown(row: Listed, *, details: bool) -> Row:
    if not details:
        return Row(row.seq, row.wa_id, row.user_id)
    return Row(*msgspec.structs.astuple(row)[1:])


def _earliest(rows: Sequence[Listed]) -> InForce | None:
    if not rows:
        return None
    row = min(rows, key=lambda row: (row.blocked_at, row.seq))
    return InForce(row.blocked_at, row.reason, row.expires_at)
