"""`BlockList`, the service that every front end uses, and the only writer of lists."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from wablock.block_list import rules
from wablock.block_list.listings import Listing, ListingCache, ListingKey, listing_of, marked_row, not_of_this_list
from wablock.block_list.ports import (
    Block,
    BusinessNumber,
    Carry,
    Change,
    Effect,
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
from wablock.block_list.store import BlockStore
from wablock.contract import errors, identity, wire
from wablock.contract.user_ids import is_parent_user_id

Clock = Callable[[], Microseconds]


class Result(msgspec.Struct, frozen=True):
    """The result for a request's users: each is in one of the two lists, in the order of the request.

    `effects` has what the change did to each user in `done`.
    """

    done: list[wire.BlockedUserOperation]
    failed: list[wire.FailedUser]
    effects: Sequence[Effect] = ()


class _Readable(msgspec.Struct, frozen=True):
    """The users that a request may name: also the business's `own` number, or digits as `listed` on a page."""

    own: bool = False
    listed: bool = False
    parameter: str = "block_users"


_TO_BLOCK: Final = _Readable()
_TO_UNBLOCK: Final = _Readable(own=True, listed=True)
_TO_NOTE: Final = _Readable(listed=True, parameter="users")
_TO_CHECK: Final = _Readable(own=True, listed=True)


class BlockList:
    """The block lists of all business numbers, over one store."""

    def __init__(self, store: BlockStore, rule_book: RuleBook, clock: Clock) -> None:
        self._store = store
        self._rule_book = rule_book
        self._clock = clock
        self._listings = ListingCache()

    async def block(self, number: BusinessNumber, users: Sequence[wire.User], by: str) -> Result:
        """Block `users`. On return those in `done` are durably blocked. `by` is stored as the one who blocked them.

        Raises `InvalidParameter`, and changes nothing, for a parent user id.
        """
        rule_set = self._rule_book.of(number)
        now = self._clock()
        for index, user in enumerate(users):
            if user.expires_at is not None and wire.seconds_of(user.expires_at) * rules.SECOND <= now:
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

        return await self._apply(number, users, change, _TO_BLOCK)

    async def unblock(self, number: BusinessNumber, users: Sequence[wire.User]) -> Result:
        """Unblock `users`, by any spelling or id. Users who were not blocked are in `done` as well.

        Raises `InvalidParameter`, and changes nothing, for a parent user id.
        """
        now = self._clock()

        def change(members: Sequence[Member]) -> Change:
            return Unblock(number.phone_number_id, number.account_id, now, members)

        return await self._apply(number, users, change, _TO_UNBLOCK)

    async def note_inbound(self, number: BusinessNumber, users: Sequence[wire.User], at: Microseconds | None) -> Result:
        """Record that `users` wrote to the number, at `at` or now. With `meta` rules they can be blocked for 24 hours.

        Raises `InvalidParameter`, and changes nothing, for a parent user id.
        """
        now = self._clock()
        if at is not None and at > now + 300 * rules.SECOND:
            raise errors.InvalidParameter("Param at is in the future.", "A message cannot arrive later than now.")

        def change(members: Sequence[Member]) -> Change:
            return NoteInbound(number.phone_number_id, number.account_id, now if at is None else min(at, now), members)

        return await self._apply(number, users, change, _TO_NOTE)

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
        """The newest `limit` users, or those next after or before a cursor; always newest first."""
        now = self._clock()
        key = ListingKey(number.phone_number_id, number.rules, limit, after or None, before or None, details)
        stamp = await self._store.stamp(number.phone_number_id)
        listing = self._listings.listing(key, stamp, now)
        if listing is None:
            listing = await self._listing(key, self._rule_book.of(number), now)
            self._listings.add(key, listing, stamp, now)
        return listing

    def members(
        self, number: BusinessNumber, users: Sequence[wire.User], *, may_be_parent: bool = False
    ) -> tuple[list[Member], list[wire.FailedUser]]:
        """The members that `users` mean, read as in the number's country; and a failure for each that is not valid.

        Digits alone are read as a `wa_id`, of any length. `may_be_parent`: a parent user id means the user that it is
        linked to.
        """
        members, failed = _members(users, number, _TO_CHECK)
        for index in list(failed):
            if may_be_parent and (parent := _parent_user_id(users[index])):
                del failed[index]
                members[index] = Member(parent, None, None, parent, parent_user_id=parent)
        return [members[index] for index in sorted(members)], list(failed.values())

    def member(self, number: BusinessNumber, user: wire.User) -> Member:
        """The member that `user` means, as in `members`, or by a parent user id. Raises `UserFailure`."""
        try:
            return _member(user, identity.of_item(user.user, user.user_id, number.country, may_be_listed=True))
        except errors.UserFailure:
            parent = _parent_user_id(user)
            if parent is None:
                raise
            return Member(parent, None, None, parent, parent_user_id=parent)

    async def is_blocked(self, number: BusinessNumber, users: Sequence[wire.User]) -> list[bool]:
        """For each of `users`, whether it is blocked now. Raises `UserFailure` if one is not a valid user."""
        members = [
            _member(user, identity.of_item(user.user, user.user_id, number.country, may_be_listed=True))
            for user in users
        ]
        return [block is not None for block in await self.in_force(number, members)]

    async def in_force(self, number: BusinessNumber, members: Sequence[Member]) -> Sequence[InForce | None]:
        """For each of `members`, its block in force now; None if it is not blocked."""
        return await self._store.blocked(number.account_id, number.phone_number_id, members, self._clock())

    async def sweep(self) -> None:
        """Delete expired rows. No result depends on it."""
        now = self._clock()
        await self._store.apply(Sweep(now, now - rules.WINDOW_KEPT))

    async def _listing(self, key: ListingKey, rule_set: rules.RuleSet, now: Microseconds) -> Listing:
        after = marked_row("after", key.after, key.list_id)
        before = marked_row("before", key.before, key.list_id)
        if after and before:
            raise errors.InvalidParameter(details="Send after or before, not both.")
        request = PageRequest(
            key.list_id,
            key.limit,
            now,
            after.seq if after else None,
            before.seq if before else None,
            key.details,
        )
        page = await self._store.page(request)
        marked = after or before
        if marked and marked.version > page.version:
            raise not_of_this_list("after" if after else "before")
        if marked and marked.version < page.version and rule_set.stable_pages:
            raise errors.BlocklistConcurrentUpdate
        return listing_of(page, after, before, key.list_id)

    async def _apply(
        self,
        number: BusinessNumber,
        users: Sequence[wire.User],
        make_change: Callable[[Sequence[Member]], Change],
        readable: _Readable,
    ) -> Result:
        members, failed = _members(users, number, readable)
        _refuse_parent_ids(users, failed, readable.parameter)
        outcome = await self._store.apply(make_change(list(members.values()))) if members else Outcome()
        if not outcome.refused and not failed:
            return Result([_done(member) for member in members.values()], [], outcome.effects)
        rule_set = self._rule_book.of(number)
        done: list[wire.BlockedUserOperation] = []
        effects = [effect for effect in outcome.effects if effect is not Effect.REFUSED]
        for place, (index, member) in enumerate(members.items()):
            if place in outcome.refused:
                failed[index] = _failed(member.input, member, rules.failure(outcome.refused[place], rule_set))
            else:
                done.append(_done(member))
        return Result(done, [failed[index] for index in sorted(failed)], effects)


def _members(
    users: Sequence[wire.User], number: BusinessNumber, readable: _Readable
) -> tuple[dict[int, Member], dict[int, wire.FailedUser]]:
    """The members that `users` mean, and the failures of the others; both by their place in the request."""
    own_key = None if readable.own or number.wa_id is None else identity.of_wa_id(number.wa_id).key
    country, read = number.country, identity.of_item
    members: dict[int, Member] = {}
    failed: dict[int, wire.FailedUser] = {}
    for index, user in enumerate(users):
        try:
            who = read(user.user, user.user_id, country, may_be_listed=readable.listed)
            if who.key == own_key:
                failed[index] = _failed(user.user or "", who, errors.RecipientIsSender())
            else:
                members[index] = _member(user, who)
        except errors.UserFailure as failure:
            failed[index] = _failed(user.user or user.user_id or "", None, failure)
    return members, failed


def _parent_user_id(user: wire.User) -> str | None:
    """The user's parent id, if the user has no number beside it."""
    name = user.user_id or "" if user.user is None else user.user
    return name if is_parent_user_id(name) else None


def _refuse_parent_ids(users: Sequence[wire.User], failed: Iterable[int], parameter: str) -> None:
    """As Meta does: a parent id makes the whole request fail."""
    for index in sorted(failed):
        if parent := _parent_user_id(users[index]):
            place = f"{parameter}[{index}]"
            if parameter == "block_users":
                place += "[user_id]" if users[index].user is None else "[user]"
            raise errors.ParentUserId(place, parent)


def _member(user: wire.User, who: identity.Identity) -> Member:
    expires_at = None if user.expires_at is None else wire.seconds_of(user.expires_at) * rules.SECOND
    typed = user.user if user.user is not None else user.user_id or ""
    return Member(who.key, who.wa_id, who.user_id, typed, user.reason, user.note, expires_at)


def _done(member: Member) -> wire.BlockedUserOperation:
    if member.wa_id is None:
        return wire.BlockedUserOperation(member.input, user_id=member.input)
    return wire.BlockedUserOperation(member.input, member.wa_id)


def _failed(typed: str, who: Member | identity.Identity | None, failure: errors.UserFailure) -> wire.FailedUser:
    error = wire.UserError(failure.message, failure.code, wire.ErrorData(details=failure.details))
    failed = wire.FailedUser(input=typed, errors=[error])
    if who is not None and who.wa_id is not None:
        failed.wa_id = who.wa_id
    elif who is not None and who.user_id is not None:
        failed.user_id = who.user_id
    return failed
