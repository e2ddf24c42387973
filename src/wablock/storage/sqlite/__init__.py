"""`SqliteStore`: block lists, numbers and tokens in one SQLite file, for one machine."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import apsw

from wablock.access import AccessToken
from wablock.block_list.changes import Change
from wablock.block_list.event_chain import NewEvent
from wablock.block_list.event_store import Chain, Span
from wablock.block_list.events import StoredEvent
from wablock.block_list.pages import Page, PageRequest
from wablock.block_list.ports import BusinessNumber, InForce, Listed, Member, Microseconds, Outcome
from wablock.block_list.shared_lists import Attached, Attachment, Removal, SharedList
from wablock.business_numbers import NumberChanges
from wablock.contract.errors import BlocklistInternalError
from wablock.gate.account_store import SealedAccount, SealedBusinessAccount
from wablock.gate.ports import SealedDownstream, SealedUpstream
from wablock.storage.group_commit import Backlog, CommitMeter, GroupCommit
from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite import (
    accounts,
    checks,
    directory,
    events,
    moves,
    reads,
    routes,
    shared_lists,
    subscriptions,
    tables,
)
from wablock.storage.sqlite.connection import connect, migrations, prepare, schema_version
from wablock.storage.sqlite.older_schema import stand_in
from wablock.storage.sqlite.reader import Reader
from wablock.storage.sqlite.writes import BatchWriter
from wablock.storage.writer_thread import WriterThread
from wablock.subscriptions.ports import Backlog as EventBacklog
from wablock.subscriptions.ports import SealedSubscription
from wablock.turn import Turn

# Readers wait for a lock only while another process recovers the file; the event loop must not wait long.
_READER_BUSY_MS = 250


class SqliteStore:
    """A `BlockStore`, an `EventStore`, a `Directory`, a `RouteStore` and a `SubscriptionStore`.

    Writes go to one thread, grouped; reads are done on the event loop.
    """

    is_shared = False

    def __init__(
        self,
        path: Path,
        meter: CommitMeter,
        turn: Turn | None = None,
        *,
        vfs: str | None = None,
        for_development: bool = False,
    ) -> None:
        """Open the file, and create or migrate it if needed. Raises `CannotOpen`. On return the schema is on disk.

        `turn`: while it is open, all reads see one moment. `for_development`: refuse a file that another command
        created.
        """
        prepare(path, vfs, for_development=for_development)
        try:
            connection = connect(path, vfs, busy_timeout_ms=_READER_BUSY_MS)
            moves.refuse_moved(connection, path)
            if schema_version(connection, path) < migrations()[-1][0]:
                stand_in(connection, migrations())
        except apsw.Error as error:
            raise CannotOpen(f"Cannot open the database {path}: {error}") from error
        self._reader = Reader(connection, turn or Turn())
        self._writer = BatchWriter(lambda: connect(path, vfs))
        self._thread = WriterThread("wablock-writer")
        self._group = GroupCommit(self._apply_batch, meter, Backlog())

    async def close(self) -> None:
        """Returns when all changes are durable and the file is closed."""
        await self._group.drain()
        self._thread.close()
        self._writer.close()
        self._reader.close()

    async def apply(self, change: Change) -> Outcome:
        return await self._group.submit(change)

    async def page(self, request: PageRequest) -> Page:
        return self._reader.read(reads.page, request)

    async def stamp(self, list_id: str) -> int:  # noqa: ARG002 - SQLite counts for the whole file
        return self._reader.read(reads.stamp)

    async def blocked(
        self, account_id: str, list_id: str, users: Sequence[Member], at: Microseconds
    ) -> Sequence[InForce | None]:
        return self._reader.read(checks.blocked, account_id, list_id, users, at)

    async def row(self, account_id: str, list_id: str, user: Member, at: Microseconds) -> Listed | None:
        return self._reader.read(tables.row, account_id, list_id, user, at)

    async def unlinked(self, account_id: str, users: Sequence[Member]) -> Sequence[Member]:
        return self._reader.read(checks.unlinked, account_id, users)

    async def is_ready(self) -> bool:
        try:
            return await self._thread.run(self._writer.is_ready)
        except BlocklistInternalError:
            return False

    async def find_token(self, digest: bytes) -> AccessToken | None:
        return self._reader.read(directory.find_token, digest)

    async def find_number(self, phone_number_id: str) -> BusinessNumber | None:
        return self._reader.read(directory.find_number, phone_number_id)

    async def tokens(self, account_id: str | None = None) -> Sequence[AccessToken]:
        return self._reader.read(directory.tokens, account_id)

    async def numbers(self, account_id: str | None = None) -> Sequence[BusinessNumber]:
        return self._reader.read(directory.numbers, account_id)

    async def add_token(self, token: AccessToken) -> bool:
        return await self._thread.run(lambda: directory.add_token(self._writer, token))

    async def revoke_token(self, digest: bytes, at: Microseconds) -> bool:
        return await self._thread.run(lambda: directory.revoke_token(self._writer, digest, at))

    async def add_number(self, number: BusinessNumber, at: Microseconds) -> bool:
        return await self._thread.run(lambda: directory.add_number(self._writer, number, at))

    async def complete_number(self, number: BusinessNumber) -> BusinessNumber | None:
        return await self._thread.run(lambda: directory.complete_number(self._writer, number))

    async def change_number(self, number: BusinessNumber, changes: NumberChanges) -> BusinessNumber | None:
        return await self._thread.run(lambda: directory.change_number(self._writer, number, changes))

    async def remove_number(self, phone_number_id: str) -> bool:
        return await self._thread.run(lambda: directory.remove_number(self._writer, phone_number_id))

    async def add_list(self, new: SharedList, event: NewEvent | None = None) -> bool:
        return await self._thread.run(lambda: shared_lists.add_list(self._writer, new, event))

    async def shared_lists(self, account_id: str) -> Sequence[SharedList]:
        return self._reader.read(shared_lists.shared_lists, account_id)

    async def attachments(self, account_id: str) -> Sequence[Attachment]:
        return self._reader.read(shared_lists.attachments, account_id)

    async def remove_list(self, account_id: str, list_id: str, event: NewEvent | None = None) -> Removal:
        return await self._thread.run(lambda: shared_lists.remove_list(self._writer, account_id, list_id, event))

    async def attach(self, attachment: Attachment, event: NewEvent | None = None) -> Attached:
        return await self._thread.run(lambda: shared_lists.attach(self._writer, attachment, event))

    async def detach(
        self, account_id: str, list_id: str, phone_number_id: str | None, event: NewEvent | None = None
    ) -> bool:
        detach = shared_lists.detach
        return await self._thread.run(lambda: detach(self._writer, account_id, list_id, phone_number_id, event))

    async def chains(self, account_id: str | None = None) -> Sequence[Chain]:
        return self._reader.read(events.chains, account_id)

    async def chain(self, list_id: str) -> Chain | None:
        return self._reader.read(events.chain, list_id)

    async def lists_with_events(self) -> Sequence[str]:
        return self._reader.read(events.lists_with_events)

    async def events(self, list_id: str, span: Span) -> Sequence[StoredEvent]:
        return self._reader.read(events.events, list_id, span)

    async def delete_events(self, before: Microseconds, most: int) -> int:
        return await self._thread.run(lambda: events.delete_events(self._writer, before, most))

    async def find_account(self, account_id: str) -> SealedAccount | None:
        return self._reader.read(accounts.find_account, account_id)

    async def find_verifier(self, verify_token_sha256: bytes) -> SealedAccount | None:
        return self._reader.read(accounts.find_verifier, verify_token_sha256)

    async def signers(self, most: int) -> Sequence[SealedAccount]:
        return self._reader.read(accounts.signers, most)

    async def set_account(self, account: SealedAccount, at: Microseconds) -> None:
        await self._thread.run(lambda: accounts.set_account(self._writer, account, at))

    async def find_business_account(self, waba_id: str) -> SealedBusinessAccount | None:
        return self._reader.read(accounts.find_business_account, waba_id)

    async def business_accounts(self) -> Sequence[SealedBusinessAccount]:
        return self._reader.read(accounts.business_accounts)

    async def set_business_account(self, business: SealedBusinessAccount, at: Microseconds) -> bool:
        return await self._thread.run(lambda: accounts.set_business_account(self._writer, business, at))

    async def remove_business_account(self, waba_id: str) -> bool:
        return await self._thread.run(lambda: accounts.remove_business_account(self._writer, waba_id))

    async def downstreams(self, phone_number_id: str) -> Sequence[SealedDownstream]:
        return self._reader.read(routes.downstreams, phone_number_id)

    async def account_downstreams(self, account_id: str) -> Sequence[SealedDownstream]:
        return self._reader.read(routes.account_downstreams, account_id)

    async def add_downstream(self, downstream: SealedDownstream) -> bool:
        return await self._thread.run(lambda: routes.add_downstream(self._writer, downstream))

    async def remove_downstream(self, phone_number_id: str, downstream_id: str) -> bool:
        return await self._thread.run(lambda: routes.remove_downstream(self._writer, phone_number_id, downstream_id))

    async def find_upstream(self, phone_number_id: str) -> SealedUpstream | None:
        return self._reader.read(routes.find_upstream, phone_number_id)

    async def account_upstreams(self, account_id: str) -> Sequence[SealedUpstream]:
        return self._reader.read(routes.account_upstreams, account_id)

    async def set_upstream(self, upstream: SealedUpstream) -> bool:
        return await self._thread.run(lambda: routes.set_upstream(self._writer, upstream))

    async def remove_upstream(self, phone_number_id: str) -> bool:
        return await self._thread.run(lambda: routes.remove_upstream(self._writer, phone_number_id))

    async def subscriptions(self, account_id: str | None = None) -> Sequence[SealedSubscription]:
        return self._reader.read(subscriptions.subscriptions, account_id)

    async def add_subscription(
        self, subscription: SealedSubscription, reached: Mapping[str, Microseconds] | None = None
    ) -> bool:
        add = subscriptions.add_subscription
        return await self._thread.run(lambda: add(self._writer, subscription, reached or {}))

    async def remove_subscription(self, account_id: str, subscription_id: str) -> bool:
        remove = subscriptions.remove_subscription
        return await self._thread.run(lambda: remove(self._writer, account_id, subscription_id))

    async def lease(self, holder: str, beats: Mapping[str, int]) -> Collection[str]:
        return await self._thread.run(lambda: subscriptions.lease(self._writer, holder, beats))

    async def release(self, holder: str) -> None:
        await self._thread.run(lambda: subscriptions.release(self._writer, holder))

    async def backlogs(self, account_id: str) -> Sequence[EventBacklog]:
        return self._reader.read(subscriptions.backlogs, account_id)

    async def reach(self, subscription_id: str, list_id: str, at: Microseconds) -> None:
        await self._thread.run(lambda: subscriptions.reach(self._writer, subscription_id, list_id, at))

    async def _apply_batch(self, changes: Sequence[Change]) -> Sequence[Outcome | Exception]:
        outcomes = await self._thread.run(lambda: self._writer.apply(changes))
        if self._writer.log_is_full:
            self._thread.start(self._writer.restart_log)  # after these outcomes, before the next commit
        return outcomes
