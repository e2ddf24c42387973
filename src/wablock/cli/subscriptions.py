"""`wablock subscription`: the receivers of an account's list events."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from wablock.cli.accounts import check_account_exists
from wablock.cli.arguments import Refused, checked_url_text, not_blank
from wablock.cli.databases import on_store
from wablock.cli.number_names import number_id_of
from wablock.cli.options import DEFAULT_ACCOUNT, Json, option
from wablock.cli.output import print_json, print_result, say
from wablock.cli.secrets import checked_secret, secret_in
from wablock.cli.tables import show, time_text
from wablock.contract.errors import InvalidParameter
from wablock.server.endpoints.subscriptions import subscription_info
from wablock.settings import DatabaseUrl, KeySettings
from wablock.storage import Store
from wablock.subscriptions.ports import SealedSubscription
from wablock.subscriptions.subscriptions import AddedSubscription, NewSubscription
from wablock.typed_secrets import secret as secret_option
from wablock.wiring import subscriptions_of

app = App(name="subscription")

_COLUMNS = ("subscription_id", "account_id", "url", "list_ids", "made_by", "created_at")


@app.command
def add(
    url: Annotated[str, Parameter(help="URL of the subscriber; private addresses are allowed here.")],
    *,
    account: Annotated[str, option("Account whose list events are sent.")] = DEFAULT_ACCOUNT,
    list_id: Annotated[
        list[str] | None,
        option("Id of a shared list, or id or name of a number for its own list; may be repeated. Default: all lists."),
    ] = None,
    secret: Annotated[
        str | None,
        secret_option(
            "WABLOCK_SUBSCRIPTION_SECRET",
            "Secret for signatures. --secret=- reads it from standard input. Default: a random one, which is printed.",
            otherwise="--secret=-",
        ),
    ] = None,
    key: KeySettings = KeySettings(),  # noqa: B008 - immutable
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Send the events of an account's lists to a URL, signed, at least once, from now on. Prints the secret once.

    Running servers begin within a second.
    """
    typed = None if secret is None else checked_secret(secret_in(secret, "--secret"), "--secret")
    checked_url_text(url, "URL")
    not_blank(account, "--account")

    async def work(store: Store) -> AddedSubscription:
        await check_account_exists(store, account)
        ids = [await _list_id(store, it, account) for it in list_id or ()]
        new = NewSubscription(url=url, secret=typed, list_ids=ids or None, may_be_inside=True)
        try:
            added = await subscriptions_of(store, key).add_for(account, new)
        except InvalidParameter:
            raise Refused(f"A --list-id is not a list of account {account}: see wablock number list") from None
        if added is None:
            raise Refused("The subscription was not added: try again")
        return added

    added = on_store(database, work)
    if json:
        print_json(_row(added.sealed) | ({"secret": added.secret} if typed is None else {}))
        return
    say(f"Added subscription {added.sealed.subscription_id} of account {account}.")
    if typed is None:
        say("Copy its secret now, it is shown only once:", "", added.secret)


@app.command(name="list")
def list_(*, database: DatabaseUrl = None, json: Json = False) -> None:
    """List the subscriptions of all accounts, without their secrets."""
    found: Sequence[SealedSubscription] = on_store(database, lambda store: store.subscriptions())
    rows = [_row(it) for it in found]
    if not json:
        rows = [row | {"created_at": time_text(row["created_at"])} for row in rows]
    show(rows, _COLUMNS, as_json=json, empty="No subscriptions yet: wablock subscription add")


@app.command
def remove(
    subscription_id: Annotated[str, Parameter(help="Id from `wablock subscription list`.")],
    *,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Remove a subscription. Running servers stop sending within a second."""

    async def work(store: Store) -> None:
        for it in await store.subscriptions():
            if it.subscription_id == subscription_id:
                await store.remove_subscription(it.account_id, subscription_id)
                return
        raise Refused(f"There is no subscription {subscription_id}: see wablock subscription list")

    on_store(database, work)
    print_result({"subscription_id": subscription_id}, f"Removed subscription {subscription_id}.", as_json=json)


async def _list_id(store: Store, text: str, account: str) -> str:
    """The id of a shared list, or the id of the number with this id or name."""
    if any(it.list_id == text for it in await store.shared_lists(account)):
        return text
    return await number_id_of(store, text, "--list-id", account=account)


def _row(it: SealedSubscription) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(subscription_info(it))
    return row | {"account_id": it.account_id}
