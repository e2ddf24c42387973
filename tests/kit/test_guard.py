"""Requests that pages of other sites make a browser send to a development server."""

from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, Final

import httpx2
import pytest
from tests.server.test_webhooks import message, signed, webhook

from wablock.kit.serving import Served, served_in_a_thread
from wablock.settings import DEV_APP_SECRET, DEV_PHONE_NUMBER_ID, DEV_TOKEN, DevSettings

LIST: Final = f"/v25.0/{DEV_PHONE_NUMBER_ID}/block_users"
PUBLIC: Final = {"Authorization": f"Bearer {DEV_TOKEN}"}
FORM: Final = {
    "access_token": DEV_TOKEN,
    "messaging_product": "whatsapp",
    "block_users": '[{"user":"+16505550101"}]',
}
FOREIGN: Final[list[dict[str, str]]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "of-tomorrow"},
]

foreign = pytest.mark.parametrize("browser", FOREIGN, ids=str)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with served_in_a_thread(DevSettings(log_requests=False)) as made:
        yield made


@pytest.fixture
def dev(served: Served) -> Iterator[httpx2.Client]:
    """A client of a server that has blocked no user."""
    with httpx2.Client(base_url=served.url) as client:
        assert client.post("/dev/reset", headers=PUBLIC).status_code == 200
        yield client


def _blocked(dev: httpx2.Client) -> list[str]:
    return [user["wa_id"] for user in dev.get(LIST, headers=PUBLIC).json()["data"]]


def _is_refused(answer: httpx2.Response) -> bool:
    return (answer.status_code, answer.json()["error"]["code"]) == (403, 10)


# -- Host


@pytest.mark.parametrize(
    "path", ["/dev/clock", LIST, "/docs", "/healthz", "/openapi.json", "/webhooks/whatsapp", "/no"]
)
def test_a_name_that_is_not_the_servers_reaches_nothing(dev: httpx2.Client, path: str) -> None:
    answer = dev.get(path, headers={**PUBLIC, "Host": "evil.example"})

    assert _is_refused(answer)
    assert "'evil.example'" in answer.json()["error"]["error_data"]["details"]
    assert "--allow-hosts" in answer.json()["error"]["error_data"]["details"]


@pytest.mark.parametrize("hosts", [[], ["localhost", "evil.example"]], ids=str)
def test_a_request_without_one_host_reaches_nothing(served: Served, hosts: list[str]) -> None:
    connection = HTTPConnection(served.url.removeprefix("http://"))
    connection.putrequest("GET", LIST, skip_host=True)
    for name, value in [*PUBLIC.items(), *(("Host", host) for host in hosts)]:
        connection.putheader(name, value)
    connection.endheaders()

    status = connection.getresponse().status
    connection.close()

    assert status == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8080", "bot.localhost:8080"])
def test_the_names_of_this_machine_reach_all(dev: httpx2.Client, host: str) -> None:
    assert dev.get("/dev/clock", headers={**PUBLIC, "Host": host}).status_code == 200


def test_an_allowed_name_reaches_the_server() -> None:
    settings = DevSettings(log_requests=False, token="my-own", allow_hosts="a.example, tunnel.example")
    with served_in_a_thread(settings) as served:
        headers = {"Authorization": "Bearer my-own", "Host": "tunnel.example"}

        answer = httpx2.get(served.url + LIST, headers=headers)

    assert answer.status_code == 200


# -- pages of other origins


@foreign
@pytest.mark.parametrize(
    "form",
    [
        {"data": FORM},
        {"data": FORM, "files": {"a": b""}},
        {"params": FORM},
        {"params": FORM, "content": b"=\r\n", "headers": {"Content-Type": "text/plain"}},
        {"params": {"access_token": DEV_TOKEN}, "json": {**FORM, "block_users": [{"user": "+16505550101"}]}},
    ],
    ids=["urlencoded", "multipart", "query", "plain", "json"],
)
def test_a_form_of_another_page_changes_nothing(
    dev: httpx2.Client, form: dict[str, Any], browser: dict[str, str]
) -> None:
    answer = dev.post(LIST, **{**form, "headers": {**form.get("headers", {}), **browser}})

    assert _blocked(dev) == []
    assert _is_refused(answer)


@foreign
@pytest.mark.parametrize(
    "method, path",
    [("POST", LIST), ("GET", LIST), ("POST", "/dev/reset"), ("GET", "/dev/journal"), ("POST", "/v1/tokens")],
)
def test_the_public_token_opens_nothing_to_another_page(
    dev: httpx2.Client, method: str, path: str, browser: dict[str, str]
) -> None:
    answer = dev.request(method, path, headers={**PUBLIC, **browser})

    assert _is_refused(answer)
    assert "POST /v1/tokens" in answer.json()["error"]["error_data"]["details"]


@foreign
@pytest.mark.parametrize("name", ["access_token", "access%5Ftoken", "%61ccess_token"])
def test_a_token_in_the_query_opens_nothing_to_another_page(
    dev: httpx2.Client, name: str, browser: dict[str, str]
) -> None:
    assert _is_refused(dev.get(f"{LIST}?{name}={DEV_TOKEN}", headers=browser))


@foreign
def test_another_page_sends_no_webhook_with_the_public_secret(dev: httpx2.Client, browser: dict[str, str]) -> None:
    body = webhook(message("16505550101"))
    headers = {"X-Hub-Signature-256": signed(body, DEV_APP_SECRET), "Authorization": "Bearer anything", **browser}

    assert _is_refused(dev.post("/webhooks/whatsapp", content=body, headers=headers))


@foreign
def test_another_page_with_its_own_token_is_served(dev: httpx2.Client, browser: dict[str, str]) -> None:
    token = dev.post("/v1/tokens", json={"label": "page"}, headers=PUBLIC).json()["token"]
    body = {"messaging_product": "whatsapp", "block_users": [{"user": "+16505550101"}]}

    answer = dev.post(LIST, json=body, headers={"Authorization": f"Bearer {token}", **browser})

    assert answer.status_code == 200
    assert _blocked(dev) == ["16505550101"]


@foreign
def test_another_page_with_the_servers_own_token_reaches_dev(browser: dict[str, str]) -> None:
    with served_in_a_thread(DevSettings(log_requests=False, token="my-own")) as served:
        answer = httpx2.post(f"{served.url}/dev/reset", headers={"Authorization": "Bearer my-own", **browser})

    assert answer.status_code == 200


@foreign
@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/healthz"])
def test_routes_without_a_token_can_be_read_from_any_page(
    dev: httpx2.Client, path: str, browser: dict[str, str]
) -> None:
    assert dev.get(path, headers=browser).status_code == 200


@foreign
def test_another_page_may_send_a_preflight_for_a_token(dev: httpx2.Client, browser: dict[str, str]) -> None:
    assert dev.options(LIST, headers=browser).status_code == 200


# -- the server's own pages, and programs


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_servers_own_page_uses_the_public_token(served: Served, dev: httpx2.Client, site: str) -> None:
    headers = {"Origin": served.url, "Sec-Fetch-Site": site}

    assert dev.post(LIST, data=FORM, headers=headers).status_code == 200


def test_a_program_uses_the_public_token_in_a_form(dev: httpx2.Client) -> None:
    dev.post(LIST, data=FORM)

    assert _blocked(dev) == ["16505550101"]
