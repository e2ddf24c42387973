"""`wablock drops`: what the gate took out lately, as a running server tells it."""

import os
import ssl
import sys
import time
from typing import Annotated, Any, Final, NoReturn

import httpx2
import msgspec
from cyclopts import Parameter

from wablock.access import is_token
from wablock.cli.console import Json, Refused, checked_number_id, checked_url_text, complain, json_text, show, time_text
from wablock.cli.secrets import typed
from wablock.printable import printable
from wablock.typed_secrets import secret

_COLUMNS: Final = ("at", "sender", "type", "size")
_EVERY: Final = 1.0  # seconds between two questions
_ANSWERS_WITHIN: Final = 10.0  # seconds

_TOKEN_REFUSED: Final = frozenset((10, 104, 190))
_RATE_LIMITS: Final = frozenset((4, 130429))
_UNKNOWN_NUMBER: Final = (100, 33)


class _Drop(msgspec.Struct):
    seq: int
    at: int
    sender: str
    type: str
    size: int


class _Drops(msgspec.Struct):
    data: list[_Drop]
    after: int


class _Error(msgspec.Struct):
    message: str
    code: int
    error_subcode: int | None = None


class _Failure(msgspec.Struct):
    error: _Error


class _NoAnswer(Refused):
    """For now: whoever follows asks again."""


def drops(
    phone_number_id: Annotated[str, Parameter(help="Id of the business number.")],
    *,
    token: Annotated[
        str,
        secret("WABLOCK_TOKEN", "Access token with the scope read; =- reads it from a line.", otherwise="--token=-"),
    ],
    url: Annotated[str, Parameter(env_var="WABLOCK_URL", help="Where the server is.")] = "http://127.0.0.1:8080",
    follow: Annotated[
        bool,
        Parameter(env_var="WABLOCK_FOLLOW", negative="", help="Show further ones as they come, one a line."),
    ] = False,
    json: Json = False,
) -> None:
    """Show what the gate took out of the number's webhooks lately: the last 100, since the server's start."""
    checked_number_id(phone_number_id)
    if "?" in url:
        raise Refused("--url must have no query: paths are added to it")
    with _client(typed(token, "--token")) as client:
        asking = _Asking(client, checked_url_text(url), phone_number_id)
        if follow:
            _follow(asking, as_json=json)
        found = asking.since(0).data
    rows: list[dict[str, Any]] = msgspec.to_builtins(found)
    if not json:
        rows = [row | {"at": _time(row["at"])} for row in rows]
    show(rows, _COLUMNS, as_json=json, empty="Nothing was taken out lately.")


def _client(token: str) -> httpx2.Client:
    if not is_token(token):
        raise Refused("--token must be printable ASCII characters, up to 1,024, without spaces")
    return httpx2.Client(
        headers={"authorization": f"Bearer {token}"},
        verify=ssl.create_default_context(),
        timeout=_ANSWERS_WITHIN,
        trust_env=False,
    )


class _Asking:
    """Asks one server about one number."""

    def __init__(self, client: httpx2.Client, url: str, phone_number_id: str) -> None:
        self._client = client
        self._url = url
        self._number = phone_number_id

    def since(self, after: int) -> _Drops:
        """The drops after `after`, oldest first; raises `Refused`."""
        path = f"{self._url.rstrip('/')}/v1/numbers/{self._number}/drops"
        try:
            answer = self._client.get(path, params={"after": after})
        except httpx2.HTTPError as trouble:
            raise _NoAnswer(f"Cannot reach {self._url}: {str(trouble) or type(trouble).__name__}") from None
        try:
            if answer.status_code == 200:
                return msgspec.json.decode(answer.content, type=_Drops)
            error = msgspec.json.decode(answer.content, type=_Failure).error
        except (msgspec.DecodeError, UnicodeError):
            kind = _NoAnswer if answer.status_code >= 500 else Refused
            raise kind(f"{self._url} answers {answer.status_code}, and not as wablock does") from None
        raise self._refusal(answer.status_code, error)

    def _refusal(self, status: int, error: _Error) -> Refused:
        if error.code in _TOKEN_REFUSED:
            return Refused(f"{self._url} refuses the token: {error.message}")
        if (error.code, error.error_subcode) == _UNKNOWN_NUMBER:
            return Refused(f"{self._url} has no number {self._number}, or the token may not touch it")
        kind = _NoAnswer if status >= 500 or error.code in _RATE_LIMITS else Refused
        return kind(f"{self._url} answers {status}: {error.message}")


def _follow(asking: _Asking, *, as_json: bool) -> NoReturn:
    """Until Ctrl-C, also over restarts of the server. What cannot be asked at all is refused at the beginning."""
    found = asking.since(0)
    complained = False
    while True:
        for drop in found.data:
            _print(json_text(drop) if as_json else _line(drop))
        time.sleep(_EVERY)
        try:
            found = asking.since(found.after)
            complained = False
        except _NoAnswer as trouble:
            found = _Drops([], found.after)
            if not complained:
                complain(f"{trouble}; asking on")
                complained = True


def _line(drop: _Drop) -> str:
    return printable(f"{_time(drop.at)}  {drop.sender}  {drop.type}  {drop.size} bytes")


def _time(seconds: int) -> str:
    return time_text(seconds, "%Y-%m-%d %H:%M:%SZ")


def _print(line: str) -> None:
    try:
        print(line, flush=True)  # noqa: T201 - it is what was asked for
    except BrokenPipeError:  # whoever read the lines has enough; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
