"""`wablock upstream`: the API through which a number's messages are sent."""

from typing import Annotated

from cyclopts import App, validators

from wablock.access import is_token
from wablock.block_list.rules import SECOND
from wablock.cli.arguments import Refused, checked_url_text
from wablock.cli.databases import check_number_exists, on_store
from wablock.cli.number_names import is_id, number_id_of
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
    is_id(phone_number_id)
    upstream_token = secret_in(token, "--token")
    if not is_token(upstream_token):
        raise Refused("--token must be printable ASCII characters, up to 1,024, without spaces")
    checked_url_text(url, "--url")

    async def work(store: Store) -> str:
        number_id = await number_id_of(store, phone_number_id)
        number = await store.find_number(number_id)
        upstream = Upstream(number_id, url, upstream_token, timeout, may_be_inside=True)
        if number is None or not await routes_of(store, key).upstreams.set(number.account_id, upstream):
            raise Refused(f"The number {number_id} does not exist: add it with wablock number add {number_id}")
        return number_id

    number_id = on_store(database, work)
    sentence = f"Messages of number {number_id} are sent through {url}."
    print_result({"phone_number_id": number_id, "url": url}, sentence, as_json=json)


@app.command(name="show")
def show_(
    phone_number_id: PhoneNumberId,
    *,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Show the number's upstream, without its token."""
    is_id(phone_number_id)

    async def work(store: Store) -> tuple[str, UpstreamInfo | None]:
        number_id = await number_id_of(store, phone_number_id)
        await check_number_exists(store, number_id)
        return number_id, await routes_of(store, key).upstreams.info(number_id)

    number_id, info = on_store(database, work)
    rows = []
    if info is not None:
        since = info.created_at // SECOND
        rows = [{"phone_number_id": number_id, "url": info.url, "timeout": info.timeout, "created_at": since}]
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
    is_id(phone_number_id)

    async def work(store: Store) -> str:
        number_id = await number_id_of(store, phone_number_id)
        if not await routes_of(store, key).upstreams.remove(number_id):
            raise Refused(f"Number {number_id} has no upstream: set one with wablock upstream set {number_id}")
        return number_id

    number_id = on_store(database, work)
    print_result({"phone_number_id": number_id}, f"Removed the upstream of number {number_id}.", as_json=json)
