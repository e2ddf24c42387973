"""The ways around the pages: from the root, by the contents, the filter and the menu; and the switch of the colours."""

from typing import Final, Literal

import pytest
from playwright.sync_api import Page, expect
from tests.browser.reader import Reader

_CURRENT: Final = '#contents [aria-current="location"]'
_BACKGROUND: Final = "getComputedStyle(document.body).backgroundColor"
_LIGHT: Final = "rgb(255, 255, 255)"
_DARK: Final = "rgb(18, 23, 27)"


def _entries(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator("#contents li:visible").all_inner_texts()]


@pytest.mark.parametrize("path, page_path", [("/", "/docs"), ("/docs/", "/docs"), ("/docs/wablock/", "/docs/wablock")])
def test_a_browser_is_led_to_a_page_with_its_style(browser: Reader, path: str, page_path: str) -> None:
    browser.complaints.clear()

    with browser.reading(path) as page:
        seen = page.url
        position = page.locator(".top").evaluate("(each) => getComputedStyle(each).position")

    assert seen == browser.url + page_path
    assert position == "sticky"
    assert browser.complaints == []


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("place", ["blockUsers", "schemas", "errors"])
def test_the_contents_mark_where_one_is(browser: Reader, width: int, place: str) -> None:
    with browser.reading(width=width) as page:
        expect(page.locator(_CURRENT)).to_have_attribute("href", "#introduction")
        page.locator(f"#{place}").evaluate("(each) => each.scrollIntoView()")
        expect(page.locator(_CURRENT)).to_have_attribute("href", f"#{place}")
        count = page.locator(_CURRENT).count()

    assert count == 1


def test_the_end_of_the_page_is_marked_as_its_last_section(browser: Reader) -> None:
    with browser.reading() as page:
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        expect(page.locator(_CURRENT)).to_have_attribute("href", "#about")


@pytest.mark.parametrize(
    "typed, entries",
    [
        ("delete", ["DELETE Unblock user(s)"]),
        ("UnblockUsers", ["UnblockUsersData", "UnblockUsersResult"]),
        ("post block_users", ["POST Block user(s)"]),
        ("139102", ["139102 Blocklist concurrent update"]),
        ("PagingCursors", []),
        ("cursors", ["PaginationCursors"]),
    ],
)
def test_the_filter_finds_operations_schemas_and_errors(browser: Reader, typed: str, entries: list[str]) -> None:
    with browser.reading() as page:
        page.locator("#filter").fill(typed)
        seen = _entries(page)
        message = page.locator("#no-match").inner_text()

    assert seen == entries
    assert message == ("" if entries else "Nothing on this page matches.")


def test_an_empty_filter_shows_the_contents_again(browser: Reader) -> None:
    with browser.reading() as page:
        before = _entries(page)
        page.locator("#filter").fill("139102")
        page.locator("#filter").fill("")
        after = _entries(page)

    assert before == after


def test_a_found_error_is_in_sight_after_a_click(browser: Reader) -> None:
    with browser.reading() as page:
        page.locator("#filter").fill("139102")
        page.locator("#contents li:visible a").click()
        expect(page.locator("tr:target")).to_be_in_viewport()
        text = page.locator("tr:target").inner_text()

    assert "139102" in text


@pytest.mark.parametrize("width", [390, 768])
def test_a_narrow_screen_has_the_contents_in_a_menu(browser: Reader, width: int) -> None:
    with browser.reading(width=width) as page:
        menu, contents = page.get_by_role("button", name="Contents"), page.locator("#contents")
        expect(contents).to_be_hidden()
        menu.click()
        expect(menu).to_have_attribute("aria-expanded", "true")
        contents.get_by_role("link", name="Error codes").click()
        expect(contents).to_be_hidden()
        expect(page.locator("#errors-title")).to_be_in_viewport()
        expect(menu).to_be_in_viewport()


def test_escape_closes_the_menu_and_returns_the_focus(browser: Reader) -> None:
    with browser.reading(width=390) as page:
        page.get_by_role("button", name="Contents").click()
        page.keyboard.press("Escape")
        expect(page.locator("#contents")).to_be_hidden()
        focused = page.evaluate("document.activeElement.id")

    assert focused == "menu"


def test_a_narrow_screen_shows_the_samples_before_the_parameters(browser: Reader) -> None:
    with browser.reading(width=390) as page:
        section = page.locator("#getBlockedUsers")
        tops = [
            section.locator(part).first.evaluate("(each) => each.getBoundingClientRect().top")
            for part in (".syntax", ".shown", ".description")
        ]

    assert tops == sorted(tops)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_whole_table_of_errors_is_on_the_screen(browser: Reader, width: int) -> None:
    with browser.reading(width=width) as page:
        outside = page.locator(".errors td").evaluate_all(
            "all => all.filter((each) => each.getBoundingClientRect().right > innerWidth).length"
        )

    assert outside == 0


@pytest.mark.parametrize("scheme, first, second", [("light", _LIGHT, _DARK), ("dark", _DARK, _LIGHT)])
def test_the_switch_changes_the_colours_and_they_stay(
    browser: Reader, scheme: Literal["light", "dark"], first: str, second: str
) -> None:
    with browser.reading(scheme=scheme) as page:
        switch = page.get_by_role("button", name="Dark colours")
        seen = [page.evaluate(_BACKGROUND), switch.get_attribute("aria-pressed")]
        switch.click()
        seen += [page.evaluate(_BACKGROUND), switch.get_attribute("aria-pressed")]
        page.goto(browser.url + "/docs/wablock")
        seen += [page.evaluate(_BACKGROUND)]

    was_dark, is_dark = ("true", "false") if scheme == "dark" else ("false", "true")
    assert seen == [first, was_dark, second, is_dark, second]


def test_without_a_choice_the_colours_follow_the_system(browser: Reader) -> None:
    with browser.reading(scheme="light") as page:
        page.emulate_media(color_scheme="dark")
        seen = page.evaluate(_BACKGROUND)

    assert seen == _DARK
