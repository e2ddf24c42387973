"""Block lists as plain Python: the model that a store is held against. No limits of memory, no durability, no SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
from tests.storage.changes import ACCOUNT

from wablock.block_list.ports import (
    Block,
    Carry,
    Change,
    Effect,
    InForce,
    Link,
    Member,
    NoteInbound,
    Outcome,
    Refusal,
    Sweep,
    Unblock,
)

Shown = tuple[str, int, str | None, int | None]
"""What was typed of a blocked user, since when, why and until when."""


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
class Result:
    """What became of the users of a change."""

    refused: dict[int, Refusal] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    before: list[list[Shown]] = field(default_factory=list)

    def add(self, effect: Effect, before: Sequence[Blocked]) -> None:
        self.effects.append(effect)
        self.before.append([(row.input, row.blocked_at, row.reason, row.expires_at) for row in before])

    def refuse(self, index: int, refusal: Refusal) -> None:
        self.refused[index] = refusal
        self.add(Effect.REFUSED, [])

    @classmethod
    def of(cls, outcome: Outcome) -> "Result":
        """A store's outcome, as it is compared."""
        before = [[(row.input, row.blocked_at, row.reason, row.expires_at) for row in rows] for rows in outcome.before]
        return cls(dict(outcome.refused), list(outcome.effects), before)


@dataclass
class PlainLists:
    """Every list of one account, newest user first."""

    lists: dict[str, list[Blocked]] = field(default_factory=dict)
    users: dict[str, Member] = field(default_factory=dict)
    wrote_at: dict[tuple[str, str], int] = field(default_factory=dict)

    def rows(self, list_id: str, at: int) -> list[Blocked]:
        return [row for row in self.lists.get(list_id, []) if row.in_force(at)]

    def blocked(self, list_id: str, member: Member, at: int) -> InForce | None:
        names = self._names(member)
        found = [row for row in reversed(self.rows(list_id, at)) if row.key in names]
        row = min(found, key=lambda row: row.blocked_at, default=None)
        return None if row is None else InForce(row.blocked_at, row.reason, row.expires_at)

    def unlinked(self, users: Sequence[Member]) -> list[Member]:
        return [user for user in users if len(self._identities(user)) > 1 or self._is_parent_of_nobody(user)]

    def apply(self, change: Change) -> Result:
        if isinstance(change, Sweep):
            self.wrote_at = {who: at for who, at in self.wrote_at.items() if at >= change.inbound_before}
            return Result()
        assert change.account_id == ACCOUNT
        match change:
            case Block():
                return self._block(change, self._learned(change))
            case Unblock():
                return self._unblock(change)
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
        return Result()

    def _unblock(self, change: Unblock) -> Result:
        result = Result()
        rows = self.rows(change.list_id, change.at)
        for member in change.members:
            names = self._names(member)
            gone = [row for row in reversed(rows) if row.key in names]
            rows = [row for row in rows if row.key not in names]
            result.add(Effect.REMOVED if gone else Effect.NOT_THERE, gone)
        self.lists[change.list_id] = rows
        return result

    def _block(self, change: Block, members: Sequence[Member]) -> Result:
        rows = {row.key: row for row in self.rows(change.list_id, change.at)}
        added: dict[str, Blocked] = {}
        result = Result()
        for index, member in enumerate(members):
            row = rows.get(member.key) or added.get(member.key)
            if row is not None:
                before = replace(row)
                row.reason = member.reason or row.reason
                row.expires_at = member.expires_at
                result.add(Effect.UNCHANGED if row == before else Effect.UPDATED, [before])
            elif change.written_since is not None and self._wrote(change.list_id, member) < change.written_since:
                result.refuse(index, Refusal.NOT_WRITTEN_LATELY)
            elif change.max_size is not None and len(rows) + len(added) >= change.max_size:
                result.refuse(index, Refusal.LIST_FULL)
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
                result.add(Effect.ADDED, [])
        self.lists[change.list_id] = [*added.values(), *rows.values()]
        return result

    def _names(self, member: Member) -> set[str]:
        """Every key under which the member may be listed."""
        return {member.key, *member.aliases, *self._identities(member)}

    def _identities(self, member: Member) -> set[str]:
        """The key of each user whom one of the member's ids is known to mean."""
        keys = {user.key for alias in member.aliases if (user := self._user(alias)) is not None}
        return keys | {member.key} if member.wa_id is not None else keys

    def _user(self, alias: str) -> Member | None:
        """A user_id alone is a user; a parent id alone is none."""
        return self.users.get(alias) or (None if ".ENT." in alias else Member(alias, None, alias, alias))

    def _is_parent_of_nobody(self, member: Member) -> bool:
        parent = member.parent_user_id
        return parent is not None and member.key != parent and parent not in self.users

    def _learned(self, change: Block | NoteInbound) -> list[Member]:
        """Who the members are, whatever order they came in: every link that the request shows is learned before."""
        for member in change.members:
            self._requested(member, change.at)
        return [self._requested(member, change.at) for member in change.members]

    def _requested(self, member: Member, at: int) -> Member:
        """The member under its number, where that is known; without a user_id that is another number's."""
        user = None if member.user_id is None else self._user(member.user_id)
        if user is None:
            return member
        if member.wa_id is None:
            return msgspec.structs.replace(member, key=user.key, wa_id=user.wa_id)
        if user.wa_id is None:
            self._become(user.key, member, at)
            return member
        return member if user.key == member.key else msgspec.structs.replace(member, user_id=None)

    def _wrote(self, list_id: str, member: Member) -> int:
        names = [member.key, *(alias for alias, user in self.users.items() if user.key == member.key)]
        return max(self.wrote_at.get((list_id, name), -1) for name in names)

    def _become(self, user_id: str, user: Member, at: int) -> None:
        """The user who was known by `user_id` alone is `user`."""
        for alias in [user_id, *(alias for alias, known in self.users.items() if known.key == user_id)]:
            self.users[alias] = user
        for list_id in self.lists:
            self.lists[list_id] = self._merged(self.rows(list_id, at), user_id, user)

    def _told(self, member: Member, at: int) -> None:
        """WhatsApp says that `member` is one user, whatever was known before."""
        if not member.links:
            return
        user = self._known(member) or member
        for alias in member.aliases:
            before = self._user(alias)
            if before is None:
                self.users[alias] = user
            elif before.key != user.key and before.wa_id is None:
                self._become(before.key, user, at)
            elif before.key != user.key:
                self.users[alias] = user
                if alias == member.user_id:
                    self._become(alias, user, at)
                self._copy({before.key}, user, at)

    def _known(self, member: Member) -> Member | None:
        """The member by its number, where that is shown or known; None for a parent id of nobody."""
        if member.wa_id is not None:
            return member
        users = [user for alias in member.aliases if (user := self._user(alias)) is not None]
        if not users:
            return None
        with_number = [user for user in users if user.wa_id is not None]
        user = with_number[0] if with_number else min(users, key=lambda user: user.key)
        shown = member.user_id if user.wa_id is not None else member.user_id or user.key
        return msgspec.structs.replace(member, key=user.key, wa_id=user.wa_id, user_id=shown)

    def _carry(self, change: Carry) -> None:
        names, previous = self._names(change.previous), self._known(change.previous)
        if previous is not None and previous.parent_user_id is not None:
            self.users.setdefault(previous.parent_user_id, previous)
        self._told(change.current, change.at)
        current = self._known(change.current)
        if previous is not None and current is None:
            shown = previous.user_id if previous.wa_id is None else None
            current = msgspec.structs.replace(previous, user_id=shown, parent_user_id=change.current.parent_user_id)
            self._told(current, change.at)
        elif previous is not None and current is not None and self._is_new_id(change, previous, current):
            new = change.current
            current = msgspec.structs.replace(previous, user_id=new.user_id, parent_user_id=new.parent_user_id)
            self._told(current, change.at)
        if current is not None:
            self._copy(names - {current.key}, current, change.at)

    @staticmethod
    def _is_new_id(change: Carry, previous: Member, current: Member) -> bool:
        return current.wa_id is None and previous.wa_id is not None and bool(change.previous.aliases)

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

    def _merged(self, rows: Sequence[Blocked], user_id: str, user: Member) -> list[Blocked]:
        same = [row for row in rows if row.key in (user.key, user_id)]
        if not same:
            return list(rows)
        shown = [row.user_id for row in same if row.key == user_id]
        kept = same[-1]  # newest first: the last is the earliest block
        expiries = [row.expires_at for row in same]
        kept.expires_at = None if None in expiries else max(at for at in expiries if at is not None)
        kept.key, kept.wa_id = user.key, kept.wa_id or user.wa_id
        kept.user_id = user.user_id or (shown[0] if shown else None) or user_id
        return [row for row in rows if row is kept or row not in same]
