"""`/v1/subscriptions`: who may use them, what is never shown, and events over real HTTP to a real receiver."""

import asyncio
import contextlib
import logging
import socket
import socketserver
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.listening import listening
from tests.receiver import Receiver
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_lists import call, done, error_of
from tests.server.test_webhooks import KEY, block, signed
from tests.waiting import wait_until

from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber
from wablock.public_credentials import APP_SECRET
from wablock.subscriptions.ports import MOST_SET_BY_TOKENS
from wablock.subscriptions.subscriptions import NewSubscription
from wablock.wiring import subscriptions_of

FOREIGN: Final = "777"
NUMBERS: Final = (NUMBER, BusinessNumber(FOREIGN, "other"))
TOKENS: Final = (
    AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, frozenset({PHONE_NUMBER_ID}), 0),
    AccessToken(digest("stranger"), "other", "stranger", ALL_SCOPES, None, 0),
    *(AccessToken(digest(scope), ACCOUNT_ID, scope, frozenset({scope}), None, 0) for scope in Scope),
)
URL: Final = "https://8.8.8.8/hook"
SECRET: Final = "a secret of the subscriber"
PATH: Final = "/v1/subscriptions"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, key=KEY, numbers=NUMBERS, tokens=TOKENS) as running:
        yield running


def add(server: RunningServer, token: str = "", **body: Any) -> Any:
    return done(call(server, "POST", PATH, token, **{"url": URL} | body))


def subscribe(server: RunningServer, url: str, **more: Any) -> str:
    """A subscription that the operator added, whose address may be private."""

    async def work() -> str:
        new = NewSubscription(url=url, secret=SECRET, may_be_inside=True, **more)
        added = await subscriptions_of(server.wired.store, KEY).add_for(ACCOUNT_ID, new)
        assert added is not None
        return added.sealed.subscription_id

    return asyncio.run(work())


def events_in(receiver: Receiver) -> list[Any]:
    """The events of the requests that the receiver has accepted."""
    return [event for delivery in receiver.taken for event in delivery.json()["data"]]


def test_a_new_subscription_is_listed_without_its_secret(server: RunningServer) -> None:
    added = add(server, list_ids=[PHONE_NUMBER_ID])
    secret = added.pop("secret")

    listed = call(server, "GET", PATH)
    one = call(server, "GET", f"{PATH}/{added['subscription_id']}")

    assert len(secret) >= 40
    assert done(listed) == {"data": [added]}
    assert done(one) == added
    assert added["list_ids"] == [PHONE_NUMBER_ID]
    assert (added["url"], added["made_by"]) == (URL, "test")


def test_a_secret_of_the_caller_is_used(server: RunningServer) -> None:
    assert add(server, secret=SECRET)["secret"] == SECRET


def test_two_random_secrets_differ(server: RunningServer) -> None:
    assert add(server)["secret"] != add(server)["secret"]


def test_no_log_has_a_secret(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        added = add(server)
        call(server, "DELETE", f"{PATH}/{added['subscription_id']}")

    assert added["secret"] not in caplog.text


def test_the_database_does_not_contain_the_secret(server: RunningServer, tmp_path: Path) -> None:
    secret = add(server)["secret"]

    files = list(tmp_path.glob("wablock.db*"))

    assert len(files) > 1
    assert all(secret.encode() not in file.read_bytes() for file in files)


def test_a_removed_subscription_is_gone(server: RunningServer) -> None:
    path = f"{PATH}/{add(server)['subscription_id']}"

    assert done(call(server, "DELETE", path)) == {"success": True}
    assert call(server, "DELETE", path).status_code == 400
    assert call(server, "GET", path).status_code == 400
    assert done(call(server, "GET", PATH)) == {"data": []}


def test_another_account_cannot_see_or_remove_a_subscription(server: RunningServer) -> None:
    path = f"{PATH}/{add(server)['subscription_id']}"

    assert done(call(server, "GET", PATH, "stranger")) == {"data": []}
    assert call(server, "GET", path, "stranger").status_code == 400
    assert call(server, "DELETE", path, "stranger").status_code == 400
    assert call(server, "GET", path).status_code == 200


@pytest.mark.parametrize("token", ["limited", Scope.READ, Scope.WRITE, Scope.SEND])
def test_a_token_needs_manage_and_all_numbers_of_the_account(server: RunningServer, token: str) -> None:
    path = f"{PATH}/{add(server)['subscription_id']}"

    answers = [
        call(server, "GET", PATH, token),
        call(server, "POST", PATH, token, url=URL),
        call(server, "GET", path, token),
        call(server, "DELETE", path, token),
    ]

    assert {error_of(answer)[:2] for answer in answers} == {(403, 10)}


def test_a_token_that_may_not_read_cannot_subscribe(server: RunningServer) -> None:
    """The events name users."""
    assert error_of(call(server, "POST", PATH, Scope.MANAGE, url=URL))[:2] == (403, 10)
    assert call(server, "GET", PATH, Scope.MANAGE).status_code == 200


@pytest.mark.parametrize("list_id", [FOREIGN, "106540352242999", "list_0000000000000000", "x"])
def test_a_list_of_no_or_another_account_is_refused(server: RunningServer, list_id: str) -> None:
    answer = call(server, "POST", PATH, url=URL, list_ids=[PHONE_NUMBER_ID, list_id])

    assert error_of(answer) == (400, 100, "(#100) Param list_ids[1] is not a list of the account.")


def test_a_shared_list_can_be_subscribed_to(server: RunningServer) -> None:
    list_id = done(call(server, "POST", "/v1/lists", name="fraud", kind="block"))["list_id"]

    assert add(server, list_ids=[list_id, list_id])["list_ids"] == [list_id]


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "169.254.169.254", "10.0.0.1", "localhost", "[::1]"])
def test_an_address_inside_is_refused(server: RunningServer, host: str) -> None:
    assert call(server, "POST", PATH, url=f"http://{host}:8080/").status_code == 400
    assert done(call(server, "GET", PATH)) == {"data": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "ftp://8.8.8.8/"},
        {"url": URL, "list_ids": []},
        {"url": URL, "list_ids": "all"},
        {"url": URL, "list_ids": [7]},
        {"url": URL, "secret": "short"},
        {"url": URL, "secret": APP_SECRET},
        {"url": URL, "may_be_inside": True},
        {"url": URL + "\0"},
    ],
)
def test_an_invalid_subscription_is_refused(server: RunningServer, body: dict[str, Any]) -> None:
    assert call(server, "POST", PATH, **body).status_code == 400
    assert done(call(server, "GET", PATH)) == {"data": []}


def test_an_account_may_have_ten_subscriptions(server: RunningServer) -> None:
    def status(_: int) -> int:
        return call(server, "POST", PATH, url=URL).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(status, range(MOST_SET_BY_TOKENS + 3)))

    assert sorted(statuses) == [201] * MOST_SET_BY_TOKENS + [400] * 3


def test_the_subscriptions_of_a_token_can_be_removed_with_it(server: RunningServer) -> None:
    made = done(call(server, "POST", "/v1/tokens", label="console", scopes=["read", "manage"]))
    theirs = add(server, made["token"])["subscription_id"]
    own = add(server)["subscription_id"]

    revoked = done(call(server, "DELETE", f"/v1/tokens/{made['token_id']}?with_made=true"))

    assert revoked["subscription_ids"] == [theirs]
    assert [it["subscription_id"] for it in done(call(server, "GET", PATH))["data"]] == [own]


def test_a_subscriber_gets_a_signed_event(server: RunningServer, receiver: Receiver) -> None:
    subscribe(server, receiver.url)

    block(server, "16505550101")

    wait_until(lambda: receiver.taken, "no event was delivered")
    (delivery,) = receiver.taken
    assert delivery.headers["x-hub-signature-256"] == signed(delivery.body, SECRET)
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.json()["object"] == "wablock_events"
    assert delivery.json()["account_id"] == ACCOUNT_ID


def test_an_event_is_as_the_api_shows_it(server: RunningServer, receiver: Receiver) -> None:
    subscribe(server, receiver.url)
    block(server, "16505550101")

    wait_until(lambda: receiver.taken, "no event was delivered")

    assert events_in(receiver) == done(call(server, "GET", "/v1/events"))["data"]


def test_events_of_shared_lists_arrive_from_the_first_to_the_last(server: RunningServer, receiver: Receiver) -> None:
    subscribe(server, receiver.url)
    list_id = done(call(server, "POST", "/v1/lists", name="fraud", kind="block"))["list_id"]
    done(call(server, "POST", f"/v1/lists/{list_id}/members", users=[{"user": "+16505550101"}]))
    done(call(server, "DELETE", f"/v1/lists/{list_id}"))

    wait_until(lambda: len(events_in(receiver)) >= 3, "not all events were delivered")

    assert [event["kind"] for event in events_in(receiver)] == ["create", "block", "delete"]


def test_a_subscriber_that_fails_gets_every_event_in_order(server: RunningServer, receiver: Receiver) -> None:
    subscribe(server, receiver.url)
    receiver.statuses = [500, 302, 404]

    for user in range(20):
        block(server, str(16505550101 + user))

    wait_until(lambda: len(events_in(receiver)) == 20, "not all events were delivered")
    users = [event["users"][0]["wa_id"] for event in events_in(receiver)]
    assert users == [str(16505550101 + user) for user in range(20)]


def test_a_private_address_that_a_token_set_is_not_called(server: RunningServer, receiver: Receiver) -> None:
    """The check of the URL may be passed by a name that resolves to another address later."""

    async def work() -> None:
        new = NewSubscription(url=receiver.url)
        assert await subscriptions_of(server.wired.store, KEY).add_for(ACCOUNT_ID, new)

    asyncio.run(work())
    block(server, "16505550101")

    wait_until(lambda: 'wablock_subscription_requests_total{result="failed"}' in metrics(server), "nothing was tried")
    assert receiver.deliveries == []


def test_the_metrics_count_what_was_delivered(server: RunningServer, receiver: Receiver) -> None:
    subscribe(server, receiver.url)
    block(server, "16505550101")

    wait_until(lambda: "wablock_subscription_events_total 1.0" in metrics(server), "no event was counted")

    text = metrics(server)
    assert 'wablock_subscription_requests_total{result="accepted"} 1.0' in text
    assert "wablock_subscription_lag_seconds_count 1.0" in text
    assert "wablock_subscription_skips_total 0.0" in text


_BIG: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 1_000_000
_ANSWERS: Final = {
    "garbage": b"\x00\xff" * 1_000,
    "a redirect": b"HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"x-header: 1\r\n" * 100_000,
    "a huge body": _BIG,
    "nothing": b"",
}


@pytest.mark.parametrize("answer", _ANSWERS.values(), ids=_ANSWERS)
def test_a_hostile_subscriber_does_not_stop_the_server(
    server: RunningServer, receiver: Receiver, answer: bytes
) -> None:
    class Hostile(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            with contextlib.suppress(OSError):
                self.request.sendall(answer)

    with listening(Hostile) as port:
        subscribe(server, f"http://127.0.0.1:{port}/")
        subscribe(server, receiver.url)
        block(server, "16505550101")

        wait_until(lambda: receiver.taken, "the other subscriber got nothing")
        wait_until(lambda: "wablock_subscription_requests_total" in metrics(server), "nothing was sent")
        block(server, "16505550102")
        wait_until(lambda: len(events_in(receiver)) == 2, "the other subscriber got nothing more")


def test_a_server_stops_while_a_subscriber_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with running_server(tmp_path, key=KEY, numbers=NUMBERS, tokens=TOKENS) as server:
            subscribe(server, f"http://127.0.0.1:{silent.getsockname()[1]}/")
            block(server, "16505550101")
            connection, _ = silent.accept()
            connection.recv(1)  # the request has arrived
        connection.close()  # only now, when the server has stopped


def metrics(server: RunningServer) -> str:
    return httpx2.get(server.url + "/metrics").text
