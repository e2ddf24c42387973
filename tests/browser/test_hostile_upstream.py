"""Two tenants on one origin: one tenant's upstream attacks the other's browser, with every path forwarded."""

import asyncio
from collections.abc import Iterator
from typing import Final

import pytest
from tests.browser.hostile_upstream import HostileUpstream, attacking
from tests.browser.reader import Reader
from tests.running_server import NUMBER, TOKEN, RunningServer, running_server
from tests.server.test_webhooks import KEY

from wablock.access import ALL_SCOPES, AccessToken, digest
from wablock.block_list.ports import BusinessNumber
from wablock.gate.ports import Upstream
from wablock.settings import GateSettings
from wablock.wiring import routes_of

A: Final = BusinessNumber("106540352242998", "account of A")
TOKEN_OF_A: Final = "token-of-a"
OF_A: Final = AccessToken(digest(TOKEN_OF_A), A.account_id, "A", ALL_SCOPES, None, 0)
AS_A: Final = {"Authorization": f"Bearer {TOKEN_OF_A}"}
TOKEN_OF_B: Final = TOKEN


@pytest.fixture(scope="module")
def module_upstream() -> Iterator[HostileUpstream]:
    with attacking() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, module_upstream: HostileUpstream) -> Iterator[RunningServer]:
    gate = GateSettings(pass_through=True)
    path = tmp_path_factory.mktemp("server")
    with running_server(path, key=KEY, gate=gate, numbers=[NUMBER, A], tokens=[OF_A]) as running:
        upstream = Upstream(A.phone_number_id, module_upstream.url, "metas-token", may_be_inside=True)
        assert asyncio.run(routes_of(running.wired.store, KEY).upstreams.set(A.account_id, upstream))
        module_upstream.link = f"{running.url}/v25.0/{A.phone_number_id}/{{}}?access_token={TOKEN_OF_A}"
        yield running


@pytest.fixture
def upstream(server: RunningServer, module_upstream: HostileUpstream) -> HostileUpstream:  # noqa: ARG001 -- has its link
    module_upstream.sends.clear()
    module_upstream.loot.clear()
    module_upstream.installed.clear()
    return module_upstream


def test_no_page_of_tenant_a_sees_the_token_of_tenant_b(
    server: RunningServer, browser: Reader, upstream: HostileUpstream
) -> None:
    with browser.reading() as page:
        page.goto(upstream.link.format("installs"))
        page.goto(f"{server.url}/docs")

        status = page.evaluate(
            "([path, token]) => fetch(path, {headers: {Authorization: `Bearer ${token}`}}).then(got => got.status)",
            [server.block_users, TOKEN_OF_B],
        )

        workers = page.evaluate("navigator.serviceWorker.getRegistrations().then(found => found.length)")
    assert status == 200
    assert (workers, upstream.loot) == (0, [])


def test_a_service_worker_is_not_installed_even_with_a_token_in_the_header(
    browser: Reader, upstream: HostileUpstream
) -> None:
    with browser.reading() as page:
        page.context.set_extra_http_headers(AS_A)

        outcome = page.evaluate(
            "script => navigator.serviceWorker.register(script, {scope: '/'}).then(() => 'installed', () => 'refused')",
            upstream.link.format("worker"),
        )

    assert outcome == "refused"
    assert upstream.sends == []


def test_an_upstreams_page_runs_no_script(browser: Reader, upstream: HostileUpstream) -> None:
    with browser.reading() as page:
        page.context.set_extra_http_headers(AS_A)

        page.goto(upstream.link.format("runs"), wait_until="networkidle")

        kind, title = page.evaluate("[document.contentType, document.title]")
    assert upstream.sends != []  # the page was loaded
    assert upstream.loot == []
    assert (kind, title) == ("text/plain", "")


def test_an_upstream_cannot_clear_our_data_in_a_browser(
    server: RunningServer, browser: Reader, upstream: HostileUpstream
) -> None:
    with browser.reading() as page:
        page.evaluate("localStorage.setItem('kept', 'yes')")
        page.evaluate(
            "([url, token]) => fetch(url, {headers: {Authorization: `Bearer ${token}`}}).then(got => got.text())",
            [upstream.link.format("clears").partition("?")[0], TOKEN_OF_A],
        )

        page.goto(f"{server.url}/docs")

        assert page.evaluate("localStorage.getItem('kept')") == "yes"
    assert upstream.sends != []


def test_a_link_with_a_token_sends_nothing_to_the_upstream(browser: Reader, upstream: HostileUpstream) -> None:
    with browser.reading() as page:
        answer = page.goto(upstream.link.format("media"))

    assert answer is not None
    assert (answer.status, upstream.sends) == (400, [])


def test_another_pages_form_with_a_token_sends_nothing_to_the_upstream(
    browser: Reader, upstream: HostileUpstream
) -> None:
    with browser.reading() as page:
        page.goto(f"{upstream.url}/form")

        with page.expect_navigation() as navigation:
            page.evaluate("document.forms[0].submit()")

    assert navigation.value is not None
    assert (navigation.value.status, upstream.sends) == (400, [])


def test_a_page_that_opened_ours_cannot_control_it(
    server: RunningServer, browser: Reader, upstream: HostileUpstream
) -> None:
    with browser.reading() as page:
        page.goto(f"{upstream.url}/runs")
        with page.expect_popup() as popup:
            page.evaluate("url => { window.opened = open(url) }", f"{server.url}/docs")
        popup.value.wait_for_load_state()

        assert popup.value.evaluate("window.opener") is None
        assert page.evaluate("opened.closed") is True
