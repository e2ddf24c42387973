"""The store of a development server: a SQLite file, and credentials that are kept in memory.

The token and the app secret of `wablock dev` are public by default. If they were in the file, they would be valid on
every server that later runs on it.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from wablock.access import AccessToken
from wablock.block_list.ports import Microseconds
from wablock.gate.account_store import SealedAccount
from wablock.gate.ports import SealedDownstream, SealedUpstream
from wablock.storage import SqliteStore
from wablock.storage.group_commit import CommitMeter
from wablock.subscriptions.ports import SealedSubscription


class Credentials(msgspec.Struct):
    """The credentials in memory. They outlive a store, which is opened again after every restore of its file."""

    token: AccessToken | None = None
    account: SealedAccount | None = None
    upstream: SealedUpstream | None = None


class DevelopmentStore(SqliteStore):
    """A `SqliteStore` on a file that `wablock dev` created. `credentials` take precedence over the file."""

    def __init__(self, path: Path, meter: CommitMeter, credentials: Credentials) -> None:
        """See `SqliteStore`; raises `CannotOpen` also for a file that `wablock dev` did not create."""
        super().__init__(path, meter, for_development=True)
        self._credentials = credentials
        self._keeps_in_memory = False

    @contextlib.contextmanager
    def in_memory(self) -> Iterator[None]:
        """A context in which a token, an account or an upstream is set in memory and not in the file."""
        self._keeps_in_memory = True
        try:
            yield
        finally:
            self._keeps_in_memory = False

    # -- the token

    async def find_token(self, digest: bytes) -> AccessToken | None:
        own = self._credentials.token
        return own if own is not None and own.digest == digest else await super().find_token(digest)

    async def tokens(self, account_id: str | None = None) -> Sequence[AccessToken]:
        tokens_in_file = await super().tokens(account_id)
        own = self._credentials.token
        return tokens_in_file if own is None or account_id not in (None, own.account_id) else [own, *tokens_in_file]

    async def add_token(self, token: AccessToken) -> bool:
        if self._keeps_in_memory:
            self._credentials.token = token
            return True
        return not self._is_revoked(token.made_by) and await super().add_token(token)

    async def revoke_token(self, digest: bytes, at: Microseconds) -> bool:
        revoked = await super().revoke_token(digest, at)
        own = self._credentials.token
        if own is None or own.digest != digest or own.revoked_at is not None:
            return revoked
        self._credentials.token = msgspec.structs.replace(own, revoked_at=at)
        return True

    # -- the account

    async def find_account(self, account_id: str) -> SealedAccount | None:
        own, in_file = self._credentials.account, await super().find_account(account_id)
        return _own(own, in_file) if own is not None and own.account_id == account_id else in_file

    async def find_verifier(self, verify_token_sha256: bytes) -> SealedAccount | None:
        own = self._credentials.account
        if own is not None and own.verify_token_sha256 == verify_token_sha256:
            return own
        return await super().find_verifier(verify_token_sha256)

    async def signers(self, most: int) -> Sequence[SealedAccount]:
        accounts_in_file = await super().signers(most)
        own = self._credentials.account
        if own is None:
            return accounts_in_file
        own = _own(own, await super().find_account(own.account_id))
        return [own, *(account for account in accounts_in_file if account.account_id != own.account_id)][:most]

    async def set_account(self, account: SealedAccount, at: Microseconds) -> None:
        if self._keeps_in_memory:
            self._credentials.account = account
        else:
            await super().set_account(account, at)

    # -- receivers, which only a valid token may set

    async def add_downstream(self, downstream: SealedDownstream) -> bool:
        return not self._is_revoked(downstream.set_by) and await super().add_downstream(downstream)

    async def add_subscription(
        self, subscription: SealedSubscription, reached: Mapping[str, Microseconds] | None = None
    ) -> bool:
        return not self._is_revoked(subscription.set_by) and await super().add_subscription(subscription, reached)

    def _is_revoked(self, digest: bytes | None) -> bool:
        """Whether `digest` is of the token in memory, and that token is revoked. The file does not contain it."""
        own = self._credentials.token
        return own is not None and own.digest == digest and own.revoked_at is not None

    # -- the upstream

    async def find_upstream(self, phone_number_id: str) -> SealedUpstream | None:
        own = self._credentials.upstream
        if own is not None and own.phone_number_id == phone_number_id:
            return own
        return await super().find_upstream(phone_number_id)

    async def set_upstream(self, upstream: SealedUpstream) -> bool:
        if self._keeps_in_memory:
            self._credentials.upstream = upstream
            return True
        was_set = not self._is_revoked(upstream.set_by) and await super().set_upstream(upstream)
        if was_set:
            self._forget_upstream(upstream.phone_number_id)
        return was_set

    async def remove_upstream(self, phone_number_id: str) -> bool:
        removed = await super().remove_upstream(phone_number_id)
        return self._forget_upstream(phone_number_id) or removed

    async def remove_number(self, phone_number_id: str) -> bool:
        self._forget_upstream(phone_number_id)
        return await super().remove_number(phone_number_id)

    def _forget_upstream(self, phone_number_id: str) -> bool:
        own = self._credentials.upstream
        if own is None or own.phone_number_id != phone_number_id:
            return False
        self._credentials.upstream = None
        return True


def _own(own: SealedAccount, in_file: SealedAccount | None) -> SealedAccount:
    """The account in memory, with the business accounts in the file."""
    return own if in_file is None else msgspec.structs.replace(own, business_accounts=in_file.business_accounts)
