"""Pages of other sites in a real Chromium that attack a development server on the same machine.

Every attack here succeeds on a server that checks neither `Host` nor `Origin` and `Sec-Fetch-Site`.
"""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

import httpx2
import pytest
from playwright.sync_api import Page
from tests.browser.reader import Reader, reader
from tests.listening import QuietHandler, listening

from wablock.kit.serving import Served, served_in_a_thread
from wablock.settings import DEV_PHONE_NUMBER_ID, DEV_TOKEN, DevSettings

LIST: Final = f"/v25.0/{DEV_PHONE_NUMBER_ID}/block_users"
HEADERS: Final = {"Authorization": f"Bearer {DEV_TOKEN}"}
USER: Final = "+16505550101"
BLOCK: Final = {"messaging_product": "whatsapp", "block_users": json.dumps([{"user": USER}])}
FORM: Final = {"access_token": DEV_TOKEN, **BLOCK}
JSON: Final = json.dumps({"messaging_product": "whatsapp", "block_users": [{"user": USER}]})

# A page of another site, and one of another program on this machine: Sec-Fetch-Site is cross-site and same-site.
ATTACKERS: Final = ("attacker.example", "127.0.0.1")

_SUBMIT = """([action, type, fields]) => {
  const form = document.createElement('form')
  Object.assign(form, {action, method: 'POST', enctype: type})
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement('input')
    Object.assign(input, {type: 'hidden', name, value})
    form.append(input)
  }
  document.body.append(form)
  form.submit()
}"""
_FETCH = """([url, options]) => fetch(url, options).then(
  async (answer) => answer.status + ' ' + await answer.text(), (failure) => String(failure))"""


class _EmptyPage(QuietHandler):
    def do_GET(self) -> None:
        page = b"<!doctype html><title>A page</title><body></body>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


@pytest.fixture(scope="module")
def dev() -> Iterator[Served]:
    with served_in_a_thread(DevSettings(log_requests=False)) as served:
        yield served


@pytest.fixture(scope="module")
def attacker_port() -> Iterator[int]:
    with listening(_EmptyPage) as port:
        yield port


@pytest.fixture(scope="module")
def browser(dev: Served, attacker_port: int) -> Iterator[Reader]:  # noqa: ARG001 - the servers first, see conftest
    rules = "MAP *.example 127.0.0.1"  # all traffic goes to loopback, under names of other sites
    # Chromium shows a prompt before a page reaches this machine; other browsers do not, and users accept it.
    flags = (f"--host-resolver-rules={rules}", "--disable-features=LocalNetworkAccessChecks")
    with reader(dev.url, *flags) as made:
        yield made


@pytest.fixture(params=ATTACKERS)
def page(request: pytest.FixtureRequest, dev: Served, browser: Reader, attacker_port: int) -> Iterator[Page]:
    """A page of the attacker; no user is blocked."""
    httpx2.post(f"{dev.url}/dev/reset", headers=HEADERS)
    yield from _page_at(browser, f"http://{request.param}:{attacker_port}/")


def _page_at(browser: Reader, url: str) -> Iterator[Page]:
    context = browser.browser.new_context()
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(url)
    try:
        yield page
    finally:
        context.close()


def _blocked(dev: Served) -> list[str]:
    answer = httpx2.get(dev.url + LIST, headers=HEADERS)
    return [user["wa_id"] for user in answer.json()["data"]]


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_another_page_blocks_no_user(dev: Served, page: Page, encoding: str) -> None:
    with page.expect_response(lambda answer: answer.url.startswith(dev.url)) as answer:
        page.evaluate(_SUBMIT, [dev.url + LIST, encoding, FORM])

    assert _blocked(dev) == []
    assert answer.value.status == 403


def test_a_form_of_another_page_with_all_in_its_address_blocks_no_user(dev: Served, page: Page) -> None:
    with page.expect_response(lambda answer: answer.url.startswith(dev.url)) as answer:
        page.evaluate(_SUBMIT, [f"{dev.url}{LIST}?{urlencode(FORM)}", "text/plain", {}])

    assert _blocked(dev) == []
    assert answer.value.status == 403


def test_a_request_of_another_page_without_preflight_blocks_no_user(dev: Served, page: Page) -> None:
    page.evaluate(_FETCH, [f"{dev.url}{LIST}?{urlencode(FORM)}", {"method": "POST", "mode": "no-cors"}])

    assert _blocked(dev) == []


def test_a_request_of_another_page_with_the_public_token_blocks_no_user(dev: Served, page: Page) -> None:
    headers = {**HEADERS, "Content-Type": "application/json"}

    page.evaluate(_FETCH, [dev.url + LIST, {"method": "POST", "headers": headers, "body": JSON}])

    assert _blocked(dev) == []


@pytest.mark.parametrize("url, headers", [(LIST, HEADERS), (f"{LIST}?access_token={DEV_TOKEN}", {})], ids=str)
def test_another_page_does_not_read_the_list_with_the_public_token(
    dev: Served, page: Page, url: str, headers: dict[str, str]
) -> None:
    httpx2.post(dev.url + LIST, headers=HEADERS, content=JSON)

    read = page.evaluate(_FETCH, [dev.url + url, {"headers": headers}])

    assert USER[1:] not in read


def test_a_sandboxed_frame_with_a_null_origin_blocks_no_user(dev: Served, page: Page) -> None:
    fields = "".join(f"<input name='{name}' value='{value}'>" for name, value in FORM.items())
    frame = f"<form method=post action={dev.url}{LIST}>{fields}</form><script>document.forms[0].submit()</script>"

    with page.expect_event("framenavigated", lambda navigated: navigated.url.startswith(dev.url)):
        page.evaluate(
            "(text) => document.body.append(Object.assign(document.createElement('iframe'),"
            "{sandbox: 'allow-forms allow-scripts', srcdoc: text}))",
            frame,
        )

    assert _blocked(dev) == []


# -- DNS rebinding: a name of the attacker that now resolves to this machine


@pytest.fixture
def rebound(dev: Served, browser: Reader) -> Iterator[Page]:
    """A page whose name resolved to the attacker's server when it was loaded, and resolves to this one now."""
    httpx2.post(f"{dev.url}/dev/reset", headers=HEADERS)
    httpx2.post(dev.url + LIST, headers=HEADERS, content=JSON)
    context = browser.browser.new_context()
    page = context.new_page()
    url = f"http://rebound.example:{dev.url.rpartition(':')[2]}/"
    page.route(url, lambda route: route.fulfill(body="<!doctype html><title>A page</title>", content_type="text/html"))
    page.goto(url)
    page.unroute(url)
    try:
        yield page
    finally:
        context.close()


def test_a_rebound_name_does_not_reach_dev(dev: Served, rebound: Page) -> None:
    answer = rebound.evaluate(_FETCH, ["/dev/reset", {"method": "POST", "headers": HEADERS}])

    assert _blocked(dev) == [USER[1:]]
    assert answer.startswith("403 ")


def test_a_rebound_name_does_not_read_the_list(rebound: Page) -> None:
    read = rebound.evaluate(_FETCH, [LIST, {"headers": HEADERS}])

    assert USER[1:] not in read
    assert read.startswith("403 ")


def test_a_rebound_name_reads_no_journal(rebound: Page) -> None:
    read = rebound.evaluate(_FETCH, ["/dev/journal", {"headers": HEADERS}])

    assert USER[1:] not in read
    assert read.startswith("403 ")


# -- legitimate pages


def test_a_page_of_another_origin_reads_the_list_with_its_own_token(dev: Served, page: Page) -> None:
    httpx2.post(dev.url + LIST, headers=HEADERS, content=JSON)
    token = httpx2.post(f"{dev.url}/v1/tokens", headers=HEADERS, json={"label": "page"}).json()["token"]

    read = page.evaluate(_FETCH, [dev.url + LIST, {"headers": {"Authorization": f"Bearer {token}"}}])

    assert read.startswith("200 ")
    assert USER[1:] in read


def test_a_link_on_another_page_leads_to_the_reference(dev: Served, page: Page) -> None:
    page.evaluate("(url) => { location.href = url }", f"{dev.url}/docs")

    page.wait_for_url(f"{dev.url}/docs")

    assert "Block" in page.title() + page.inner_text("h1")


def test_try_it_on_the_servers_own_page_accepts_the_public_token(dev: Served, browser: Reader) -> None:
    httpx2.post(f"{dev.url}/dev/reset", headers=HEADERS)
    with browser.reading() as page:
        form = page.locator("#blockUsers-try")
        form.locator("summary").click()
        form.locator('[name="Phone-Number-ID"]').fill(DEV_PHONE_NUMBER_ID)
        form.locator('[name="token"]').fill(DEV_TOKEN)
        form.get_by_role("button", name="Send").click()
        form.locator(".answered").wait_for()

        seen = form.locator(".result").inner_text()

    assert seen.startswith("200")
    assert _blocked(dev) != []
