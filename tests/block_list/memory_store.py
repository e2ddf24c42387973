"""`MemoryStore`: the whole promise of `BlockStore` but durability, in dictionaries and for one process."""

from collections.abc import Sequence

import msgspec

from wablock.block_list.ports import (
    Block,
    Carry,
    Change,
    InForce,
    Link,
    Member,
    Microseconds,
    NoteInbound,
    Outcome,
    Page,
    PageRequest,
    Row,
    Sweep,
    Unblock,
)
from wablock.block_list.rules import refusals
from wablock.contract.errors import BlocklistInternalError, UnknownObject
from wablock.contract.spellings import one_spelling
from wablock.contract.user_ids import is_parent_user_id


class _List:
    """One block list: its rows by identity."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.version = 0
        self.rows: dict[str, Row] = {}

    def in_force(self, at: Microseconds) -> list[Row]:
        """Newest first."""
        rows = (row for row in self.rows.values() if row.expires_at is None or row.expires_at > at)
        return sorted(rows, key=lambda row: row.seq, reverse=True)

    def drop_expired(self, at: Microseconds) -> None:
        kept = {row.seq for row in self.in_force(at)}
        self.rows = {key: row for key, row in self.rows.items() if row.seq in kept}

    def changed(self, at: Microseconds) -> None:
        self.version = max(at, self.version + 1)


class MemoryStore:
    """No method waits before it is finished, so each is one transaction. `in_trouble` makes all of them fail."""

    def __init__(self) -> None:
        self.in_trouble = False
        self.applied: list[Change] = []
        self._lists: dict[str, _List] = {}
        self._aliases: dict[tuple[str, str], Member] = {}
        self._last_inbound: dict[tuple[str, str], Microseconds] = {}

    async def apply(self, change: Change) -> Outcome:
        self._refuse_in_trouble()
        self.applied.append(change)
        match change:
            case Block():
                return self._block(change)
            case Unblock():
                self._unblock(change)
            case NoteInbound():
                self._note_inbound(change)
            case Link():
                self._learn(change)
            case Carry():
                self._carry(change)
            case Sweep():
                self._sweep(change)
        return Outcome()

    async def page(self, request: PageRequest) -> Page:
        self._refuse_in_trouble()
        listed = self._lists.get(request.list_id)
        if listed is None:
            return Page((), 0, has_previous=False, has_next=False)
        rows = listed.in_force(request.at)
        start = 0
        if request.before is not None:
            end = sum(row.seq > request.before for row in rows)
            start = max(end - request.limit, 0)
        else:
            if request.after is not None:
                start = sum(row.seq >= request.after for row in rows)
            end = min(start + request.limit, len(rows))
        found = rows[start:end]
        if not request.details:
            found = [Row(row.seq, row.wa_id, row.user_id) for row in found]
        expiries = [row.expires_at for row in rows if row.expires_at is not None]
        return Page(
            found,
            listed.version,
            has_previous=bool(found) and start > 0,
            has_next=bool(found) and end < len(rows),
            holds_until=min(expiries, default=None),
        )

    async def stamp(self, list_id: str) -> int:  # noqa: ARG002 - it counts for all lists
        self._refuse_in_trouble()
        return len(self.applied)

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        self._refuse_in_trouble()
        listed = self._lists.get(list_id)
        if listed is None:
            return [None] * len(users)
        in_force = {row.seq for row in listed.in_force(at)}
        rows = {key: row for key, row in listed.rows.items() if row.seq in in_force}
        found = [[rows[name] for name in self._names(account_id, user) & rows.keys()] for user in users]
        return [_earliest(of_one) for of_one in found]

    async def unlinked(self, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
        self._refuse_in_trouble()
        return [user for user in users if user.links and not self._is_known(account_id, user)]

    async def is_ready(self) -> bool:
        return not self.in_trouble

    def _refuse_in_trouble(self) -> None:
        if self.in_trouble:
            raise BlocklistInternalError

    def _block(self, change: Block) -> Outcome:
        listed = self._list(change.list_id, change.account_id, change.at)
        members = [self._resolved(change.account_id, member, change.at) for member in change.members]
        for member in members:
            _adopt(listed, member, change.at)
        refused = dict(refusals(change, members, listed.rows, len(listed.rows), self._wrote_at(change, members)))
        accepted = [member for index, member in enumerate(members) if index not in refused]
        newest = max(change.at, listed.version + len(accepted))
        for index, member in enumerate(accepted):
            if member.key not in listed.rows:
                listed.rows[member.key] = _row(member, change, newest - index)
                listed.version = max(listed.version, newest - index)
            else:
                listed.rows[member.key] = _with_details(listed.rows[member.key], member)
        return Outcome(refused)

    def _unblock(self, change: Unblock) -> None:
        listed = self._list(change.list_id, change.account_id, change.at)
        names = {name for member in change.members for name in self._names(change.account_id, member)}
        found = names & listed.rows.keys()
        for key in found:
            del listed.rows[key]
        if found:
            listed.changed(change.at)

    def _note_inbound(self, change: NoteInbound) -> None:
        self._list(change.phone_number_id, change.account_id, change.at)
        for member, at in zip(change.members, change.times or [change.at] * len(change.members), strict=True):
            place = change.phone_number_id, self._resolved(change.account_id, member, change.at).key
            self._last_inbound[place] = max(at, self._last_inbound.get(place, at))

    def _learn(self, change: Link) -> None:
        for member in change.members:
            if member.links:
                self._unite(change.account_id, member, change.at)

    def _unite(self, account_id: str, member: Member, at: Microseconds) -> None:
        user = self._meant(account_id, member) or member
        for alias in member.aliases:
            before = self._user(account_id, alias)
            if before is not None and before.key == user.key:
                continue
            if before is not None and before.wa_id is None:
                self._link(account_id, before.key, user, at)
                continue
            self._aliases[account_id, alias] = user
            if alias == member.user_id:
                self._merge(account_id, alias, user, at)
            if before is not None:
                self._copy(account_id, set(before.keys), user, at)

    def _carry(self, change: Carry) -> None:
        names = self._names(change.account_id, change.previous)
        previous, parent = self._meant(change.account_id, change.previous), change.previous.parent_user_id
        if previous is not None and parent is not None:
            self._aliases.setdefault((change.account_id, parent), previous)
        self._learn(Link(change.account_id, change.at, [change.current]))
        current = self._meant(change.account_id, change.current)
        if current is None or (current.wa_id is None and previous and previous.wa_id and change.previous.aliases):
            if previous is None:
                return
            user_id = change.current.user_id or (None if previous.wa_id else previous.user_id)
            parent_user_id = change.current.parent_user_id
            current = msgspec.structs.replace(previous, user_id=user_id, parent_user_id=parent_user_id)
            self._learn(Link(change.account_id, change.at, [current]))
        self._copy(change.account_id, names - set(current.keys), current, change.at)

    def _user(self, account_id: str, alias: str) -> Member | None:
        """Who is known by the id, under today's key; a user_id that nothing is known of is a user of its own."""
        known = self._aliases.get((account_id, alias))
        if known is not None:
            return _today(known)
        return None if is_parent_user_id(alias) else Member(alias, None, alias, alias)

    def _meant(self, account_id: str, member: Member) -> Member | None:
        """`member` as it is known; None for a parent id that means nobody yet."""
        if member.wa_id is not None:
            return member
        users = [user for alias in member.aliases if (user := self._user(account_id, alias)) is not None]
        if not users:
            return None
        user = next((user for user in users if user.wa_id is not None), min(users, key=lambda user: user.key))
        user_id = member.user_id or (None if user.wa_id is not None else user.key)
        return msgspec.structs.replace(member, key=user.key, wa_id=user.wa_id, user_id=user_id)

    def _is_known(self, account_id: str, member: Member) -> bool:
        key = member.key
        if member.wa_id is None and (account_id, key) in self._aliases:
            key = _today(self._aliases[account_id, key]).key
        known = [self._aliases.get((account_id, alias)) for alias in member.aliases if alias != key]
        return all(user is not None and _today(user).key == key for user in known)

    def _copy(self, account_id: str, names: set[str], current: Member, at: Microseconds) -> None:
        for listed in self._lists.values():
            if listed.account_id != account_id:
                continue
            listed.drop_expired(at)
            former = [listed.rows[name] for name in names & listed.rows.keys()]
            for row in sorted(former, key=lambda row: row.seq):
                _add_copy(listed, current, row, at)

    def _sweep(self, change: Sweep) -> None:
        for listed in self._lists.values():
            listed.drop_expired(change.at)
        self._last_inbound = {place: at for place, at in self._last_inbound.items() if at >= change.inbound_before}

    def _list(self, list_id: str, account_id: str, at: Microseconds) -> _List:
        listed = self._lists.setdefault(list_id, _List(account_id))
        if listed.account_id != account_id:
            raise UnknownObject("POST", list_id)
        listed.drop_expired(at)
        return listed

    def _wrote_at(self, change: Block, members: Sequence[Member]) -> dict[str, Microseconds]:
        """The last message of each of `members`, noted under the number or under any id known to be the same user."""
        wrote_at: dict[str, Microseconds] = {}
        for keys in {member.keys for member in members}:
            aliases = {alias for (_, alias), member in self._aliases.items() if member.key in keys}
            times = [self._last_inbound.get((change.list_id, name), -1) for name in {*keys, *aliases}]
            wrote_at[keys[0]] = max(times)
        return wrote_at

    def _names(self, account_id: str, user: Member) -> set[str]:
        names = {*user.keys, *user.aliases}
        for alias in user.aliases:
            known = self._user(account_id, alias)
            names |= set() if known is None else set(known.keys)
        return names

    def _resolved(self, account_id: str, member: Member, at: Microseconds) -> Member:
        """`member` under the identity it is known by; a number's user_id is learned first."""
        known = None if member.user_id is None else self._user(account_id, member.user_id)
        if known is None:
            return member
        if member.wa_id is None:
            return msgspec.structs.replace(member, key=known.key, wa_id=known.wa_id)
        if known.wa_id is None:
            self._link(account_id, known.key, member, at)
            return member
        return member if known.key == member.key else msgspec.structs.replace(member, user_id=None)

    def _link(self, account_id: str, alias: str, member: Member, at: Microseconds) -> None:
        """From now on the user_id `alias`, and what was linked to it, means `member`."""
        self._aliases[account_id, alias] = member
        for place, user in self._aliases.items():
            if place[0] == account_id and user.key == alias:
                self._aliases[place] = member
        self._merge(account_id, alias, member, at)

    def _merge(self, account_id: str, alias: str, member: Member, at: Microseconds) -> None:
        for listed in self._lists.values():
            if listed.account_id == account_id and listed.rows.keys() & {*member.keys, alias}:
                shown = listed.rows[alias].user_id if alias in listed.rows else alias
                user = msgspec.structs.replace(member, user_id=member.user_id or shown or alias)
                _merge(listed, user, {*member.keys, alias}, at)


def _earliest(rows: Sequence[Row]) -> InForce | None:
    if not rows:
        return None
    row = min(rows, key=lambda row: (row.blocked_at, row.seq))
    return InForce(row.blocked_at, row.reason, row.expires_at)


def _row(member: Member, change: Block, seq: int) -> Row:
    return Row(
        seq=seq,
        wa_id=member.wa_id,
        user_id=member.user_id,
        input=member.input,
        blocked_at=change.at,
        blocked_by=change.by,
        reason=member.reason,
        note=member.note,
        expires_at=member.expires_at,
    )


def _with_details(row: Row, member: Member) -> Row:
    """What a later block says of the user holds, and what it leaves out stays; but without an end it has none."""
    return msgspec.structs.replace(
        row, reason=member.reason or row.reason, note=member.note or row.note, expires_at=member.expires_at
    )


def _merge(listed: _List, member: Member, names: set[str], at: Microseconds) -> None:
    """One row, which knows both ids, of what may be two: the earlier block, the later expiry."""
    listed.drop_expired(at)
    rows = [listed.rows.pop(name) for name in names if name in listed.rows]
    if not rows:
        return
    earliest = min(rows, key=lambda row: row.seq)
    ends = [row.expires_at for row in rows if row.expires_at is not None]
    listed.rows[member.key] = msgspec.structs.replace(
        earliest,
        wa_id=earliest.wa_id or member.wa_id,
        user_id=member.user_id,
        expires_at=max(ends) if len(ends) == len(rows) else None,
    )
    if len(rows) > 1:
        listed.changed(at)


def _adopt(listed: _List, member: Member, at: Microseconds) -> None:
    """A row that the version before kept of the user lies under today's key from now on."""
    rows = [listed.rows[key] for key in set(member.former_keys) & listed.rows.keys()]
    if rows:
        user_ids = [row.user_id for row in (*rows, listed.rows.get(member.key)) if row is not None]
        known = next((user_id for user_id in user_ids if user_id is not None), None)
        _merge(listed, msgspec.structs.replace(member, user_id=known), {*member.keys, known or member.key}, at)


def _today(alias: Member) -> Member:
    return msgspec.structs.replace(alias, key=one_spelling(alias.key))


def _add_copy(listed: _List, current: Member, row: Row, at: Microseconds) -> None:
    _adopt(listed, current, at)
    known = listed.rows.get(current.key)
    if known is None:
        listed.changed(at)
        typed = current.wa_id or current.user_id or current.key
        listed.rows[current.key] = msgspec.structs.replace(
            row, seq=listed.version, wa_id=current.wa_id, user_id=current.user_id, input=typed
        )
        return
    ends = known.expires_at, row.expires_at
    longest = None if None in ends else max(end for end in ends if end is not None)
    listed.rows[current.key] = msgspec.structs.replace(known, expires_at=longest)
