"""Asking a wablock server which users are blocked, over connections that are kept open."""

import asyncio
import logging
import ssl
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import httpx2
import msgspec

from wablock.access import is_token
from wablock.block_list.rules import MOST_USERS_PER_REQUEST
from wablock.printable import printable
from wablock.public_address import checked_url

_log = logging.getLogger("wablock.middleware")

# Less than the 75 s after which wablock closes an idle connection: it is not to close one that is just being used.
_CONNECTIONS: Final = httpx2.Limits(max_connections=50, max_keepalive_connections=50, keepalive_expiry=30)
_MOST_REMEMBERED: Final = 1_000
_UNKNOWN_NUMBER: Final = (100, 33)


class CannotAsk(Exception):
    """wablock did not say who is blocked; the message tells why in one line, without secrets."""


class _CheckedUser(msgspec.Struct):
    input: str
    blocked: bool


class _Checked(msgspec.Struct):
    users: list[_CheckedUser]
    failed_users: list[msgspec.Raw] = []


class _Error(msgspec.Struct):
    code: int
    message: str
    error_subcode: int | None = None


class _Refusal(msgspec.Struct):
    error: _Error


class Wablock:
    """A server to ask. One for a process is enough; on another event loop it connects anew."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        """`token` has the scope `read`. `timeout`: seconds for all that one webhook asks."""
        if "?" in checked_url(url).target:
            raise ValueError("url must have no query: paths are added to it")
        if not is_token(token):
            raise ValueError("token must be printable ASCII characters, without spaces")
        if not timeout > 0:
            raise ValueError("timeout must be more than 0 seconds")
        self._numbers = url.rstrip("/") + "/v1/numbers/"
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._timeout = timeout
        self._tls = ssl.create_default_context()
        self._client: httpx2.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unknown: set[str] = set()

    async def blocked(self, asked: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
        """For each number, which of these wa_ids and user_ids are blocked now: nobody, where wablock has no such
        number. Raises `CannotAsk`.
        """
        client = self._connected()
        batches = [(number, batch) for number, ids in asked.items() for batch in _batches(sorted(ids))]
        try:
            async with asyncio.timeout(self._timeout), asyncio.TaskGroup() as tasks:
                asking = [tasks.create_task(self._ask(client, number, batch)) for number, batch in batches]
        except TimeoutError:
            raise CannotAsk(f"it did not answer within {self._timeout} s") from None
        except ExceptionGroup as troubles:
            raise troubles.exceptions[0] from None
        found: dict[str, set[str]] = {}
        for (number, _), answered in zip(batches, asking, strict=True):
            found.setdefault(number, set()).update(answered.result())
        return found

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    def _connected(self) -> httpx2.AsyncClient:
        """Made at first need: connections belong to one event loop, and tests of bots have many."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._client = httpx2.AsyncClient(
                headers=self._headers,
                verify=self._tls,
                timeout=None,
                limits=_CONNECTIONS,
                follow_redirects=False,
                trust_env=False,
            )
        return self._client

    async def _ask(self, client: httpx2.AsyncClient, number: str, ids: Sequence[str]) -> set[str]:
        try:
            answer = await client.post(f"{self._numbers}{number}/check", content=msgspec.json.encode({"users": ids}))
        except httpx2.HTTPError as trouble:
            raise CannotAsk(f"it cannot be reached: {printable(str(trouble)) or type(trouble).__name__}") from trouble
        if answer.status_code == 200:
            return _blocked(answer.content, ids)
        error = _error(answer.content)
        if error is None or (error.code, error.error_subcode) != _UNKNOWN_NUMBER:
            raise CannotAsk(f"it answered {answer.status_code}" + (f": {printable(error.message)}" if error else ""))
        self._note_unknown(number)
        return set()

    def _note_unknown(self, number: str) -> None:
        if number not in self._unknown and len(self._unknown) < _MOST_REMEMBERED:
            self._unknown.add(number)
            unknown = printable(number)  # a webhook's word, which nobody may have signed
            _log.warning("wablock does not know number %s, or the token may not touch it: nobody is blocked", unknown)


def _batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + MOST_USERS_PER_REQUEST] for at in range(0, len(ids), MOST_USERS_PER_REQUEST)]


def _blocked(body: bytes, ids: Sequence[str]) -> set[str]:
    try:
        said = msgspec.json.decode(body, type=_Checked)
    except (msgspec.DecodeError, UnicodeError):
        raise CannotAsk("it does not answer as wablock does") from None
    if len(said.users) + len(said.failed_users) != len(ids):  # nobody passes because of a half answer
        raise CannotAsk("it did not answer for every user")
    return {user.input for user in said.users if user.blocked}


def _error(body: bytes) -> _Error | None:
    try:
        return msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeError):
        return None
