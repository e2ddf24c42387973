"""The pages in use: they log no errors, are accessible, and run no hostile text."""

import subprocess
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page
from tests.browser.reader import Reader, open_all
from tests.missing import missing
from tests.running_server import PHONE_NUMBER_ID, RunningServer

from wablock.contract import versions

_FOLDER = Path(__file__).parents[2] / ".clients" / "browser"
_HOSTILE = "\"><script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>"
_JUDGE = """axe.run().then((found) => found.violations.map(
    (each) => each.id + ' ' + each.nodes.slice(0, 3).map((node) => node.html).join(' ')))"""
_COVERED = """all => all.filter((button) => {
    const [a, b] = [button, button.closest(".code").querySelector("pre")].map((each) => each.getBoundingClientRect());
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}).map((button) => button.ariaLabel)"""

WIDTHS = (390, 768, 1280)
pages = pytest.mark.parametrize("path", ["/docs", "/docs/wablock"])


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core. Without npm or network the test is skipped on a laptop, and fails in CI."""
    if not (_FOLDER / "complete").exists():
        process = subprocess.run(
            [Path(__file__).parent / "install.sh", _FOLDER], check=False, capture_output=True, text=True
        )
        if process.returncode:
            missing(f"axe-core cannot be installed: {process.stderr[-1_000:]}")
    return (_FOLDER / "node_modules/axe-core/axe.min.js").read_text()


def _try(page: Page, operation: str, filled: dict[str, str]) -> str:
    form = page.locator(f"#{operation}-try")
    form.locator("summary").click()
    for name, value in ({"Phone-Number-ID": PHONE_NUMBER_ID} | filled).items():
        form.locator(f'[name="{name}"]').fill(value)
    form.get_by_role("button", name="Send").click()
    form.locator(".answered").wait_for()
    return form.locator(".result").inner_text()


@pages
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing(browser: Reader, axe: str, path: str, scheme: str, width: int) -> None:
    with browser.reading(path, width=width, scheme="dark" if scheme == "dark" else "light") as page:
        page.evaluate(axe)
        violations = page.evaluate(_JUDGE)
        if path == "/docs":
            open_all(page)
            page.evaluate("document.getElementById('menu').click()")
            violations += page.evaluate(_JUDGE)

    assert violations == []


@pages
@pytest.mark.parametrize("width", [320, *WIDTHS])
def test_nothing_is_wider_than_the_screen(browser: Reader, path: str, width: int) -> None:
    with browser.reading(path, width=width) as page:
        open_all(page)
        widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")

    assert widths[0] <= widths[1]


@pages
def test_a_page_calls_no_other_host_and_logs_no_errors(browser: Reader, path: str) -> None:
    browser.hosts.clear()
    browser.complaints.clear()

    with browser.reading(path) as page:
        page.wait_for_load_state("networkidle")

    assert browser.hosts - {"data"} == {browser.url.removeprefix("http://")}
    assert browser.complaints == []


@pages
@pytest.mark.parametrize("width", WIDTHS)
def test_no_copy_button_covers_text(browser: Reader, path: str, width: int) -> None:
    with browser.reading(path, width=width) as page:
        covering = page.locator(".copy:visible").evaluate_all(_COVERED)

    assert covering == []


@pages
def test_copy_for_llm_copies_the_markdown_of_the_page(browser: Reader, path: str) -> None:
    markdown = httpx2.get(browser.url + path + ".md").text

    with browser.reading(path) as page:
        page.get_by_role("button", name="Copy for LLM").click()
        page.get_by_text("Copied", exact=True).first.wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")

    assert copied == markdown


def test_the_document_is_downloaded_under_a_name(browser: Reader) -> None:
    with browser.reading() as page:
        with page.expect_download() as coming:
            page.get_by_text("Download OpenAPI spec").click()
        name = coming.value.suggested_filename

    assert name == "wablock-openapi.json"


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_try_it_blocks_a_user(browser: Reader, server: RunningServer, content_type: str) -> None:
    with browser.reading() as page:
        page.locator("#blockUsers-try select").evaluate(
            "(each, type) => { each.value = type; each.dispatchEvent(new Event('change')) }", content_type
        )
        seen = _try(page, "blockUsers", {"token": server.token})

    assert seen.startswith("200")
    assert f"facebook-api-version: {versions.KNOWN[-1]}" in seen
    assert '"added_users"' in seen


def test_try_it_shows_a_refusal(browser: Reader) -> None:
    with browser.reading() as page:
        seen = _try(page, "getBlockedUsers", {"token": "no-such-token"})

    assert seen.startswith("401")
    assert '"code": 190' in seen


@pytest.mark.parametrize(
    "content_type, text",
    [
        ("application/json", "The body is broken JSON: it ends too early."),
        ("multipart/form-data", "The body is broken JSON."),
    ],
)
def test_try_it_calls_broken_json_broken_json(
    browser: Reader, server: RunningServer, content_type: str, text: str
) -> None:
    with browser.reading() as page:
        form = page.locator("#blockUsers-try")
        form.locator("select").evaluate("(each, type) => { each.value = type }", content_type)
        form.locator("textarea").evaluate("(each) => { each.value = '{' }")
        seen = _try(page, "blockUsers", {"token": server.token})

    assert text in seen


def test_try_it_says_in_sentences_that_the_server_does_not_answer(browser: Reader, server: RunningServer) -> None:
    with browser.reading() as page:
        page.context.set_offline(True)
        seen = _try(page, "getBlockedUsers", {"token": server.token})

    assert seen.split("\n\n")[-1].strip().endswith("The server did not answer. Check whether it runs.")


@pytest.mark.parametrize("name", ["Version", "Phone-Number-ID", "token", "limit"])
def test_a_hostile_value_in_the_form_is_inert(browser: Reader, server: RunningServer, name: str) -> None:
    with browser.reading() as page:
        seen = _try(page, "getBlockedUsers", {"token": server.token} | {name: _HOSTILE})
        hurt = page.evaluate("window.hurt")

    assert hurt is None
    assert not seen.startswith("200")


def test_the_policy_stops_an_injected_script(browser: Reader) -> None:
    with browser.reading() as page:
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hurt = 1\">')")
        page.wait_for_timeout(200)
        hurt = page.evaluate("window.hurt")

    assert hurt is None


def test_a_keyboard_reaches_the_samples(browser: Reader) -> None:
    with browser.reading() as page:
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.textContent")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

    assert first == "Skip to content"
    assert outline == "solid"
