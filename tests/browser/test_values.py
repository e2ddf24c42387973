"""The values that a reader types once: they are in all samples and forms, and in this tab alone."""

import shlex
from typing import Final

import pytest
from playwright.sync_api import Page
from tests.browser.reader import Reader
from tests.running_server import PHONE_NUMBER_ID, RunningServer

_HOSTILE: Final = "'; touch hurt; \"\\<img src=x onerror='window.hurt = 1'>"
_TEXTS: Final = "all => all.map((each) => each.value ?? each.textContent)"
_STORED: Final = "JSON.stringify([{...localStorage}, document.cookie, location.href, history.state])"


def _all(page: Page, name: str) -> list[str]:
    texts: list[str] = page.locator(f'.choice .fill[data-value="{name}"], form [data-value="{name}"]').evaluate_all(
        _TEXTS
    )
    return texts


def _type(page: Page, server: RunningServer) -> None:
    page.locator("#number").fill(server.phone_number_id)
    page.locator("#token").fill(server.token)


@pytest.mark.parametrize("path", ["/docs", "/docs/wablock"])
def test_a_value_typed_once_is_in_every_sample_and_form(browser: Reader, server: RunningServer, path: str) -> None:
    with browser.reading(path) as page:
        _type(page, server)
        numbers, tokens = _all(page, "Phone-Number-ID"), _all(page, "Token")
        placeholders = [text for text in page.locator(".panel code").all_inner_texts() if "<Token>" in text]

    assert set(numbers) == {PHONE_NUMBER_ID}
    assert set(tokens) == {server.token}
    assert min(len(numbers), len(tokens)) > 12
    assert placeholders == []


def test_a_value_typed_in_a_form_is_in_the_samples_too(browser: Reader, server: RunningServer) -> None:
    with browser.reading() as page:
        page.locator("#getBlockedUsers-try summary").click()
        page.locator('#getBlockedUsers-try [name="token"]').fill(server.token)
        tokens = _all(page, "Token")

    assert set(tokens) == {server.token}


def test_an_emptied_field_has_its_placeholder_again(browser: Reader, server: RunningServer) -> None:
    with browser.reading() as page:
        before = _all(page, "Token")
        _type(page, server)
        page.locator("#token").fill("")
        after = _all(page, "Token")
        stored = page.evaluate("sessionStorage.getItem('wablock.Token')")

    assert before == after
    assert stored is None


def test_the_values_are_on_the_other_page_and_after_a_reload(browser: Reader, server: RunningServer) -> None:
    with browser.reading() as page:
        _type(page, server)
        page.locator("#version").select_option("v24.0")
        page.get_by_role("link", name="wablock's own", exact=True).click()
        page.wait_for_url("**/docs/wablock")
        page.reload()
        seen = [set(_all(page, name)) for name in ("Version", "Phone-Number-ID", "Token")]

    assert seen == [{"v24.0"}, {PHONE_NUMBER_ID}, {server.token}]


def test_the_values_are_not_in_another_tab(browser: Reader, server: RunningServer) -> None:
    with browser.reading() as page:
        _type(page, server)
        other = page.context.new_page()
        other.goto(browser.url + "/docs")
        seen = other.locator("#token").input_value() + other.locator("#number").input_value()

    assert seen == ""


def test_the_values_are_in_no_url_cookie_or_lasting_storage(browser: Reader, server: RunningServer) -> None:
    with browser.reading() as page:
        urls: list[str] = []
        page.on("request", lambda each: urls.append(each.url))
        _type(page, server)
        page.locator("#token").press("Enter")
        page.locator("#blockUsers .copy").first.click()
        page.get_by_role("link", name="wablock's own", exact=True).click()
        page.wait_for_url("**/docs/wablock")
        stored = page.evaluate(_STORED)

    assert server.token not in stored + "".join(urls)
    assert PHONE_NUMBER_ID not in stored + "".join(urls)


def test_copy_for_llm_and_markdown_have_no_token(browser: Reader, server: RunningServer) -> None:
    with browser.reading() as page:
        _type(page, server)
        page.get_by_role("button", name="Copy for LLM").click()
        page.get_by_text("Copied", exact=True).first.wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")

    assert server.token not in copied
    assert "<Token>" in copied


def test_a_hostile_value_stays_one_word_in_every_language(browser: Reader) -> None:
    with browser.reading() as page:
        page.locator("#token").fill(_HOSTILE)
        page.locator("#number").fill(_HOSTILE)
        samples = {
            language: page.locator(f'#getBlockedUsers .panel[data-value="{language}"] code').text_content() or ""
            for language in ("bash", "javascript", "python")
        }
        hurt = page.evaluate("window.hurt")
        in_javascript = page.evaluate(
            """(text) => {
                let sent;
                const fetch = (...all) => { sent = all; return {text() {}}; };
                new Function('fetch', 'console', `return (async () => {${text}})()`)(fetch, {log() {}});
                return sent;
            }""",
            samples["javascript"],
        )

    arguments = shlex.split(samples["bash"].replace("\\\n", " "))
    in_python: dict[str, dict[str, str]] = {}
    exec(samples["python"].partition("\n\n")[2].partition("\n\nresponse")[0], in_python)  # only its assignments
    expected = f"Bearer {_HOSTILE}"
    assert hurt is None
    assert f"Authorization: {expected}" in arguments
    assert in_javascript[1]["headers"]["Authorization"] == expected
    assert in_python["headers"]["Authorization"] == expected
    assert " " not in arguments[arguments.index("--url") + 1]
