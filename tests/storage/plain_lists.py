"""Block lists as plain Python: the model that a store is held against. No limits of memory, no durability, no SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
from tests.storage.changes import ACCOUNT

from wablock.block_list.ports import Block, Carry, Change, InForce, Link, Member, NoteInbound, Refusal, Sweep, Unblock


@dataclass
class Blocked:
    """A row, but for its `seq`: that is where it stands in its list."""

    key: str
    wa_id: str | None
    user_id: str | None
    input: str
    blocked_at: int
    reason: str | None
    expires_at: int | None

    def in_force(self, at: int) -> bool:
        return self.expires_at is None or self.expires_at > at


@dataclass
class PlainLists:
    """Every list of one account, newest user first."""

    lists: dict[str, list[Blocked]] = field(default_factory=dict)
    number_of: dict[str, Member] = field(default_factory=dict)
    wrote_at: dict[tuple[str, str], int] = field(default_factory=dict)

    def rows(self, list_id: str, at: int) -> list[Blocked]:
        return [row for row in self.lists.get(list_id, []) if row.in_force(at)]

    def blocked(self, list_id: str, member: Member, at: int) -> InForce | None:
        names = self._names(member)
        found = [row for row in reversed(self.rows(list_id, at)) if row.key in names]
        row = min(found, key=lambda row: row.blocked_at, default=None)
        return None if row is None else InForce(row.blocked_at, row.reason, row.expires_at)

    def unlinked(self, users: Sequence[Member]) -> list[Member]:
        return [user for user in users if user.links and self._is_news(user)]

    def apply(self, change: Change) -> dict[int, Refusal]:
        if isinstance(change, Sweep):
            self.wrote_at = {who: at for who, at in self.wrote_at.items() if at >= change.inbound_before}
            return {}
        assert change.account_id == ACCOUNT
        match change:
            case Block():
                return self._block(change, self._learned(change))
            case Unblock():
                gone = {name for member in change.members for name in self._names(member)}
                kept = [row for row in self.rows(change.list_id, change.at) if row.key not in gone]
                self.lists[change.list_id] = kept
            case NoteInbound():
                times = change.times or [change.at] * len(change.members)
                for member, at in zip(self._learned(change), times, strict=True):
                    who = (change.phone_number_id, member.key)
                    self.wrote_at[who] = max(at, self.wrote_at.get(who, 0))
            case Link():
                for member in change.members:
                    self._told(member, change.at)
            case Carry():
                self._carry(change)
        return {}

    def _block(self, change: Block, members: Sequence[Member]) -> dict[int, Refusal]:
        rows = {row.key: row for row in self.rows(change.list_id, change.at)}
        added: dict[str, Blocked] = {}
        refused: dict[int, Refusal] = {}
        for index, member in enumerate(members):
            row = rows.get(member.key) or added.get(member.key)
            if row is not None:
                row.reason = member.reason or row.reason
                row.expires_at = member.expires_at
            elif change.written_since is not None and self._wrote(change.list_id, member) < change.written_since:
                refused[index] = Refusal.NOT_WRITTEN_LATELY
            elif change.max_size is not None and len(rows) + len(added) >= change.max_size:
                refused[index] = Refusal.LIST_FULL
            else:
                added[member.key] = Blocked(
                    member.key,
                    member.wa_id,
                    member.user_id,
                    member.input,
                    change.at,
                    member.reason,
                    member.expires_at,
                )
        self.lists[change.list_id] = [*added.values(), *rows.values()]
        return refused

    def _names(self, member: Member) -> set[str]:
        """Every key under which the member may be listed."""
        number = self.number_of.get(member.user_id or "", member)
        return {member.key, member.user_id or member.key, number.key}

    def _learned(self, change: Block | NoteInbound) -> list[Member]:
        return [self._meant(self._linked(member, change.at)) for member in change.members]

    def _meant(self, member: Member) -> Member:
        """The member under its number, where that is known; without a user_id that is another number's."""
        number = self.number_of.get(member.user_id or "")
        if number is None or number.key == member.key:
            return member
        if member.wa_id is not None:
            return msgspec.structs.replace(member, user_id=None)
        return Member(
            number.key, number.wa_id, member.user_id, member.input, member.reason, member.note, member.expires_at
        )

    def _wrote(self, list_id: str, member: Member) -> int:
        names = [member.key, *(user_id for user_id, number in self.number_of.items() if number.key == member.key)]
        return max(self.wrote_at.get((list_id, name), -1) for name in names)

    def _linked(self, member: Member, at: int) -> Member:
        if member.links and member.user_id is not None and member.user_id not in self.number_of:
            self.number_of[member.user_id] = member
            for list_id in self.lists:
                self.lists[list_id] = self._merged(self.rows(list_id, at), member)
        return member

    def _is_news(self, member: Member) -> bool:
        known = self.number_of.get(member.user_id or "")
        return known is None or known.key != member.key

    def _told(self, member: Member, at: int) -> None:
        """WhatsApp says that `member` is one user, whatever was known before."""
        if member.links and self._is_news(member):
            before = self.number_of.pop(member.user_id or "", None)
            self._linked(member, at)
            if before is not None:
                self._copy({before.key}, member, at)

    def _carry(self, change: Carry) -> None:
        names, previous = self._names(change.previous), self._with_number(change.previous)
        self._told(change.current, change.at)
        current = self._with_number(change.current)
        if current.wa_id is None and previous.wa_id is not None and change.previous.user_id is not None:
            current = msgspec.structs.replace(previous, user_id=current.user_id)
            self._told(current, change.at)
        self._copy(names - {current.key}, current, change.at)

    def _with_number(self, member: Member) -> Member:
        return member if member.wa_id is not None else self._meant(member)

    def _copy(self, names: set[str], current: Member, at: int) -> None:
        for list_id in self.lists:
            rows = self.rows(list_id, at)
            for former in [row for row in reversed(rows) if row.key in names]:
                known = next((row for row in rows if row.key == current.key), None)
                if known is None:
                    typed = current.wa_id or current.user_id or current.key
                    copied = replace(former, key=current.key, wa_id=current.wa_id, user_id=current.user_id, input=typed)
                    rows.insert(0, copied)
                elif known.expires_at is not None:
                    end = former.expires_at
                    known.expires_at = None if end is None else max(end, known.expires_at)
            self.lists[list_id] = rows

    def _merged(self, rows: Sequence[Blocked], member: Member) -> list[Blocked]:
        same = [row for row in rows if row.key in (member.key, member.user_id)]
        if not same:
            return list(rows)
        kept = same[-1]  # newest first: the last is the earliest block
        expiries = [row.expires_at for row in same]
        kept.expires_at = None if None in expiries else max(at for at in expiries if at is not None)
        kept.key, kept.wa_id, kept.user_id = member.key, kept.wa_id or member.wa_id, member.user_id
        return [row for row in rows if row is kept or row not in same]
