"""`wablock drops`: the items that the gate of a running server removed recently."""

import sys
import time
from typing import Annotated, Any, Final, NoReturn

import msgspec
from cyclopts import Parameter

from wablock.cli.api_server import ApiServer, is_temporary
from wablock.cli.options import Json, flag, setting
from wablock.cli.output import complain, json_text, write
from wablock.cli.tables import show, time_text
from wablock.client import Client, ClientError, RecentDrop, RecentDropList, Retries
from wablock.printable import printable
from wablock.typed_secrets import secret

_COLUMNS: Final = ("at", "sender", "type", "size")
_SECONDS_BETWEEN_REQUESTS: Final = 1.0
_ANSWERS_WITHIN: Final = 10.0  # seconds
_INTERRUPTED: Final = 130
_NO_RETRIES: Final = Retries(most=0)


def drops(
    phone_number_id: Annotated[
        str, Parameter(help="Id or name of the business number.", env_var="WABLOCK_PHONE_NUMBER_ID")
    ],
    *,
    token: Annotated[
        str,
        secret(
            "WABLOCK_TOKEN", "Token with the scope read. --token=- reads it from standard input.", otherwise="--token=-"
        ),
    ],
    url: Annotated[str, setting("URL", "URL of the server.")] = "http://127.0.0.1:8080",
    follow: Annotated[bool, flag("Keep running, and print new items as they arrive.")] = False,
    json: Json = False,
) -> None:
    server = ApiServer(token=token, phone_number_id=phone_number_id, url=url)
    with server.client(_NO_RETRIES, timeout=_ANSWERS_WITHIN) as client:
        recent = client.drops()
        if follow:
            try:
                _follow(client, server, recent, as_json=json)
            except KeyboardInterrupt:  # the usual end, which needs no message
                sys.exit(_INTERRUPTED)
    rows: list[dict[str, Any]] = msgspec.to_builtins(recent.data)
    if not json:
        rows = [row | {"at": time_text(row["at"])} for row in rows]
    show(rows, _COLUMNS, as_json=json, empty="Nothing was removed recently.")


def _follow(client: Client, server: ApiServer, recent: RecentDropList, *, as_json: bool) -> NoReturn:
    """Print drops until Ctrl-C, also across restarts of the server."""
    complained = False
    while True:
        for drop in recent.data:
            write(json_text(drop) if as_json else _line(drop), now=True)
        time.sleep(_SECONDS_BETWEEN_REQUESTS)
        try:
            recent = client.drops(recent.after)
            complained = False
        except ClientError as error:
            if not is_temporary(error):
                raise
            recent = RecentDropList([], recent.after)
            if not complained:
                complain(f"{server.refusal(error)}; trying again")
                complained = True


def _line(drop: RecentDrop) -> str:
    return printable(f"{time_text(drop.at)}  {drop.sender}  {drop.type}  {drop.size} bytes")
