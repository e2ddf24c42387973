"""`BlockList`, the service that every front end uses, and the only writer of lists."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from wablock.block_list import idempotency, rules
from wablock.block_list.changes import Block, Carry, Edit, Link, NoteInbound, Sweep, Unblock
from wablock.block_list.listings import Listing, ListingCache, ListingKey, listing_of, marked_row, not_of_this_list
from wablock.block_list.pages import PageRequest
from wablock.block_list.ports import BusinessNumber, InForce, Listed, Member, Microseconds, Outcome
from wablock.block_list.repeats import apply_once
from wablock.block_list.requested_users import (
    TO_CHECK,
    TO_NOTE,
    TO_UNBLOCK,
    EditedDetails,
    Readable,
    member_of,
    members_of,
    not_in_future,
    parent_user_id,
    refuse_parent_ids,
)
from wablock.block_list.results import ChangeOptions, Edited, Removed, Result, result_of
from wablock.block_list.row_tags import tag_of
from wablock.block_list.rules import RuleBook
from wablock.block_list.store import BlockStore
from wablock.contract import errors, identity, wire
from wablock.failures import MemberChanged, NotListed

Clock = Callable[[], Microseconds]


_AS_THE_BLOCK_API = ChangeOptions()
_LONGEST_REASON = 200  # characters of an event's reason


class BlockList:
    """The block lists of all business numbers, over one store."""

    def __init__(self, store: BlockStore, rule_book: RuleBook, clock: Clock) -> None:
        self._store = store
        self._rule_book = rule_book
        self._clock = clock
        self._listings = ListingCache()

    async def block(
        self,
        number: BusinessNumber,
        users: Sequence[wire.User],
        by: str,
        options: ChangeOptions = _AS_THE_BLOCK_API,
    ) -> Result:
        """Block `users`. On return those in `done` are durably blocked. `by` is stored as the one who blocked them.

        Raises `InvalidParameter`, and changes nothing, for a parent user id.
        """
        rule_set = self._rule_book.of(number)
        now = self._clock()
        too_late = not_in_future(users, now, options.parameter)
        if too_late is not None and options.key is None:
            raise too_late

        def change(members: Sequence[Member]) -> Block:
            return Block(
                number.phone_number_id,
                number.account_id,
                now,
                by,
                members,
                rule_set.max_size,
                None if rule_set.window is None else now - rule_set.window,
                options.source,
                options.batch_id,
                options.if_listed,
                options.cause,
            )

        return await self._apply(number, users, change, Readable(parameter=options.parameter), options, too_late)

    async def unblock(
        self, number: BusinessNumber, users: Sequence[wire.User], by: str, options: ChangeOptions = _AS_THE_BLOCK_API
    ) -> Result:
        """Unblock `users`, by any spelling or id. Users who were not blocked are in `done` as well.

        Raises `InvalidParameter`, and changes nothing, for a parent user id.
        """
        now = self._clock()

        def change(members: Sequence[Member]) -> Unblock:
            return _unblock(number, now, members, by, options)

        return await self._apply(number, users, change, TO_UNBLOCK, options)

    async def edit(
        self,
        number: BusinessNumber,
        member: Member,
        details: EditedDetails,
        by: str,
        expected: frozenset[str] | None = None,
        options: ChangeOptions = _AS_THE_BLOCK_API,
    ) -> Edited:
        """Change details of a listed user, durable on return, and return the row. `by` is stored as the editor.

        Raises, and changes nothing: `NotListed`; `MemberChanged` if the row's tag is none of `expected`;
        `InvalidParameter`.
        """
        now = self._clock()
        expires_at, too_late = details.expires_at, None
        if expires_at is not None and expires_at is not msgspec.UNSET:
            expires_at = wire.seconds_of(expires_at) * rules.SECOND
            if expires_at <= now:
                too_late = errors.InvalidParameter("Param expires_at must be in the future.")
        list_id = number.phone_number_id
        why = options.source, options.batch_id, options.cause
        change = Edit(
            list_id, number.account_id, now, by, member, details.reason, details.note, expires_at, expected, *why
        )
        outcome = await apply_once(self._store, change, options, too_late=too_late)
        if outcome.row is None:
            raise NotListed(member.input, list_id)
        if outcome.refused:
            raise MemberChanged(member.input, tag_of(outcome.row))
        return Edited(outcome.row, outcome.is_repeat)

    async def row(self, number: BusinessNumber, member: Member) -> Listed:
        """The row of a listed user; raises `NotListed`."""
        list_id = number.phone_number_id
        row = await self._store.row(number.account_id, list_id, member, self._clock())
        if row is None:
            raise NotListed(member.input, list_id)
        return row

    async def remove(
        self, number: BusinessNumber, member: Member, by: str, options: ChangeOptions = _AS_THE_BLOCK_API
    ) -> Removed:
        """Unblock one user, durable on return. Returns whether the user was listed."""
        change = _unblock(number, self._clock(), [member], by, options)
        outcome = await apply_once(self._store, change, options)
        (effect,) = outcome.effects
        return Removed(effect, outcome.is_repeat)

    async def note_inbound(self, number: BusinessNumber, users: Sequence[wire.User], at: Microseconds | None) -> Result:
        """Record that `users` wrote to the number, at `at` or now. With `meta` rules they can be blocked for 24 hours.

        Raises `InvalidParameter`, and changes nothing, for a parent user id.
        """
        now = self._clock()
        if at is not None and at > now + 300 * rules.SECOND:
            raise errors.InvalidParameter("Param at is in the future.", "A message cannot arrive later than now.")

        def change(members: Sequence[Member]) -> NoteInbound:
            return NoteInbound(number.phone_number_id, number.account_id, now if at is None else min(at, now), members)

        return await self._apply(number, users, change, TO_NOTE)

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
        members, failed = members_of(users, number, TO_CHECK)
        for index in list(failed):
            if may_be_parent and (parent := parent_user_id(users[index])):
                del failed[index]
                members[index] = Member(parent, None, None, parent, parent_user_id=parent)
        return [members[index] for index in sorted(members)], list(failed.values())

    def member(self, number: BusinessNumber, user: wire.User) -> Member:
        """The member that `user` means, as in `members`, or by a parent user id. Raises `UserFailure`."""
        try:
            return member_of(user, identity.of_item(user.user, user.user_id, number.country, may_be_listed=True))
        except errors.UserFailure:
            parent = parent_user_id(user)
            if parent is None:
                raise
            return Member(parent, None, None, parent, parent_user_id=parent)

    async def is_blocked(self, number: BusinessNumber, users: Sequence[wire.User]) -> list[bool]:
        """For each of `users`, whether it is blocked now. Raises `UserFailure` if one is not a valid user."""
        members = [
            member_of(user, identity.of_item(user.user, user.user_id, number.country, may_be_listed=True))
            for user in users
        ]
        return [block is not None for block in await self.in_force(number, members)]

    async def in_force(self, number: BusinessNumber, members: Sequence[Member]) -> Sequence[InForce | None]:
        """For each of `members`, its block in force now; None if it is not blocked."""
        return await self._store.blocked(number.account_id, number.phone_number_id, members, self._clock())

    async def sweep(self) -> None:
        """Delete expired rows. No result depends on it."""
        now = self._clock()
        await self._store.apply(Sweep(now, now - rules.WINDOW_KEPT, now - idempotency.KEPT))

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
        make_change: Callable[[Sequence[Member]], Block | Unblock | NoteInbound],
        readable: Readable,
        options: ChangeOptions = _AS_THE_BLOCK_API,
        too_late: errors.InvalidParameter | None = None,
    ) -> Result:
        members, failed = members_of(users, number, readable)
        refuse_parent_ids(users, failed, readable)
        outcome = Outcome()
        if members or options.key is not None:  # the outcome is stored also if every user failed
            change = make_change(list(members.values()))
            if isinstance(change, NoteInbound):
                outcome = await self._store.apply(change)
            else:
                unread = [(index, it.input) for index, it in failed.items()]
                outcome = await apply_once(self._store, change, options, failed=unread, too_late=too_late)
        return result_of(outcome, members, failed, self._rule_book.of(number))


def _unblock(
    number: BusinessNumber, at: Microseconds, members: Sequence[Member], by: str, options: ChangeOptions
) -> Unblock:
    list_id, account_id = number.phone_number_id, number.account_id
    cause = options.cause
    if cause.reason is None:
        reasons = dict.fromkeys(it.reason for it in members if it.reason)
        cause = msgspec.structs.replace(cause, reason="; ".join(reasons)[:_LONGEST_REASON] or None)
    return Unblock(list_id, account_id, at, members, by, options.source, options.batch_id, cause)
