"""The tables of `MemoryStore`, in dictionaries. See `block_list.transaction.Tables`."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from wablock.block_list.changes import Block
from wablock.block_list.event_chain import ChainEnd, EventLog, NewEvent
from wablock.block_list.event_store import Chain
from wablock.block_list.events import StoredEvent
from wablock.block_list.idempotency import AnsweredRequest
from wablock.block_list.list_rows import Head
from wablock.block_list.list_state import ListState
from wablock.block_list.meanings import Meaning
from wablock.block_list.ports import Listed, Microseconds
from wablock.block_list.shared_lists import AttachedList, Attachment, ListKind, SharedList, most_in_force


class MemoryTables:
    """See `block_list.transaction.Tables`."""

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.lists: dict[str, dict[str, Listed]] = {}
        self.aliases: dict[tuple[str, str], Meaning] = {}
        self.shared: dict[str, SharedList] = {}
        self.attachments: dict[tuple[str | None, str], Attachment] = {}
        self.events: dict[str, list[StoredEvent]] = {}
        self.oldest: dict[str, ChainEnd] = {}
        """The last event of each list that was deleted because of its age."""
        self.former_accounts: dict[str, str] = {}
        """The accounts of lists that were removed."""
        self._last_inbound: dict[tuple[str, str], Microseconds] = {}
        self._answered: dict[tuple[str, bytes], AnsweredRequest] = {}

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
        self.events.setdefault(state.list_id, []).extend(state.events.written)

    def add_event(self, list_id: str, new: NewEvent | None) -> None:
        """Add an event to the chain of a list."""
        if new is not None:
            log = EventLog(list_id, self.heads[list_id])
            log.add(new.event, new.at)
            self.events.setdefault(list_id, []).extend(log.written)

    def give_up(self, list_id: str) -> None:
        """Take the list from its account, so that a change that was accepted just before fails."""
        head = self.heads[list_id]
        self.former_accounts[list_id] = head.account_id
        self.heads[list_id] = msgspec.structs.replace(head, account_id="", version=head.version + 1, size=0)

    def chain(self, list_id: str) -> Chain | None:
        """See `EventStore.chain`."""
        head = self.heads.get(list_id)
        if head is None or not head.event_at:
            return None
        former = self.former_accounts.get(list_id)
        oldest, newest = self.oldest.get(list_id, ChainEnd()), ChainEnd(head.event_at, head.event_hash)
        return Chain(list_id, former or head.account_id, oldest, newest, former is not None)

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

    def answered(self, list_id: str, key_hash: bytes) -> Iterable[AnsweredRequest]:
        found = self._answered.get((list_id, key_hash))
        return () if found is None else (found,)

    def add_answered(self, list_id: str, answered: Sequence[AnsweredRequest]) -> None:
        self._answered |= {(list_id, it.key_hash): it for it in answered}

    def forget_answered(self, before: Microseconds) -> None:
        self._answered = {place: it for place, it in self._answered.items() if it.at >= before}

    def find_meaning(self, account_id: str, alias: str) -> Meaning | None:
        return self.aliases.get((account_id, alias))

    def link(self, account_id: str, alias: str, meaning: Meaning) -> None:
        self.aliases[account_id, alias] = meaning

    def repoint(self, account_id: str, user_id: str, meaning: Meaning) -> None:
        for place, target in self.aliases.items():
            if place[0] == account_id and target[0] == user_id:
                self.aliases[place] = meaning
