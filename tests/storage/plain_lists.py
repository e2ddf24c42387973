"""Block lists as plain Python: the model that stores are compared with. No durability, no SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
from msgspec import UNSET
from tests.storage.changes import ACCOUNT

from wablock.block_list.changes import Block, Carry, Change, Edit, Link, NoteInbound, Sweep, Unblock
from wablock.block_list.ports import Effect, IfListed, InForce, Member, Outcome, Refusal
from wablock.block_list.shared_lists import ListKind, SharedList

Details = tuple[str, int, str | None, int | None]
"""A blocked user: the input, the time of the block, the reason and the expiry."""


@dataclass
class Blocked:
    """A row without `seq`: its place in the list stands for it."""

    key: str
    wa_id: str | None
    user_id: str | None
    input: str
    blocked_at: int
    reason: str | None
    expires_at: int | None
    updated_at: int | None = None
    updated_by: str | None = None
    source: str | None = None
    serial: int = 0
    """Newer rows have a larger one, and no two rows the same."""

    def in_force(self, at: int) -> bool:
        return self.expires_at is None or self.expires_at > at


@dataclass
class Result:
    """The outcome of a change, for each user."""

    refused: dict[int, Refusal] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    before: list[list[Details]] = field(default_factory=list)

    def add(self, effect: Effect, before: Sequence[Blocked]) -> None:
        self.effects.append(effect)
        self.before.append([(row.input, row.blocked_at, row.reason, row.expires_at) for row in before])

    def refuse(self, index: int, refusal: Refusal) -> None:
        self.refused[index] = refusal
        self.add(Effect.REFUSED, [])

    @classmethod
    def of(cls, outcome: Outcome) -> "Result":
        """A store's outcome, to compare with the model's."""
        before = [[(row.input, row.blocked_at, row.reason, row.expires_at) for row in rows] for rows in outcome.before]
        return cls(dict(outcome.refused), list(outcome.effects), before)


@dataclass
class PlainEvent:
    """What a request did: each user's rows before, and the first of them afterwards."""

    kind: str
    users: list[tuple[list[Blocked], Blocked | None]]


@dataclass
class PlainLists:
    """Every list of one account, newest user first."""

    lists: dict[str, list[Blocked]] = field(default_factory=dict)
    users: dict[str, Member] = field(default_factory=dict)
    wrote_at: dict[tuple[str, str], int] = field(default_factory=dict)
    shared: dict[str, SharedList] = field(default_factory=dict)
    attached: set[tuple[str | None, str]] = field(default_factory=set)
    """Numbers, or None for all, each with a shared list that is in force there."""
    events: dict[str, list[PlainEvent]] = field(default_factory=dict)
    """Of each list, the events of requests."""
    serials: int = 0

    def rows(self, list_id: str, at: int) -> list[Blocked]:
        return [row for row in self.lists.get(list_id, []) if row.in_force(at)]

    def row(self, list_id: str, member: Member, at: int) -> Blocked | None:
        names = self._names(member)
        return next((row for row in reversed(self.rows(list_id, at)) if row.key in names), None)

    def blocked(self, list_id: str, member: Member, at: int) -> InForce | None:
        """The block in force on the number `list_id`: the earliest of its own list, and of those that are attached."""
        lists = self.in_force_on(list_id)
        if any(self._entry(it.list_id, member, at) for it in lists if it.kind is ListKind.ALLOW):
            return None
        own = self._entry(list_id, member, at)
        entries = [] if own is None else [InForce(own.blocked_at, own.reason, own.expires_at)]
        entries += [
            InForce(row.blocked_at, row.reason, row.expires_at, it.list_id, it.name)
            for it in lists
            if it.kind is ListKind.BLOCK and (row := self._entry(it.list_id, member, at)) is not None
        ]
        return min(entries, key=lambda entry: entry.blocked_at, default=None)

    def in_force_on(self, number: str) -> list[SharedList]:
        """The shared lists that are in force on the number, by name."""
        lists = {list_id for place, list_id in self.attached if place in (None, number)}
        return sorted((self.shared[list_id] for list_id in lists), key=lambda it: it.name)

    def _entry(self, list_id: str, member: Member, at: int) -> Blocked | None:
        names = self._names(member)
        rows = [row for row in reversed(self.rows(list_id, at)) if row.key in names]
        return min(rows, key=lambda row: row.blocked_at, default=None)

    def _is_allowed(self, number: str, member: Member, at: int) -> bool:
        lists = [it for it in self.in_force_on(number) if it.kind is ListKind.ALLOW]
        return any(self._entry(it.list_id, member, at) is not None for it in lists)

    def unlinked(self, users: Sequence[Member]) -> list[Member]:
        return [user for user in users if len(self._identities(user)) > 1 or self._is_unlinked_parent(user)]

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
            case Edit():
                return self._edit(change)
            case NoteInbound():
                times = change.times or [change.at] * len(change.members)
                for member, at in zip(self._learned(change), times, strict=True):
                    who = (change.phone_number_id, member.key)
                    self.wrote_at[who] = max(at, self.wrote_at.get(who, 0))
            case Link():
                for member in change.members:
                    self._link(member, change.at)
            case Carry():
                self._carry(change)
        return Result()

    def _unblock(self, change: Unblock) -> Result:
        result = Result()
        users: list[tuple[list[Blocked], Blocked | None]] = []
        rows = self.rows(change.list_id, change.at)
        for member in change.members:
            names = self._names(member)
            removed = [row for row in reversed(rows) if row.key in names]
            rows = [row for row in rows if row.key not in names]
            result.add(Effect.REMOVED if removed else Effect.NOT_THERE, removed)
            users += [(removed, None)] if removed else []
        self.lists[change.list_id] = rows
        self._log(change.list_id, "unblock", users)
        return result

    def undo(self, list_id: str, index: int, at: int) -> Result:
        """Undo one of the list's events: users who are as the event left them get the rows of before."""
        result, users = Result(), []
        for before, after in self.events[list_id][index].users:
            rows = self.rows(list_id, at)
            member = self._named(before, after)
            names = self._names(member) | {row.key for row in before}
            current = [row for row in reversed(rows) if row.key in names]
            target = self._as_now([row for row in before if row.in_force(at)])
            is_new = not before and self.events[list_id][index].kind == "block"
            is_new = is_new and (after is None or after.updated_at is None)
            effect = _effect_of_undo(before, after, current, target, at, is_new=is_new)
            if effect is Effect.RESTORED and list_id not in self.shared and self._is_allowed(list_id, member, at):
                effect = Effect.REFUSED
                result.refused[len(result.effects)] = Refusal.ALLOWED
            result.effects.append(effect)
            if effect in (Effect.REMOVED, Effect.UPDATED, Effect.RESTORED):
                users.append(([replace(row) for row in current], replace(target[0]) if target else None))
                others = [row for row in rows if row not in current]
                self.lists[list_id] = sorted([*others, *target], key=lambda row: -row.serial)
        self._log(list_id, "undo", users)
        return result

    def _as_now(self, rows: Sequence[Blocked]) -> list[Blocked]:
        """The rows, under the keys that their users have now."""
        now: dict[str, Blocked] = {}
        for row in rows:
            user = None if row.wa_id is not None else self.users.get(row.key)
            key, wa_id = (row.key, row.wa_id) if user is None else (user.key, user.wa_id)
            now.setdefault(key, replace(row, key=key, wa_id=row.wa_id or wa_id))
        return list(now.values())

    def _named(self, before: Sequence[Blocked], after: Blocked | None) -> Member:
        """The user of an event: by the first row, and by a user_id that is not another number's now."""
        row = after or before[0]
        if row.wa_id is None:
            return Member(row.key, None, row.key, row.key)
        user_id = next((it.user_id for it in before if it.user_id is not None), None)
        user = None if user_id is None else self.users.get(user_id)
        return Member(row.key, row.wa_id, user_id if user is not None and user.key == row.key else None, row.key)

    def _log(self, list_id: str, kind: str, users: list[tuple[list[Blocked], Blocked | None]]) -> None:
        if users:
            self.events.setdefault(list_id, []).append(PlainEvent(kind, users))

    def _serial(self) -> int:
        self.serials += 1
        return self.serials

    def _block(self, change: Block, members: Sequence[Member]) -> Result:
        rows = {row.key: row for row in self.rows(change.list_id, change.at)}
        added: dict[str, Blocked] = {}
        users: dict[str, tuple[list[Blocked], Blocked | None]] = {}
        result = Result()
        for index, member in enumerate(members):
            row = rows.get(member.key) or added.get(member.key)
            if self._is_allowed(change.list_id, member, change.at) and change.list_id not in self.shared:
                result.refuse(index, Refusal.ALLOWED)
            elif row is not None:
                before = replace(row)
                if change.if_listed is not IfListed.KEEP:
                    keeps_reason = change.if_listed is IfListed.RENEW and member.reason is None
                    row.reason = row.reason if keeps_reason else member.reason
                    row.expires_at = member.expires_at
                result.add(_noted(row, before, change), [before])
                if row != before:
                    users[row.key] = users.get(row.key, ([before], None))[0], row
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
                    source=change.source,
                )
                result.add(Effect.ADDED, [])
                users[member.key] = [], added[member.key]
        for row in reversed(added.values()):
            row.serial = self._serial()
        self.lists[change.list_id] = [*added.values(), *rows.values()]
        self._log(change.list_id, "block", [(before, after and replace(after)) for before, after in users.values()])
        return result

    def _edit(self, change: Edit) -> Result:
        result = Result()
        names = self._names(change.member)
        rows = [row for row in reversed(self.rows(change.list_id, change.at)) if row.key in names]
        before = [replace(row) for row in rows]
        effects = []
        for row, earlier in zip(rows, before, strict=True):
            row.reason = row.reason if change.reason is UNSET else change.reason
            row.expires_at = row.expires_at if change.expires_at is UNSET else change.expires_at
            effects.append(_noted(row, earlier, change))
        result.add(max(effects, default=Effect.NOT_THERE, key=lambda effect: effect is Effect.UPDATED), before)
        if Effect.UPDATED in effects:
            self._log(change.list_id, "edit", [(before, replace(rows[0]))])
        return result

    def _names(self, member: Member) -> set[str]:
        """Every key under which the member may be listed."""
        return {member.key, *member.aliases, *self._identities(member)}

    def _identities(self, member: Member) -> set[str]:
        """The key of each user that one of the member's ids is linked to."""
        keys = {user.key for alias in member.aliases if (user := self._user(alias)) is not None}
        return keys | {member.key} if member.wa_id is not None else keys

    def _user(self, alias: str) -> Member | None:
        """The user that an alias means. A user_id without a link is a user; a parent id without a link is not."""
        return self.users.get(alias) or (None if ".ENT." in alias else Member(alias, None, alias, alias))

    def _is_unlinked_parent(self, member: Member) -> bool:
        parent = member.parent_user_id
        return parent is not None and member.key != parent and parent not in self.users

    def _learned(self, change: Block | NoteInbound) -> list[Member]:
        """The users of the request, after all of its links are stored: their order does not matter."""
        for member in change.members:
            self._requested(member, change.at)
        return [self._requested(member, change.at) for member in change.members]

    def _requested(self, member: Member, at: int) -> Member:
        """The member under its number, if that is known; without its user_id, if that is another number's."""
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
        """Link the user who had only `user_id` to `user`."""
        for alias in [user_id, *(alias for alias, other in self.users.items() if other.key == user_id)]:
            self.users[alias] = user
        for list_id in self.lists:
            self.lists[list_id] = self._merged(self.rows(list_id, at), user_id, user, at)

    def _link(self, member: Member, at: int) -> None:
        """Link all ids of `member`, as WhatsApp reports them. Older links to other users are replaced."""
        if not member.links:
            return
        user = self._linked(member) or member
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

    def _linked(self, member: Member) -> Member | None:
        """The member by its number, if it has one or is linked to one; None for a parent id without a link."""
        if member.wa_id is not None:
            return member
        users = [user for alias in member.aliases if (user := self._user(alias)) is not None]
        if not users:
            return None
        with_number = [user for user in users if user.wa_id is not None]
        user = with_number[0] if with_number else min(users, key=lambda user: user.key)
        user_id = member.user_id if user.wa_id is not None else member.user_id or user.key
        return msgspec.structs.replace(member, key=user.key, wa_id=user.wa_id, user_id=user_id)

    def _carry(self, change: Carry) -> None:
        names, previous = self._names(change.previous), self._linked(change.previous)
        if previous is not None and previous.parent_user_id is not None:
            self.users.setdefault(previous.parent_user_id, previous)
        self._link(change.current, change.at)
        current = self._linked(change.current)
        if previous is not None and current is None:
            user_id = previous.user_id if previous.wa_id is None else None
            current = msgspec.structs.replace(previous, user_id=user_id, parent_user_id=change.current.parent_user_id)
            self._link(current, change.at)
        elif previous is not None and current is not None and self._is_new_id(change, previous, current):
            new = change.current
            current = msgspec.structs.replace(previous, user_id=new.user_id, parent_user_id=new.parent_user_id)
            self._link(current, change.at)
        if current is not None:
            self._copy(names - {current.key}, current, change.at)

    @staticmethod
    def _is_new_id(change: Carry, previous: Member, current: Member) -> bool:
        return current.wa_id is None and previous.wa_id is not None and bool(change.previous.aliases)

    def _copy(self, names: set[str], current: Member, at: int) -> None:
        for list_id in self.lists:
            rows = self.rows(list_id, at)
            for former in [row for row in reversed(rows) if row.key in names]:
                own = next((row for row in rows if row.key == current.key), None)
                if own is None:
                    text = current.wa_id or current.user_id or current.key
                    copy = replace(former, key=current.key, wa_id=current.wa_id, user_id=current.user_id, input=text)
                    copy.serial = self._serial()
                    rows.insert(0, copy)
                elif own.expires_at is not None:
                    end = former.expires_at
                    own.expires_at = None if end is None else max(end, own.expires_at)
            self.lists[list_id] = rows

    def _merged(self, rows: Sequence[Blocked], user_id: str, user: Member, at: int) -> list[Blocked]:
        same = [row for row in rows if row.key in (user.key, user_id)]
        if not same:
            return list(rows)
        user_ids = [row.user_id for row in same if row.key == user_id]
        earliest = same[-1]  # newest first
        expiries = [row.expires_at for row in same]
        earliest.expires_at = None if None in expiries else max(at for at in expiries if at is not None)
        earliest.key, earliest.wa_id = user.key, earliest.wa_id or user.wa_id
        earliest.user_id = user.user_id or (user_ids[0] if user_ids else None) or user_id
        if len(same) > 1:
            earliest.updated_at, earliest.updated_by = at, None
        return [row for row in rows if row is earliest or row not in same]


def _effect_of_undo(
    before: Sequence[Blocked],
    after: Blocked | None,
    current: Sequence[Blocked],
    target: Sequence[Blocked],
    at: int,
    *,
    is_new: bool,
) -> Effect:
    if list(current) == list(target):
        return Effect.EXPIRED if before and not target else Effect.UNCHANGED
    left = [] if after is None or not after.in_force(at) else [after]
    was_changed = bool(left) and is_new and any(row.updated_at is not None for row in current[:1])
    if was_changed or [_content(row) for row in current[:1]] != [_content(row) for row in left]:
        is_same = [_content(row) for row in current] == [_content(row) for row in target]
        return Effect.UNCHANGED if is_same else Effect.CHANGED_SINCE
    if not target:
        return Effect.REMOVED
    return Effect.UPDATED if current else Effect.RESTORED


def _content(row: Blocked) -> tuple[int, str | None, int | None]:
    return row.serial, row.reason, row.expires_at


def _noted(row: Blocked, before: Blocked, change: Block | Edit) -> Effect:
    """Note who has changed the row, and when."""
    if row == before:
        return Effect.UNCHANGED
    row.updated_at, row.updated_by = change.at, change.by
    return Effect.UPDATED
