"""Requests to a wablock server: which senders of a webhook are blocked. Connections stay open between webhooks."""

import asyncio
import logging
import ssl
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import httpx2

from wablock.access import is_token
from wablock.block_list.rules import MOST_USERS_PER_REQUEST
from wablock.client import ApiError, AsyncClient, CheckedUser, ClientError, Retries, SomeUsersFailed, UnknownObject
from wablock.printable import printable
from wablock.public_address import checked_url

_log = logging.getLogger("wablock.middleware")

# Less than the 75 s after which wablock closes an idle connection, so that no request meets a closing connection.
_CONNECTIONS: Final = httpx2.Limits(max_connections=50, max_keepalive_connections=50, keepalive_expiry=30)
_MOST_REMEMBERED: Final = 1_000
_NO_RETRIES: Final = Retries(most=0)  # Meta sends the webhook again


class CheckFailed(Exception):
    """wablock did not answer which users are blocked. The message gives the reason in one line, without secrets."""


class BlockChecks:
    """Checks users at one server. One object is enough for a process. A new event loop gets new connections."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        """`token`: a token with the scope `read`. `timeout`: seconds for all checks of one webhook together."""
        if "?" in checked_url(url).target:
            raise ValueError("url must have no query, because paths are appended to it")
        if not is_token(token):
            raise ValueError("token must be printable ASCII without spaces")
        if not timeout > 0:
            raise ValueError("timeout must be more than 0 seconds")
        self._url = url
        self._token = token
        self._timeout = timeout
        self._tls = ssl.create_default_context()
        self._http: httpx2.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unknown: set[str] = set()

    async def blocked(self, senders: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
        """For each number, the senders' wa_ids and user_ids that are blocked now. Raises `CheckFailed`.

        If wablock does not know a number, none of its senders is blocked.
        """
        http = self._connected()
        batches = [(number, batch) for number, ids in senders.items() for batch in _batches(sorted(ids))]
        try:
            async with asyncio.timeout(self._timeout), asyncio.TaskGroup() as tasks:
                checks = [tasks.create_task(self._check(http, number, batch)) for number, batch in batches]
        except TimeoutError:
            raise CheckFailed(f"it did not answer within {self._timeout} s") from None
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        blocked: dict[str, set[str]] = {}
        for (number, _), check in zip(batches, checks, strict=True):
            blocked.setdefault(number, set()).update(check.result())
        return blocked

    async def close(self) -> None:
        http, self._http = self._http, None
        if http is not None and self._loop is asyncio.get_running_loop():
            await http.aclose()

    def _connected(self) -> httpx2.AsyncClient:
        """The HTTP client, created when it is first needed. It belongs to one event loop, and tests have several."""
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            self._loop = loop
            self._http = httpx2.AsyncClient(verify=self._tls, limits=_CONNECTIONS, trust_env=False)
        return self._http

    async def _check(self, http: httpx2.AsyncClient, number: str, ids: Sequence[str]) -> set[str]:
        client = AsyncClient(
            self._token, number, base_url=self._url, timeout=2 * self._timeout, retries=_NO_RETRIES, http=http
        )
        users: Sequence[CheckedUser]
        try:
            users = await client.check(ids, may_list=False)
        except SomeUsersFailed as error:  # these ids are not valid users, so they cannot be blocked
            users = error.done
        except UnknownObject:
            self._note_unknown(number)
            return set()
        except ApiError as error:
            raise CheckFailed(f"it answered {error.status}: {printable(error.message)}") from None
        except ClientError as error:
            raise CheckFailed(printable(str(error))) from None
        return {user.input for user in users if user.blocked}

    def _note_unknown(self, number: str) -> None:
        if number not in self._unknown and len(self._unknown) < _MOST_REMEMBERED:
            self._unknown.add(number)
            unknown = printable(number)  # it is from a webhook, which may be unsigned
            _log.warning("wablock does not know number %s, or the token does not cover it: no user is blocked", unknown)


def _batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + MOST_USERS_PER_REQUEST] for at in range(0, len(ids), MOST_USERS_PER_REQUEST)]
