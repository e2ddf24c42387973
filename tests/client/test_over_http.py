"""Both clients with real servers: wablock, a server without a check, and broken servers."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from tests.black_box.subjects import Passed, between
from tests.client.shells import Calling, calling
from tests.listening import QuietHandler, listening
from tests.running_server import RunningServer, running_server

from wablock.block_list.ports import Rules
from wablock.client import (
    AsyncClient,
    Client,
    InvalidAccessToken,
    InvalidParameter,
    NoAnswer,
    Retries,
    SomeUsersFailed,
    UnknownObject,
    User,
)
from wablock.settings import AnswerSettings

USERS = [f"+165055501{n:02d}" for n in range(1, 13)]
WA_IDS = [user[1:] for user in USERS]
AT_ONCE = Retries(first=0.001)

kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, server: RunningServer) -> Iterator[Calling]:
    """A client of an empty list."""
    with calling(request.param, server.token, server.phone_number_id, base_url=server.url) as made:
        yield made
        made.unblock(USERS)


def test_a_blocked_user_is_listed_and_checked_until_unblocked(client: Calling) -> None:
    blocked = client.block(USERS)
    listed = client.blocked_users()
    checked = client.check([*USERS, "+16505550199"])
    unblocked = client.unblock(USERS)

    assert [(user.input, user.wa_id) for user in blocked] == list(zip(USERS, WA_IDS, strict=True))
    assert [user.wa_id for user in listed] == WA_IDS
    assert [user.blocked for user in checked] == [True] * len(USERS) + [False]
    assert [user.wa_id for user in unblocked] == WA_IDS
    assert client.blocked_users() == []


def test_pages_go_forward_and_back(client: Calling) -> None:
    client.block(USERS)

    forward = client.pages(limit=5)
    back = client.pages(limit=5, before=forward[-1].before)

    assert [len(page.users) for page in forward] == [5, 5, 2]
    assert [user.wa_id for page in forward for user in page.users] == WA_IDS
    assert [user.wa_id for page in reversed(back) for user in page.users] == WA_IDS[:10]


def test_details_of_a_user_are_returned_if_requested(client: Calling) -> None:
    client.block([User(USERS[0], note="wrote 40 times")], reason="spam", expires_at=4_000_000_000)

    [user] = client.blocked_users(fields="input,reason,note,blocked_by,expires_at")

    assert (user.input, user.reason, user.note, user.blocked_by, user.expires_at) == (
        USERS[0],
        "spam",
        "wrote 40 times",
        "test",
        4_000_000_000,
    )


def test_one_user_is_checked_in_any_spelling(client: Calling) -> None:
    client.block(USERS[0])

    assert client.is_blocked("(650) 555-0101")
    assert not client.is_blocked(USERS[1])


@kinds
@pytest.mark.parametrize("status", [200, 400])
def test_under_metas_rules_a_user_who_did_not_write_is_named(
    tmp_path: Path, kind: str, status: Literal[200, 400]
) -> None:
    answers = AnswerSettings(partial_failure_status=status)
    with (
        running_server(tmp_path, rules=Rules.META, answers=answers) as server,
        calling(kind, server.token, server.phone_number_id, base_url=server.url) as client,
    ):
        _write(server, USERS[0])

        with pytest.raises(SomeUsersFailed) as caught:
            client.block(USERS[:2])

    assert [user.wa_id for user in caught.value.done] == WA_IDS[:1]
    assert [(user.wa_id, user.code) for user in caught.value.failed] == [(WA_IDS[1], 131047)]
    assert caught.value.fbtrace_id


@kinds
def test_under_metas_rules_a_listing_survives_changes(tmp_path: Path, kind: str) -> None:
    with running_server(tmp_path, rules=Rules.META) as server:
        _write(server, *USERS)
        with calling(kind, server.token, server.phone_number_id, base_url=server.url) as client:
            client.block(USERS[1:])
            listed = _walked_while(server, kind, lambda: client.block(USERS[0]))

    assert len(listed) == len(WA_IDS)
    assert set(listed) == set(WA_IDS)


def test_a_wrong_token_has_its_own_error(server: RunningServer) -> None:
    with (
        Client("wrong", server.phone_number_id, base_url=server.url) as stranger,
        pytest.raises(InvalidAccessToken) as caught,
    ):
        stranger.page()

    assert (caught.value.code, caught.value.status) == (190, 401)


@kinds
def test_an_unknown_number_and_a_bad_cursor_have_errors_of_their_own(server: RunningServer, kind: str) -> None:
    with calling(kind, server.token, "1", base_url=server.url) as client, pytest.raises(UnknownObject):
        client.check("+16505550101")
    with (
        calling(kind, server.token, server.phone_number_id, base_url=server.url) as client,
        pytest.raises(InvalidParameter, match="after"),
    ):
        client.pages(after="nonsense")


async def test_many_tasks_use_one_client(server: RunningServer) -> None:
    async with AsyncClient(server.token, server.phone_number_id, base_url=server.url) as client:
        await asyncio.gather(*map(client.block, USERS))
        listed = {user.wa_id async for user in client.blocked_users()}
        await client.unblock(USERS)

    assert listed == set(WA_IDS)


def test_an_http_client_of_the_caller_stays_open(server: RunningServer) -> None:
    with httpx2.Client(headers={"x-mine": "1"}) as http:
        with Client(server.token, server.phone_number_id, base_url=server.url, http=http) as client:
            client.page()

        assert not http.is_closed


@kinds
def test_the_list_is_read_from_a_server_without_a_check(server: RunningServer, kind: str) -> None:
    with calling(kind, server.token, server.phone_number_id, base_url=server.url) as client:
        client.block(USERS[0])
    try:
        with (
            _as_meta_answers(server) as url,
            calling(kind, server.token, server.phone_number_id, base_url=url) as client,
        ):
            checked = client.check(USERS[:2])
    finally:
        with calling(kind, server.token, server.phone_number_id, base_url=server.url) as client:
            client.unblock(USERS[0])

    assert [user.blocked for user in checked] == [True, False]


@kinds
@pytest.mark.parametrize("count, requests", [(2, 1), (4, 1), (12, 3)])
def test_a_list_of_wablock_takes_one_request_per_page(
    server: RunningServer, kind: str, count: int, requests: int
) -> None:
    received: list[str] = []
    with (
        calling(kind, server.token, server.phone_number_id, base_url=server.url) as owner,
        between(server.url, on_request=lambda request: received.append(request.method)) as url,
        calling(kind, server.token, server.phone_number_id, base_url=url) as client,
    ):
        owner.block(USERS[:count])
        listed = client.blocked_users(limit=4)
        owner.unblock(USERS)

    assert len(listed) == count
    assert len(received) == requests


@kinds
def test_a_server_with_only_cursors_is_listed_and_searched_to_the_end(server: RunningServer, kind: str) -> None:
    with (
        calling(kind, server.token, server.phone_number_id, base_url=server.url) as owner,
        between(server.url, on_request=_without_check, on_answer=_cursors_alone) as url,
        calling(kind, server.token, server.phone_number_id, base_url=url) as client,
    ):
        owner.block(USERS)
        listed = [user.wa_id for user in client.blocked_users(limit=4)]
        back = client.pages(limit=5, before=client.pages(limit=5)[2].before)
        checked = client.check([*USERS, "+16505550199"])
        owner.unblock(USERS)

    assert listed == WA_IDS
    assert [len(page.users) for page in back] == [5, 5, 0]
    assert [user.blocked for user in checked] == [True] * len(USERS) + [False]


@kinds
def test_a_closed_port_is_no_answer(kind: str) -> None:
    with (
        calling(kind, "a-token", "1", base_url="http://127.0.0.1:1", retries=Retries(most=1, first=0)) as client,
        pytest.raises(NoAnswer, match="No answer"),
    ):
        client.block(USERS[0])


@kinds
def test_a_connection_that_breaks_off_is_retried(kind: str) -> None:
    fails = [_hangs_up, _says(502, b"<html>Bad gateway"), _hangs_up]
    with (
        _serving(fails, then=_says(200, b'{"data":[]}')) as url,
        calling(kind, "a-token", "1", base_url=url, retries=AT_ONCE) as client,
    ):
        assert client.blocked_users() == []

    assert fails == []


@kinds
def test_a_redirect_is_not_followed_with_the_token(kind: str) -> None:
    with (
        _serving([], then=_says(302, b"", location="http://127.0.0.1:1/")) as url,
        calling(kind, "a-token", "1", base_url=url, retries=AT_ONCE) as client,
        pytest.raises(NoAnswer, match="status 302"),
    ):
        client.blocked_users()


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "tokén"])
def test_an_invalid_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ValueError, match="token must be") as caught:
        Client(token, "1")

    assert "break" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "graph.facebook.com",
        "ftp://host",
        "http://",
        "http://host/?a=1",
        "http://[::1",
        "http://host:abc",
        "http://é..com",
    ],
)
def test_an_invalid_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base_url must begin with"):
        Client("a-token", "1", base_url=url)


def test_a_password_in_the_base_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="no password") as caught:
        Client("a-token", "1", base_url="https://user:hunter2@host")

    assert "hunter2" not in str(caught.value)


def _write(server: RunningServer, *users: str) -> None:
    path = f"{server.url}/v1/numbers/{server.phone_number_id}/last_inbound"
    headers = {"authorization": f"Bearer {server.token}"}
    httpx2.put(path, json={"users": users}, headers=headers).raise_for_status()


def _walked_while(server: RunningServer, kind: str, change: Callable[[], Any]) -> list[str | None]:
    """The users that a client reads if the list changes after the first page."""
    if kind == "sync":
        with Client(server.token, server.phone_number_id, base_url=server.url) as client:
            wa_ids = []
            for place, page in enumerate(client.pages(limit=4)):
                wa_ids += [user.wa_id for user in page.users]
                if place == 0:
                    change()
            return wa_ids

    async def walk() -> list[str | None]:
        async with AsyncClient(server.token, server.phone_number_id, base_url=server.url) as client:
            wa_ids, is_first = [], True
            async for page in client.pages(limit=4):
                wa_ids += [user.wa_id for user in page.users]
                if is_first:
                    await asyncio.to_thread(change)
                is_first = False
            return wa_ids

    return asyncio.run(walk())


_Answering = Callable[[BaseHTTPRequestHandler], None]


def _hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def _says(status: int, body: bytes, **headers: str) -> _Answering:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def _serving(first: list[_Answering], then: _Answering) -> Iterator[str]:
    """A server that gives each answer of `first` once, and then always `then`."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.0"  # each answer ends its connection

        def do_GET(self) -> None:
            self.read_body()
            (first.pop(0) if first else then)(self)

        do_POST = do_DELETE = do_GET

    with listening(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def _without_check(request: Passed) -> None:
    if request.path.startswith("/v1/"):
        request.path = "/v1/nothing"


def _cursors_alone(answer: Passed) -> None:
    """Keep only the members of the reference page: no links, and nothing of wablock's own."""
    answer.headers = {name: value for name, value in answer.headers.items() if name.lower() != "x-wablock-page"}
    data = answer.json
    if isinstance(data, dict) and "paging" in data:
        data["paging"] = {"cursors": data["paging"]["cursors"]}
        answer.json = data


@contextmanager
def _as_meta_answers(server: RunningServer) -> Iterator[str]:
    """The same server without `/v1`, at another address."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/v1/"):
            _says(400, b'{"error":{"message":"Unknown path components: /numbers","code":2500}}')(handler)
            return
        headers = {"authorization": handler.headers["authorization"]}
        passed = httpx2.request(handler.command, server.url + handler.path, headers=headers)
        _says(passed.status_code, passed.content)(handler)

    with _serving([], then=answer) as url:
        yield url


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch, server: RunningServer) -> None:
    """Set a proxy in the environment: wablock, which answers the path of a proxied request itself."""
    monkeypatch.setenv("HTTP_PROXY", server.url)
    for name in ("http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@kinds
@pytest.mark.usefixtures("proxied")
def test_a_proxy_of_the_environment_is_used(kind: str, server: RunningServer) -> None:
    with calling(kind, server.token, server.phone_number_id, base_url="http://wablock.invalid") as client:
        assert client.blocked_users() == []


@pytest.mark.usefixtures("proxied")
def test_a_proxy_of_the_environment_can_be_switched_off(server: RunningServer) -> None:
    with httpx2.Client(trust_env=False) as http:
        client = Client(
            server.token,
            server.phone_number_id,
            base_url="http://wablock.invalid",
            retries=Retries(most=0),
            http=http,
        )

        with pytest.raises(NoAnswer):
            client.page()
