"""`BlockList`: block, unblock, page, is_blocked. Every way into wablock goes through here."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from wablock.block_list import rules
from wablock.block_list.listings import Asked, Listing, RememberedListings, listing_of, marked_row, not_of_this_list
from wablock.block_list.ports import (
    Block,
    BlockStore,
    BusinessNumber,
    Carry,
    Change,
    InForce,
    Link,
    Member,
    Microseconds,
    NoteInbound,
    Outcome,
    PageRequest,
    Sweep,
    Unblock,
)
from wablock.block_list.rules import RuleBook
from wablock.contract import errors, identity, wire
from wablock.contract.user_ids import is_parent_user_id

Clock = Callable[[], Microseconds]


class Result(msgspec.Struct, frozen=True):
    """What became of a request's users: each is in one of the two lists, in the order they were sent."""

    done: list[wire.BlockedUserOperation]
    failed: list[wire.FailedUser]


class _MakeChange(Protocol):
    def __call__(self, members: Sequence[Member]) -> Change: ...


class BlockList:
    """The block lists of all business numbers, over one store."""

    def __init__(self, store: BlockStore, rule_book: RuleBook, clock: Clock) -> None:
        self._store = store
        self._rule_book = rule_book
        self._clock = clock
        self._remembered = RememberedListings()

    async def block(self, number: BusinessNumber, users: Sequence[wire.User], by: str) -> Result:
        """Block `users`; on return those in `done` are durably blocked. `by` is kept as who did it.

        Raises `InvalidParameter`, nothing done, for a parent user id.
        """
        rule_set = self._rule_book.of(number)
        now = self._clock()
        for index, user in enumerate(users):
            if user.expires_at is not None and user.expires_at * rules.SECOND <= now:
                raise errors.InvalidParameter(f"Param block_users[{index}][expires_at] must be in the future.")

        def change(members: Sequence[Member]) -> Change:
            return Block(
                number.phone_number_id,
                number.account_id,
                now,
                by,
                members,
                rule_set.max_size,
                None if rule_set.window is None else now - rule_set.window,
            )

        return await self._apply(number, users, change, rule_set)

    async def unblock(self, number: BusinessNumber, users: Sequence[wire.User]) -> Result:
        """Unblock `users`, by any spelling or id; a user who was not blocked is done as well.

        Raises `InvalidParameter`, nothing done, for a parent user id.
        """
        now = self._clock()

        def change(members: Sequence[Member]) -> Change:
            return Unblock(number.phone_number_id, number.account_id, now, members)

        return await self._apply(number, users, change, self._rule_book.of(number), may_be_own=True, may_be_listed=True)

    async def note_inbound(self, number: BusinessNumber, users: Sequence[wire.User], at: Microseconds | None) -> Result:
        """Remember that `users` wrote to the number, at `at` or now: `meta` rules let them be blocked for 24 hours.

        Raises `InvalidParameter`, nothing done, for a parent user id.
        """
        now = self._clock()
        if at is not None and at > now + 300 * rules.SECOND:
            raise errors.InvalidParameter("Param at is in the future.", "A message cannot have come later than now.")

        def change(members: Sequence[Member]) -> Change:
            return NoteInbound(number.phone_number_id, number.account_id, now if at is None else min(at, now), members)

        rule_set = self._rule_book.of(number)
        return await self._apply(number, users, change, rule_set, may_be_listed=True, parameter="users")

    async def note_messages(self, number: BusinessNumber, rows: Sequence[tuple[Member, Microseconds]]) -> None:
        """Write who sent a message to the number, and when; `rows` must not be empty."""
        members, times = zip(*rows, strict=True)
        await self._store.apply(NoteInbound(number.phone_number_id, number.account_id, max(times), members, times))

    async def learn(self, account_id: str, users: Iterable[Member]) -> None:
        """Learn that all ids of each user mean that one user; see `Link`. Durable on return."""
        linked = [user for user in users if user.links]
        # Not cached: another process may have changed a link.
        unknown = await self._store.unlinked(account_id, linked) if linked else ()
        if unknown:
            await self._store.apply(Link(account_id, self._clock(), unknown))

    async def carry(self, account_id: str, previous: Member, current: Member) -> None:
        """Give the blocks of `previous` to `current`, the user's new ids; see `Carry`. Durable on return."""
        await self._store.apply(Carry(account_id, self._clock(), previous, current))

    async def page(
        self, number: BusinessNumber, limit: int, after: str | None, before: str | None, *, details: bool = True
    ) -> Listing:
        """The newest `limit` users, or those next after or before a cursor; newest first always."""
        now = self._clock()
        asked = Asked(number.phone_number_id, number.rules, limit, after or None, before or None, details)
        stamp = await self._store.stamp(number.phone_number_id)
        listing = self._remembered.listing(asked, stamp, now)
        if listing is None:
            listing = await self._listing(asked, self._rule_book.of(number), now)
            self._remembered.remember(asked, listing, stamp, now)
        return listing

    def members(
        self, number: BusinessNumber, users: Sequence[wire.User], *, may_be_parent: bool = False
    ) -> tuple[list[Member], list[wire.FailedUser]]:
        """Who `users` are, as the number's country reads them, and apart from them those who are nobody.

        Digits alone are taken for a `wa_id` that WhatsApp shows, whatever their length. `may_be_parent`: a parent user
        id names the user that it was shown with.
        """
        members, failed = _members(users, number, may_be_own=True, may_be_listed=True)
        for index in list(failed):
            if may_be_parent and (parent := _parent_user_id(users[index])):
                del failed[index]
                members[index] = Member(parent, None, None, parent, parent_user_id=parent)
        return [members[index] for index in sorted(members)], list(failed.values())

    async def is_blocked(self, number: BusinessNumber, users: Sequence[wire.User]) -> list[bool]:
        """For each of `users`, whether it is blocked now; raises `UserFailure` for what names no user."""
        members = [
            _member(user, identity.of_item(user.user, user.user_id, number.country, may_be_listed=True))
            for user in users
        ]
        return [block is not None for block in await self.in_force(number, members)]

    async def in_force(self, number: BusinessNumber, members: Sequence[Member]) -> Sequence[InForce | None]:
        """For each of `members`, its block that holds now; None where it is not blocked."""
        return await self._store.blocked(number.account_id, number.phone_number_id, members, self._clock())

    async def sweep(self) -> None:
        """Free the space of what is over. Nothing that a caller can see depends on it."""
        now = self._clock()
        await self._store.apply(Sweep(now, now - rules.WINDOW_KEPT))

    async def _listing(self, asked: Asked, rule_set: rules.RuleSet, now: Microseconds) -> Listing:
        after = marked_row("after", asked.after, asked.list_id)
        before = marked_row("before", asked.before, asked.list_id)
        if after and before:
            raise errors.InvalidParameter(details="Send after or before, not both")
        request = PageRequest(
            asked.list_id,
            asked.limit,
            now,
            after.seq if after else None,
            before.seq if before else None,
            asked.details,
        )
        page = await self._store.page(request)
        marked = after or before
        if marked and marked.version > page.version:
            raise not_of_this_list("after" if after else "before")
        if marked and marked.version < page.version and rule_set.stable_pages:
            raise errors.BlocklistConcurrentUpdate
        return listing_of(page, after, before, asked.list_id)

    async def _apply(
        self,
        number: BusinessNumber,
        users: Sequence[wire.User],
        make_change: _MakeChange,
        rule_set: rules.RuleSet,
        *,
        may_be_own: bool = False,
        may_be_listed: bool = False,
        parameter: str = "block_users",
    ) -> Result:
        members, failed = _members(users, number, may_be_own=may_be_own, may_be_listed=may_be_listed)
        _refuse_parent_ids(users, failed, parameter)
        outcome = await self._store.apply(make_change(list(members.values()))) if members else Outcome()
        if not outcome.refused and not failed:
            return Result([_done(member) for member in members.values()], [])
        done: list[wire.BlockedUserOperation] = []
        for place, (index, member) in enumerate(members.items()):
            if place in outcome.refused:
                failed[index] = _failed(member.input, member, rules.failure(outcome.refused[place], rule_set))
            else:
                done.append(_done(member))
        return Result(done, [failed[index] for index in sorted(failed)])


def _members(
    users: Sequence[wire.User], number: BusinessNumber, *, may_be_own: bool, may_be_listed: bool
) -> tuple[dict[int, Member], dict[int, wire.FailedUser]]:
    """Who `users` are, and why some are nobody who can be blocked; both by their place in the request."""
    own_key = None if may_be_own or number.wa_id is None else identity.of_wa_id(number.wa_id).key
    country, read = number.country, identity.of_item
    members: dict[int, Member] = {}
    failed: dict[int, wire.FailedUser] = {}
    for index, user in enumerate(users):
        try:
            who = read(user.user, user.user_id, country, may_be_listed=may_be_listed)
            if who.key == own_key:
                failed[index] = _failed(user.user or "", who, errors.RecipientIsSender())
            else:
                members[index] = _member(user, who)
        except errors.UserFailure as failure:
            failed[index] = _failed(user.user or user.user_id or "", None, failure)
    return members, failed


def _parent_user_id(user: wire.User) -> str | None:
    """The parent id by which the user is named; a number beside it names the user alone."""
    name = user.user_id or "" if user.user is None else user.user
    return name if is_parent_user_id(name) else None


def _refuse_parent_ids(users: Sequence[wire.User], failed: Iterable[int], parameter: str) -> None:
    """As Meta does: a parent id fails the request, and not its user alone."""
    for index in sorted(failed):
        if parent := _parent_user_id(users[index]):
            place = f"{parameter}[{index}]"
            if parameter == "block_users":
                place += "[user_id]" if users[index].user is None else "[user]"
            raise errors.ParentUserId(place, parent)


def _member(user: wire.User, who: identity.Identity) -> Member:
    expires_at = None if user.expires_at is None else user.expires_at * rules.SECOND
    typed = user.user if user.user is not None else user.user_id or ""
    return Member(who.key, who.wa_id, who.user_id, typed, user.reason, user.note, expires_at)


def _done(member: Member) -> wire.BlockedUserOperation:
    if member.wa_id is None:
        return wire.BlockedUserOperation(member.input, user_id=member.input)
    return wire.BlockedUserOperation(member.input, member.wa_id)


def _failed(typed: str, who: Member | identity.Identity | None, failure: errors.UserFailure) -> wire.FailedUser:
    told = wire.UserError(failure.message, failure.code, wire.ErrorData(details=failure.details))
    failed = wire.FailedUser(input=typed, errors=[told])
    if who is not None and who.wa_id is not None:
        failed.wa_id = who.wa_id
    elif who is not None and who.user_id is not None:
        failed.user_id = who.user_id
    return failed
