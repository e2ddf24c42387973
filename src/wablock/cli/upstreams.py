"""`wablock upstream`: the API through which a number's messages are sent."""

from typing import Annotated

from cyclopts import App, validators

from wablock.access import is_token
from wablock.block_list.rules import SECOND
from wablock.cli.arguments import Refused, checked_number_id, checked_url_text
from wablock.cli.databases import check_number_exists, on_store
from wablock.cli.options import Json, PhoneNumberId, option
from wablock.cli.output import print_result
from wablock.cli.secrets import secret_in
from wablock.cli.tables import show
from wablock.gate.ports import Upstream
from wablock.gate.routes.upstreams import META, UpstreamInfo
from wablock.settings import DatabaseUrl, KeySettings
from wablock.storage import Store
from wablock.typed_secrets import secret
from wablock.wiring import routes_of

app = App(name="upstream")

_COLUMNS = ("phone_number_id", "url", "timeout")


@app.command(name="set")
def set_(
    phone_number_id: PhoneNumberId,
    *,
    token: Annotated[
        str,
        secret(
            "WABLOCK_UPSTREAM_TOKEN",
            "The upstream's access token, sent instead of the caller's. --token=- reads it from standard input.",
            otherwise="--token=-",
        ),
    ],
    url: Annotated[str, option("URL of the upstream, up to the path segment /v25.0.")] = META,
    timeout: Annotated[
        float,
        option(
            "Seconds that the upstream has to begin its response.",
            validator=validators.Number(gte=0.1, lte=300),
        ),
    ] = 30.0,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Set the number's upstream; its token is stored encrypted. Running servers use it within a second."""
    checked_number_id(phone_number_id)
    upstream_token = secret_in(token, "--token")
    if not is_token(upstream_token):
        raise Refused("--token must be printable ASCII characters, up to 1,024, without spaces")
    upstream = Upstream(phone_number_id, checked_url_text(url, "--url"), upstream_token, timeout, may_be_inside=True)

    async def work(store: Store) -> bool:
        number = await store.find_number(phone_number_id)
        return number is not None and bool(await routes_of(store, key).upstreams.set(number.account_id, upstream))

    if not on_store(database, work):
        raise Refused(f"The number {phone_number_id} does not exist: add it with wablock number add {phone_number_id}")
    sentence = f"Messages of number {phone_number_id} are sent through {url}."
    print_result({"phone_number_id": phone_number_id, "url": url}, sentence, as_json=json)


@app.command(name="show")
def show_(
    phone_number_id: PhoneNumberId,
    *,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Show the number's upstream, without its token."""
    checked_number_id(phone_number_id)

    async def work(store: Store) -> UpstreamInfo | None:
        await check_number_exists(store, phone_number_id)
        return await routes_of(store, key).upstreams.info(phone_number_id)

    info = on_store(database, work)
    rows = []
    if info is not None:
        since = info.created_at // SECOND
        rows = [{"phone_number_id": phone_number_id, "url": info.url, "timeout": info.timeout, "created_at": since}]
    show(rows, _COLUMNS, as_json=json, empty="No upstream yet: wablock upstream set")


@app.command
def remove(
    phone_number_id: PhoneNumberId,
    *,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Remove the number's upstream: the gate then refuses its messages. Running servers follow within a second."""
    checked_number_id(phone_number_id)
    if not on_store(database, lambda store: routes_of(store, key).upstreams.remove(phone_number_id)):
        raise Refused(f"Number {phone_number_id} has no upstream: set one with wablock upstream set {phone_number_id}")
    sentence = f"Removed the upstream of number {phone_number_id}."
    print_result({"phone_number_id": phone_number_id}, sentence, as_json=json)
