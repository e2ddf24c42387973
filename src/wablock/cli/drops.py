"""`wablock drops`: the items that the gate of a running server removed recently."""

import os
import sys
import time
from typing import Annotated, Any, Final, NoReturn

import msgspec

from wablock.cli.api_server import ApiServer
from wablock.cli.console import complain, json_text, show, time_text
from wablock.cli.options import Json, PhoneNumberId, flag, option
from wablock.client import (
    Client,
    ClientError,
    NoAnswer,
    RateLimited,
    RecentDrop,
    RecentDropList,
    Retries,
    ServerTrouble,
)
from wablock.printable import printable
from wablock.typed_secrets import secret

_COLUMNS: Final = ("at", "sender", "type", "size")
_SECONDS_BETWEEN_REQUESTS: Final = 1.0
_ANSWERS_WITHIN: Final = 10.0  # seconds
_NO_RETRIES: Final = Retries(most=0)


def drops(
    phone_number_id: PhoneNumberId,
    *,
    token: Annotated[
        str,
        secret(
            "WABLOCK_TOKEN", "Token with the scope read. --token=- reads it from standard input.", otherwise="--token=-"
        ),
    ],
    url: Annotated[str, option("URL", "URL of the server.")] = "http://127.0.0.1:8080",
    follow: Annotated[bool, flag("FOLLOW", "Keep running, and print new items as they arrive.")] = False,
    json: Json = False,
) -> None:
    server = ApiServer(token=token, phone_number_id=phone_number_id, url=url)
    with server.client(_NO_RETRIES, timeout=_ANSWERS_WITHIN) as client:
        recent = client.drops()
        if follow:
            _follow(client, server, recent, as_json=json)
    rows: list[dict[str, Any]] = msgspec.to_builtins(recent.data)
    if not json:
        rows = [row | {"at": _time(row["at"])} for row in rows]
    show(rows, _COLUMNS, as_json=json, empty="Nothing was removed recently.")


def _follow(client: Client, server: ApiServer, recent: RecentDropList, *, as_json: bool) -> NoReturn:
    """Print drops until Ctrl-C, also across restarts of the server."""
    complained = False
    while True:
        for drop in recent.data:
            _print(json_text(drop) if as_json else _line(drop))
        time.sleep(_SECONDS_BETWEEN_REQUESTS)
        try:
            recent = client.drops(recent.after)
            complained = False
        except ClientError as error:
            if not _is_temporary(error):
                raise
            recent = RecentDropList([], recent.after)
            if not complained:
                complain(f"{server.refusal(error)}; trying again")
                complained = True


def _is_temporary(error: ClientError) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, NoAnswer):
        return error.status is None or error.status >= 500
    return isinstance(error, RateLimited | ServerTrouble)


def _line(drop: RecentDrop) -> str:
    return printable(f"{_time(drop.at)}  {drop.sender}  {drop.type}  {drop.size} bytes")


def _time(seconds: int) -> str:
    return time_text(seconds, "%Y-%m-%d %H:%M:%SZ")


def _print(line: str) -> None:
    try:
        print(line, flush=True)  # noqa: T201 - the command's output
    except BrokenPipeError:  # the reader has closed the pipe; a flush at exit would fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
