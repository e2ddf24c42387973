"""Which ids are one user, as requests and traffic show it, account by account.

A user_id or a parent id is an alias. It means a number, or, while no number is known, a user_id, under which the user's
rows lie. When that user_id is linked to a number or to another user_id, every alias that meant it is pointed there at
once, so that an alias is one step from its user. Two steps are possible only where a process of the version before
wrote the second.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apsw
import msgspec

from wablock.block_list.ports import Carry, Link, Member, Microseconds
from wablock.contract.spellings import keys_of, one_spelling
from wablock.contract.user_ids import is_parent_user_id
from wablock.storage.meanings import Meaning, carried_on, member_meant
from wablock.storage.sqlite.lists import Lists, ListState

_ALIAS = "SELECT identity, wa_id FROM identity_alias WHERE account_id = +? AND alias = +?"
_LINK = """
INSERT INTO identity_alias (account_id, alias, identity, wa_id) VALUES (?, ?, ?, ?)
ON CONFLICT (account_id, alias) DO UPDATE SET identity = excluded.identity, wa_id = excluded.wa_id
"""
_REPOINT = "UPDATE identity_alias SET identity = ?, wa_id = ? WHERE account_id = +? AND identity = +?"
_LISTS_WITH = """
SELECT DISTINCT block_list.list_id FROM block_list
JOIN blocked_user INDEXED BY blocked_user_identity
  ON blocked_user.list_id = block_list.list_id AND blocked_user.identity IN (+?, +?)
WHERE block_list.account_id = +?
"""
_ROWS_OF = """
SELECT seq, expires_at, identity, user_id FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (?, ?) ORDER BY seq
"""
_DROP_ROW = "DELETE FROM blocked_user WHERE list_id = +? AND seq = +?"
_UNDER_ANY = """
SELECT seq, expires_at, user_id FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (SELECT value FROM json_each(?)) ORDER BY seq
"""
# One statement for a request: nearly always it finds nothing, and a few for each user would take ten times as long.
_LATE_KEYS = """
SELECT late.value FROM json_each(?1) AS late
WHERE EXISTS (
  SELECT 1 FROM blocked_user INDEXED BY blocked_user_identity WHERE list_id = ?2 AND identity = late.value
) OR EXISTS (SELECT 1 FROM identity_alias WHERE account_id = ?3 AND identity = late.value)
"""
_REKEY_ALIASES = """
UPDATE identity_alias SET identity = ? WHERE account_id = +? AND identity IN (SELECT value FROM json_each(?))
"""
_MERGED_ROW = """
UPDATE blocked_user SET identity = ?, wa_id = coalesce(wa_id, ?), user_id = ?, expires_at = ?
WHERE list_id = +? AND seq = +?
"""

# Both driven from the few identities that are asked for; without INDEXED BY the whole list would be walked.
_LISTS_WITH_ANY = """
SELECT DISTINCT block_list.list_id FROM block_list
CROSS JOIN json_each(?1) AS asked
CROSS JOIN blocked_user INDEXED BY blocked_user_identity
WHERE block_list.account_id = ?2 AND blocked_user.list_id = block_list.list_id AND blocked_user.identity = asked.value
"""
_ROWS_OF_ANY = """
SELECT blocked_at, blocked_by, reason, note, expires_at FROM blocked_user INDEXED BY blocked_user_identity
WHERE list_id = +? AND identity IN (SELECT value FROM json_each(?)) ORDER BY seq
"""
_IS_LISTED = """
SELECT 1 FROM blocked_user INDEXED BY blocked_user_identity WHERE list_id = +? AND identity = +?
"""
_CARRY = """
INSERT INTO blocked_user
  (list_id, seq, identity, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (list_id, identity) DO UPDATE SET expires_at =
  CASE WHEN expires_at IS NULL OR excluded.expires_at IS NULL THEN NULL ELSE max(expires_at, excluded.expires_at) END
"""


class Links:
    """The links of all accounts, within one transaction."""

    def __init__(self, connection: apsw.Connection, lists: Lists) -> None:
        self._execute: Callable[..., Any] = connection.execute
        self._lists = lists

    def resolved(self, account_id: str, list_id: str, members: Sequence[Member], at: Microseconds) -> Sequence[Member]:
        """`members` under the identity that each is known by; links that a member shows are learned first.

        Rows of theirs that the version before wrote to the list lie under today's key then.
        """
        former_keys = [key for member in members for key in member.former_keys]
        if former_keys:
            late = {key for (key,) in self._execute(_LATE_KEYS, (_json(former_keys), list_id, account_id))}
            for member in members:
                if not late.isdisjoint(member.former_keys):
                    self._adopt(account_id, member, at)
        if all(member.user_id is None for member in members):
            return members
        return [self._known(account_id, member, at) for member in members]

    def names(self, account_id: str, members: Sequence[Member]) -> set[str]:
        """Every identity under which `members` may be listed; nothing is learned."""
        found = {key for member in members for key in member.keys}
        for member in members:
            for alias in member.aliases:
                meaning = self._meaning(account_id, alias)
                found |= {alias} if meaning is None else {alias, *keys_of(meaning[0])}
        return found

    def learn(self, change: Link) -> None:
        """See `Link`."""
        for member in change.members:
            if member.links:
                self._unite(change.account_id, member, change.at)

    def carry(self, change: Carry) -> None:
        """See `Carry`."""
        # Before anything is learned: where the user_id stays and the number is another, the link is about to change.
        names = self.names(change.account_id, [change.previous])
        previous = self._meant(change.account_id, change.previous)
        parent = change.previous.parent_user_id
        if previous is not None and parent is not None and self._alias(change.account_id, parent) is None:
            self._execute(_LINK, (change.account_id, parent, previous.key, previous.wa_id))
        self.learn(Link(change.account_id, change.at, [change.current]))
        current = self._meant(change.account_id, change.current)
        if (same := carried_on(change, previous, current)) is not None:
            current = same
            self.learn(Link(change.account_id, change.at, [current]))
        if current is not None:
            self._copy(change.account_id, names - set(current.keys), current, change.at)

    def _unite(self, account_id: str, member: Member, at: Microseconds) -> None:
        """From now on all ids that `member` shows mean one user."""
        self._adopt(account_id, member, at)
        user = self._meant(account_id, member) or member
        for alias in member.aliases:
            known = self._alias(account_id, alias)
            if alias == user.key or (known is not None and known[0] == user.key):
                continue
            meaning = self._meaning(account_id, alias)
            if meaning is not None and meaning[1] is None:
                self._link(account_id, meaning[0], user, at)
                continue
            if alias == member.user_id:
                self._link(account_id, alias, user, at)
            else:  # no row lies under a parent id
                self._execute(_LINK, (account_id, alias, user.key, user.wa_id))
            if meaning is not None and meaning[0] != user.key:
                self._copy(account_id, set(keys_of(meaning[0])), user, at)

    def _alias(self, account_id: str, alias: str) -> Meaning | None:
        """What the id was linked to: today's key of a number with its wa_id, or a user_id."""
        row = self._execute(_ALIAS, (account_id, alias)).fetchone()
        return None if row is None else (one_spelling(row[0]), row[1])

    def _meaning(self, account_id: str, alias: str) -> Meaning | None:
        """Who is known by the id: a user_id that nothing is known of is a user; a parent id is none."""
        meaning = self._alias(account_id, alias)
        if meaning is None:
            return None if is_parent_user_id(alias) else (alias, None)
        if meaning[1] is not None:
            return meaning
        return self._alias(account_id, meaning[0]) or meaning

    def _meant(self, account_id: str, member: Member) -> Member | None:
        """`member` under the identity that it is known by; None for a parent id that is not linked yet."""
        if member.wa_id is not None:
            return member
        meanings = [meaning for alias in member.aliases if (meaning := self._meaning(account_id, alias)) is not None]
        return member_meant(member, meanings)

    def _copy(self, account_id: str, names: set[str], current: Member, at: Microseconds) -> None:
        """Block `current` wherever one of `names` is: as the earliest of them, for as long as the longest."""
        self._adopt(account_id, current, at)
        asked = _json(names)
        for (list_id,) in self._execute(_LISTS_WITH_ANY, (asked, account_id)).fetchall():
            state = self._lists.get(list_id, account_id, at)  # without the rows that expired
            for block in self._execute(_ROWS_OF_ANY, (list_id, asked)).fetchall():
                self._add_copy(state, current, block, at)

    def _add_copy(self, state: ListState, current: Member, block: Sequence[Any], at: Microseconds) -> None:
        seq = max(at, state.version + 1)
        shown = current.key, current.wa_id, current.user_id, current.wa_id or current.user_id
        is_new = self._execute(_IS_LISTED, (state.list_id, current.key)).fetchone() is None
        self._execute(_CARRY, (state.list_id, seq, *shown, *block))
        if is_new:
            state.change(seq, 1)
        if block[-1] is not None:
            state.expires(block[-1])

    def _known(self, account_id: str, member: Member, at: Microseconds) -> Member:
        if member.user_id is None:
            return member
        key, wa_id = self._meaning(account_id, member.user_id) or (member.user_id, None)
        if member.wa_id is None:
            meant = msgspec.structs.replace(member, key=key, wa_id=wa_id)
            self._adopt(account_id, meant, at)
            return meant
        if wa_id is None:  # no number is known
            self._adopt(account_id, member, at)
            self._link(account_id, key, member, at)
            return member
        # A request cannot make a user_id mean another number: that would carry one user's blocks over to another.
        return member if key == member.key else msgspec.structs.replace(member, user_id=None)

    def _link(self, account_id: str, alias: str, member: Member, at: Microseconds) -> None:
        """From now on the user_id `alias` means `member`, and rows under either become one in every list."""
        self._execute(_LINK, (account_id, alias, member.key, member.wa_id))
        self._execute(_REPOINT, (member.key, member.wa_id, account_id, alias))
        for (list_id,) in self._execute(_LISTS_WITH, (member.key, alias, account_id)).fetchall():
            self._merge(self._lists.get(list_id, account_id, at), alias, member, at)

    def _adopt(self, account_id: str, member: Member, at: Microseconds) -> None:
        """What a process of the version before wrote of the user, beside this one, is put under today's key."""
        if not member.former_keys:
            return
        former, names = _json(member.former_keys), _json(member.keys)
        self._execute(_REKEY_ALIASES, (member.key, account_id, former))
        for (list_id,) in self._execute(_LISTS_WITH_ANY, (former, account_id)).fetchall():
            state = self._lists.get(list_id, account_id, at)  # without the rows that expired
            rows = self._execute(_UNDER_ANY, (list_id, names)).fetchall()
            known = next((user_id for _, _, user_id in rows if user_id is not None), None)
            user = msgspec.structs.replace(member, user_id=known)
            self._make_one(state, [row[:2] for row in rows], user, at)

    def _merge(self, state: ListState, alias: str, member: Member, at: Microseconds) -> None:
        """One row, which knows both ids, of what may be two: the earlier block, the later expiry."""
        rows = self._execute(_ROWS_OF, (state.list_id, member.key, alias)).fetchall()
        # The row may show a newer one of the user's ids.
        shown = next((user_id for *_, identity, user_id in rows if identity == alias and user_id is not None), alias)
        user = msgspec.structs.replace(member, user_id=member.user_id or shown)
        self._make_one(state, [row[:2] for row in rows], user, at)

    def _make_one(
        self, state: ListState, rows: Sequence[tuple[int, Microseconds | None]], member: Member, at: Microseconds
    ) -> None:
        """`rows` are the member's, each a seq and when it expires, the earliest first."""
        if not rows:  # it had expired
            return
        for seq, _ in rows[1:]:
            self._execute(_DROP_ROW, (state.list_id, seq))
            state.change(max(at, state.version + 1), -1)
        expiries = [expires_at for _, expires_at in rows if expires_at is not None]
        expires_at = max(expiries) if len(expiries) == len(rows) else None
        self._execute(_MERGED_ROW, (member.key, member.wa_id, member.user_id, expires_at, state.list_id, rows[0][0]))


def _json(names: Iterable[str]) -> str:
    return msgspec.json.encode(sorted(names)).decode()
