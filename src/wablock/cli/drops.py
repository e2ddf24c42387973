"""`wablock drops`: the items that the gate of a running server removed recently."""

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
_EVERY: Final = 1.0  # seconds between two requests
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
    """A temporary failure: `--follow` tries again."""


def drops(
    phone_number_id: Annotated[str, Parameter(help="Id of the business number.")],
    *,
    token: Annotated[
        str,
        secret(
            "WABLOCK_TOKEN", "Access token with the scope read; =- reads it from standard input.", otherwise="--token=-"
        ),
    ],
    url: Annotated[str, Parameter(env_var="WABLOCK_URL", help="URL of the server.")] = "http://127.0.0.1:8080",
    follow: Annotated[
        bool,
        Parameter(env_var="WABLOCK_FOLLOW", negative="", help="Keep running, and print new items as they arrive."),
    ] = False,
    json: Json = False,
) -> None:
    """Show what the gate removed from the number's webhooks: the last 100 items since the server started."""
    checked_number_id(phone_number_id)
    if "?" in url:
        raise Refused(f"--url {url} must not have a query, because paths are appended to it")
    with _client(typed(token, "--token")) as client:
        api = _DropsApi(client, checked_url_text(url), phone_number_id)
        if follow:
            _follow(api, as_json=json)
        recent = api.since(0).data
    rows: list[dict[str, Any]] = msgspec.to_builtins(recent)
    if not json:
        rows = [row | {"at": _time(row["at"])} for row in rows]
    show(rows, _COLUMNS, as_json=json, empty="Nothing was removed recently.")


def _client(token: str) -> httpx2.Client:
    if not is_token(token):
        raise Refused("--token must be printable ASCII characters, up to 1,024, without spaces")
    return httpx2.Client(
        headers={"authorization": f"Bearer {token}"},
        verify=ssl.create_default_context(),
        timeout=_ANSWERS_WITHIN,
        trust_env=False,
    )


class _DropsApi:
    """The drops of one number, from one server."""

    def __init__(self, client: httpx2.Client, url: str, phone_number_id: str) -> None:
        self._client = client
        self._url = url
        self._number = phone_number_id

    def since(self, after: int) -> _Drops:
        """The drops after `after`, oldest first; raises `Refused`."""
        path = f"{self._url.rstrip('/')}/v1/numbers/{self._number}/drops"
        try:
            response = self._client.get(path, params={"after": after})
        except httpx2.HTTPError as error:
            raise _NoAnswer(f"Cannot reach {self._url}: {str(error) or type(error).__name__}") from None
        try:
            if response.status_code == 200:
                return msgspec.json.decode(response.content, type=_Drops)
            graph_error = msgspec.json.decode(response.content, type=_Failure).error
        except (msgspec.DecodeError, UnicodeError):
            kind = _NoAnswer if response.status_code >= 500 else Refused
            raise kind(f"{self._url} returned {response.status_code}, and the response is not wablock's") from None
        raise self._refusal(response.status_code, graph_error)

    def _refusal(self, status: int, error: _Error) -> Refused:
        if error.code in _TOKEN_REFUSED:
            return Refused(f"{self._url} refuses the token: {error.message}")
        if (error.code, error.error_subcode) == _UNKNOWN_NUMBER:
            return Refused(f"{self._url} has no number {self._number}, or the token has no access to it")
        kind = _NoAnswer if status >= 500 or error.code in _RATE_LIMITS else Refused
        return kind(f"{self._url} returned {status}: {error.message}")


def _follow(api: _DropsApi, *, as_json: bool) -> NoReturn:
    """Print drops until Ctrl-C, also across restarts of the server. If the first request fails, raise its `Refused`."""
    recent = api.since(0)
    complained = False
    while True:
        for drop in recent.data:
            _print(json_text(drop) if as_json else _line(drop))
        time.sleep(_EVERY)
        try:
            recent = api.since(recent.after)
            complained = False
        except _NoAnswer as error:
            recent = _Drops([], recent.after)
            if not complained:
                complain(f"{error}; trying again")
                complained = True


def _line(drop: _Drop) -> str:
    return printable(f"{_time(drop.at)}  {drop.sender}  {drop.type}  {drop.size} bytes")


def _time(seconds: int) -> str:
    return time_text(seconds, "%Y-%m-%d %H:%M:%SZ")


def _print(line: str) -> None:
    try:
        print(line, flush=True)  # noqa: T201 - the command's output
    except BrokenPipeError:  # the reader has closed the pipe; a flush at exit would fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
