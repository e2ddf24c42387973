"""What is stored beside the lists: numbers, tokens, accounts, shared lists, routes. Each method is one transaction."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from wablock.access import AccessToken
from wablock.block_list.event_chain import NewEvent
from wablock.block_list.event_store import Chain, Span
from wablock.block_list.events import StoredEvent
from wablock.block_list.ports import BusinessNumber, Microseconds
from wablock.block_list.shared_lists import Attached, Attachment, Removal, SharedList
from wablock.business_numbers import NumberChanges
from wablock.failures import Overloaded
from wablock.gate.account_store import SealedAccount, SealedBusinessAccount
from wablock.gate.ports import SealedDownstream, SealedUpstream
from wablock.storage.postgres import accounts, directory, events, routes, shared_lists, subscriptions
from wablock.storage.postgres.attempts import Attempts
from wablock.storage.postgres.lanes import Lanes
from wablock.storage.round_trips import RoundTrips
from wablock.subscriptions.ports import Backlog, SealedSubscription

T = TypeVar("T")

_MOST_LISTS: Final = 1_000  # in one statement


class Directories:
    """A `Directory`, a `SharedListStore`, an `EventStore`, a `RouteStore` and a `SubscriptionStore`.

    Look-ups that start a request share round trips.
    """

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._common = common = lanes.common
        self._attempts = Attempts()
        is_stuck = common.reading.is_stuck
        self._tokens = RoundTrips(partial(common.read, directory.find_tokens), at_once=1, is_stuck=is_stuck)
        self._found_numbers = RoundTrips(partial(common.read, directory.find_numbers), at_once=1, is_stuck=is_stuck)

    async def find_token(self, digest: bytes) -> AccessToken | None:
        return await self._tokens.ask(digest)

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None:
        return await self._found_numbers.ask(phone_number_id)

    async def tokens(self, account_id: str | None = None) -> Sequence[AccessToken]:
        return await self._read(directory.tokens, account_id)

    async def numbers(self, account_id: str | None = None) -> Sequence[BusinessNumber]:
        return await self._common.reading.run(lambda connection: directory.numbers(connection, account_id))

    async def add_token(self, token: AccessToken) -> bool:
        return await self._write(directory.add_token, token)

    async def revoke_token(self, digest: bytes, at: Microseconds) -> bool:
        return await self._write(directory.revoke_token, digest, at)

    async def add_number(self, number: BusinessNumber, at: Microseconds) -> bool:
        return await directory.add_number(self._lanes.several_writing, number, at)

    async def complete_number(self, number: BusinessNumber) -> BusinessNumber | None:
        if not self._lanes.are_several:
            return await self._write(directory.complete_number, number)
        # Every machine must write it, and a webhook waits.
        subject = f"number {number.phone_number_id}"
        completed: list[BusinessNumber | None] = []

        async def complete() -> None:
            completed.append(await self._write(directory.complete_number, number))

        if not self._attempts.may_begin(subject) or not await self._attempts.make(subject, complete()):
            raise Overloaded("A part of the database does not answer. The number is not completed yet. Try again.")
        return completed[0]

    async def change_number(self, number: BusinessNumber, changes: NumberChanges) -> BusinessNumber | None:
        return await self._write(directory.change_number, number, changes)

    async def remove_number(self, phone_number_id: str) -> bool:
        return await directory.remove_number(self._lanes.several_writing, phone_number_id)

    async def add_list(self, new: SharedList, event: NewEvent | None = None) -> bool:
        return await self._write(shared_lists.add_list, new, event)

    async def shared_lists(self, account_id: str) -> Sequence[SharedList]:
        return await self._read(shared_lists.shared_lists, account_id)

    async def attachments(self, account_id: str) -> Sequence[Attachment]:
        return await self._read(shared_lists.attachments, account_id)

    async def remove_list(self, account_id: str, list_id: str, event: NewEvent | None = None) -> Removal:
        return await self._write(shared_lists.remove_list, account_id, list_id, event)

    async def attach(self, attachment: Attachment, event: NewEvent | None = None) -> Attached:
        return await self._write(shared_lists.attach, attachment, event)

    async def detach(
        self, account_id: str, list_id: str, phone_number_id: str | None, event: NewEvent | None = None
    ) -> bool:
        return await self._write(shared_lists.detach, account_id, list_id, phone_number_id, event)

    async def chains(self, account_id: str | None = None) -> Sequence[Chain]:
        chains: list[Chain] = []
        for some in await self._lists_of(account_id):
            chains += await self._read_of_several(events.chains, account_id, some)
        return sorted(chains, key=lambda chain: chain.list_id)

    async def chain(self, list_id: str) -> Chain | None:
        return await self._read_of(list_id, events.chain, list_id)

    async def lists_with_events(self) -> Sequence[str]:
        return await self._read_of_several(events.lists_with_events)

    async def events(self, list_id: str, span: Span) -> Sequence[StoredEvent]:
        return await self._read_of(list_id, events.events, list_id, span)

    async def delete_events(self, before: Microseconds, most: int) -> int:
        left = most
        for some in await self._lists_of(None):
            for list_id in await self._read_of_several(events.lists_with_old, some, before):
                left -= await self._write_of(list_id, events.delete_old, list_id, before, left)
                if not left:
                    return most
        return most - left

    async def find_account(self, account_id: str) -> SealedAccount | None:
        return await self._read(accounts.find_account, account_id)

    async def find_verifier(self, verify_token_sha256: bytes) -> SealedAccount | None:
        return await self._read(accounts.find_verifier, verify_token_sha256)

    async def signers(self, most: int) -> Sequence[SealedAccount]:
        return await self._read(accounts.signers, most)

    async def set_account(self, account: SealedAccount, at: Microseconds) -> None:
        await self._write(accounts.set_account, account, at)

    async def find_business_account(self, waba_id: str) -> SealedBusinessAccount | None:
        return await self._read(accounts.find_business_account, waba_id)

    async def business_accounts(self) -> Sequence[SealedBusinessAccount]:
        return await self._read(accounts.business_accounts)

    async def set_business_account(self, business: SealedBusinessAccount, at: Microseconds) -> bool:
        return await self._write(accounts.set_business_account, business, at)

    async def remove_business_account(self, waba_id: str) -> bool:
        return await self._write(accounts.remove_business_account, waba_id)

    async def downstreams(self, phone_number_id: str) -> Sequence[SealedDownstream]:
        return await self._read_of(phone_number_id, routes.downstreams, phone_number_id)

    async def account_downstreams(self, account_id: str) -> Sequence[SealedDownstream]:
        return await self._read_of_several(routes.account_downstreams, account_id)

    async def add_downstream(self, downstream: SealedDownstream) -> bool:
        return await self._write(routes.add_downstream, downstream)

    async def remove_downstream(self, phone_number_id: str, downstream_id: str) -> bool:
        return await self._write_of(phone_number_id, routes.remove_downstream, phone_number_id, downstream_id)

    async def find_upstream(self, phone_number_id: str) -> SealedUpstream | None:
        return await self._read_of(phone_number_id, routes.find_upstream, phone_number_id)

    async def account_upstreams(self, account_id: str) -> Sequence[SealedUpstream]:
        return await self._read_of_several(routes.account_upstreams, account_id)

    async def set_upstream(self, upstream: SealedUpstream) -> bool:
        return await self._write(routes.set_upstream, upstream)

    async def remove_upstream(self, phone_number_id: str) -> bool:
        return await self._write_of(phone_number_id, routes.remove_upstream, phone_number_id)

    async def subscriptions(self, account_id: str | None = None) -> Sequence[SealedSubscription]:
        return await self._read(subscriptions.subscriptions, account_id)

    async def add_subscription(
        self, subscription: SealedSubscription, reached: Mapping[str, Microseconds] | None = None
    ) -> bool:
        for list_id, at in (reached or {}).items():
            await self._write_of(list_id, subscriptions.begin, list_id, subscription.subscription_id, at)
        if await self._write(subscriptions.add_subscription, subscription):
            return True
        for list_id in reached or ():
            await self._write_of(list_id, subscriptions.forget, list_id, subscription.subscription_id)
        return False

    async def remove_subscription(self, account_id: str, subscription_id: str) -> bool:
        if not await self._write(subscriptions.remove_subscription, account_id, subscription_id):
            return False
        for some in await self._lists_of(account_id):
            for list_id in await self._read_of_several(subscriptions.lists_reached, some, subscription_id):
                await self._write_of(list_id, subscriptions.forget, list_id, subscription_id)
        return True

    async def lease(self, holder: str, beats: Mapping[str, int]) -> Collection[str]:
        return await self._write(subscriptions.lease, holder, beats)

    async def release(self, holder: str) -> None:
        await self._write(subscriptions.release, holder)

    async def backlogs(self, account_id: str) -> Sequence[Backlog]:
        chosen = await self._read(subscriptions.lists_chosen, account_id)
        if not chosen:
            return ()
        backlogs: list[Backlog] = []
        for some in await self._lists_of(account_id):
            backlogs += await self._read_of_several(subscriptions.backlogs, some, account_id, chosen)
        # Without the places of a subscription that was removed meanwhile, all events would be its backlog.
        still = await self._read(subscriptions.lists_chosen, account_id) if backlogs else ()
        return [it for it in backlogs if it.subscription_id in still]

    async def reach(self, subscription_id: str, list_id: str, at: Microseconds) -> None:
        await self._write_of(list_id, subscriptions.reach, list_id, subscription_id, at)

    async def _lists_of(self, account_id: str | None) -> Sequence[Sequence[str]]:
        """The lists of an account, or of all, and those that it had; in parts that fit in a statement."""
        list_ids = await self._read(events.lists, account_id)
        return [list_ids[start : start + _MOST_LISTS] for start in range(0, len(list_ids), _MOST_LISTS)]

    async def _read(self, read: Callable[..., Awaitable[T]], *args: object) -> T:
        return await self._common.read(read, *args)

    async def _read_of_several(self, read: Callable[..., Awaitable[T]], *args: object) -> T:
        return await self._lanes.several_reading.run(lambda connection: read(connection, *args))

    async def _write(self, write: Callable[..., Awaitable[T]], *args: object) -> T:
        """Write what every machine has. No retry, as in `Lane.write`."""
        return await self._lanes.several_writing.run(lambda connection: write(connection, *args), again=False)

    async def _read_of(self, list_id: str, read: Callable[..., Awaitable[T]], *args: object) -> T:
        """Read what is stored with the list, or with the number of this id."""
        return await (await self._lanes.of(list_id)).read(read, *args)

    async def _write_of(self, list_id: str, write: Callable[..., Awaitable[T]], *args: object) -> T:
        return await (await self._lanes.of(list_id)).write(write, *args)
