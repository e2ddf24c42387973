"""The limits of a token for few numbers: it gets no events of the account, and no data of another account."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, TOKEN, RunningServer, running_server
from tests.server import test_webhooks as webhooks

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.block_list.ports import BusinessNumber
from wablock.server.metrics import Metrics
from wablock.storage import open_store
from wablock.wiring import routes_of

KEY = webhooks.KEY
SCOPED = AccessToken(digest("scoped"), ACCOUNT_ID, "scoped", ALL_SCOPES, frozenset({PHONE_NUMBER_ID}), 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, tokens=[SCOPED]) as server:
        yield server


def _answer(server: RunningServer, method: str, path: str, token: str, /, **body: object) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.request(method, server.url + path, headers=headers, json=body or None, timeout=60)


def _receiver_of(server: RunningServer, token: str, url: str) -> None:
    path = f"/v1/numbers/{PHONE_NUMBER_ID}/downstreams"
    assert _answer(server, "POST", path, token, url=url).status_code == 201


def _account_receivers(tmp_path: Path) -> list[str]:
    """The receivers that get the account's own events."""

    async def urls() -> list[str]:
        store = open_store(f"sqlite:///{tmp_path / 'wablock.db'}", Metrics())
        try:
            return [it.url for it in await routes_of(store, KEY).downstreams.for_account_events(ACCOUNT_ID)]
        finally:
            await store.close()

    return asyncio.run(urls())


def test_a_receiver_set_by_a_token_of_one_number_gets_no_account_events(server: RunningServer, tmp_path: Path) -> None:
    _receiver_of(server, "scoped", "https://93.184.216.34/scoped")
    _receiver_of(server, TOKEN, "https://93.184.216.34/whole")

    assert _account_receivers(tmp_path) == ["https://93.184.216.34/whole"]


def test_a_revoked_token_goes_with_the_tokens_receivers_and_upstreams_that_it_made(
    server: RunningServer, tmp_path: Path
) -> None:
    maker = _answer(server, "POST", "/v1/tokens", TOKEN, label="maker").json()
    product = _answer(server, "POST", "/v1/tokens", maker["token"], label="made").json()
    _receiver_of(server, product["token"], "https://93.184.216.34/made")
    upstream = f"/v1/numbers/{PHONE_NUMBER_ID}/upstream"
    _answer(server, "PUT", upstream, product["token"], url="https://93.184.216.34", token="theirs")

    answer = _answer(server, "DELETE", f"/v1/tokens/{maker['token_id']}?with_made=true", TOKEN).json()

    assert answer["token_ids"] == [maker["token_id"], product["token_id"]]
    assert len(answer["downstream_ids"]) == 1
    assert answer["upstreams_of"] == [PHONE_NUMBER_ID]
    assert _answer(server, "GET", upstream, TOKEN).json()["error"]["code"] == 100
    assert _answer(server, "GET", "/v1/tokens", product["token"]).json()["error"]["code"] == 190
    assert _account_receivers(tmp_path) == []


def test_a_list_of_tokens_shows_who_made_them(server: RunningServer) -> None:
    maker = _answer(server, "POST", "/v1/tokens", TOKEN, label="maker").json()
    _answer(server, "POST", "/v1/tokens", maker["token"], label="made")

    listed = {it["label"]: it.get("made_by") for it in _answer(server, "GET", "/v1/tokens", TOKEN).json()["data"]}

    assert listed["made"] == maker["token_id"]
    assert listed["test"] is None


def test_a_token_does_not_see_a_maker_that_may_do_more_than_itself(server: RunningServer) -> None:
    numbers = [PHONE_NUMBER_ID]
    token = _answer(server, "POST", "/v1/tokens", TOKEN, label="made", phone_number_ids=numbers).json()

    tokens = _answer(server, "GET", "/v1/tokens", token["token"]).json()["data"]

    assert "made_by" not in next(it for it in tokens if it["label"] == "made")


def test_with_made_is_true_or_false(server: RunningServer) -> None:
    refused = _answer(server, "DELETE", "/v1/tokens/3f5a1c9be072?with_made=yes", TOKEN)

    assert refused.json()["error"]["code"] == 100


def test_the_next_owner_of_a_number_does_not_see_the_drops_before(server: RunningServer) -> None:
    webhooks.set_up(server, "http://127.0.0.1:9/nothing-is-left-to-deliver")
    webhooks.block(server, webhooks.ANNA)
    assert webhooks.post(server, webhooks.webhook(webhooks.message(webhooks.ANNA))).status_code == 200
    drops = f"/v1/numbers/{PHONE_NUMBER_ID}/drops"
    assert len(_answer(server, "GET", drops, TOKEN).json()["data"]) == 1

    next_owner = AccessToken(digest("next-owner"), "next", "next", ALL_SCOPES, None, 0)

    async def hand_over() -> None:
        await server.wired.store.remove_number(PHONE_NUMBER_ID)
        await server.wired.store.add_number(BusinessNumber(PHONE_NUMBER_ID, "next"), 1)
        await server.wired.store.add_token(next_owner)

    asyncio.run(hand_over())

    def drops_of_the_next_owner() -> httpx2.Response:
        return _answer(server, "GET", drops, "next-owner")

    response = drops_of_the_next_owner()
    while response.status_code != 200:  # the server remembers the earlier owner for half a second
        response = drops_of_the_next_owner()
    assert response.json()["data"] == []
