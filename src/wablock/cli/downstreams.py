"""`wablock downstream`: the receivers of a number's webhooks."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter, validators

from wablock.block_list.rules import SECOND
from wablock.cli.arguments import Refused, checked_url_text
from wablock.cli.databases import check_number_exists, on_store
from wablock.cli.number_names import is_id, number_id_of
from wablock.cli.options import Json, PhoneNumberId, flag, option
from wablock.cli.output import print_result
from wablock.cli.secrets import checked_secret, secret_in
from wablock.cli.tables import show
from wablock.gate.receiver_headers import headers_to_set
from wablock.gate.routes.downstreams import DownstreamInfo, NewDownstream
from wablock.settings import DatabaseUrl, KeySettings
from wablock.storage import Store
from wablock.typed_secrets import secret as secret_option
from wablock.typed_secrets import secret_lines
from wablock.wiring import routes_of

app = App(name="downstream")

_COLUMNS = ("downstream_id", "url", "required", "timeout", "account_events", "has_secret", "header_names")


@app.command
def add(
    phone_number_id: PhoneNumberId,
    url: Annotated[str, Parameter(help="URL of the receiver; private addresses are allowed here.")],
    *,
    secret: Annotated[
        str | None,
        secret_option(
            "WABLOCK_DOWNSTREAM_SECRET",
            "Secret for signatures. --secret=- reads it from standard input. Default: the account's app secret.",
            otherwise="--secret=-",
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        secret_lines(
            "WABLOCK_DOWNSTREAM_HEADER",
            "A header to send, as 'Name: value'; may be repeated. The variable has one header on each line.",
        ),
    ] = None,
    timeout: Annotated[
        float,
        option(
            "Seconds that the receiver has to respond.",
            validator=validators.Number(gte=0.1, lte=60),
        ),
    ] = 5.0,
    best_effort: Annotated[
        bool,
        flag("Do not wait for this receiver: a webhook counts as delivered even if it fails."),
    ] = False,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Add a receiver of the number's webhooks. Running servers use it within a second."""
    new = NewDownstream(
        url=checked_url_text(url, "URL"),
        secret=None if secret is None else checked_secret(secret_in(secret, "--secret"), "--secret"),
        headers=_headers(header or []),
        timeout=timeout,
        required=not best_effort,
        may_be_inside=True,
        account_events=True,
    )
    is_id(phone_number_id)

    async def work(store: Store) -> tuple[str, str]:
        number_id = await number_id_of(store, phone_number_id)
        number = await store.find_number(number_id)
        added = number and await routes_of(store, key).downstreams.add(number.account_id, number_id, new)
        if not added:
            raise Refused(f"The number {number_id} does not exist: add it with wablock number add {number_id}")
        return number_id, added.downstream_id

    number_id, downstream_id = on_store(database, work)
    data = {"downstream_id": downstream_id, "phone_number_id": number_id, "url": url}
    print_result(data, f"Added downstream {downstream_id} of number {number_id}.", as_json=json)


@app.command(name="list")
def list_(
    phone_number_id: PhoneNumberId,
    *,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """List the receivers of the number's webhooks, without their secrets."""
    is_id(phone_number_id)

    async def work(store: Store) -> Sequence[DownstreamInfo]:
        number_id = await number_id_of(store, phone_number_id)
        await check_number_exists(store, number_id)
        return await routes_of(store, key).downstreams.infos(number_id)

    receivers = on_store(database, work)
    show([_row(info) for info in receivers], _COLUMNS, as_json=json, empty="No downstreams yet: wablock downstream add")


@app.command
def remove(
    phone_number_id: PhoneNumberId,
    downstream_id: Annotated[str, Parameter(help="Id from `wablock downstream list`.")],
    *,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Remove a receiver. Running servers stop using it within a second."""
    is_id(phone_number_id)

    async def work(store: Store) -> str:
        number_id = await number_id_of(store, phone_number_id)
        if not await routes_of(store, key).downstreams.remove(number_id, downstream_id):
            raise Refused(
                f"Number {number_id} has no downstream {downstream_id}: see wablock downstream list {number_id}"
            )
        return number_id

    data = {"downstream_id": downstream_id, "phone_number_id": on_store(database, work)}
    print_result(data, f"Removed downstream {downstream_id}.", as_json=json)


def _row(info: DownstreamInfo) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(info)
    return row | {"created_at": info.created_at // SECOND}


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise Refused(f"--header {line!r} has no colon: write 'Name: value'")
        headers[name.strip()] = value.strip()
    try:
        headers_to_set(headers)
    except ValueError as error:
        raise Refused(str(error)) from None
    return headers
