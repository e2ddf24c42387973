"""A real Chromium that reads the pages of a real server, and records its requests and errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import msgspec
from playwright.sync_api import Browser, Page, sync_playwright
from tests.missing import installed

_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Reader(msgspec.Struct):
    """One page at a time; `complaints` are the console's messages, `hosts` those that requests went to."""

    browser: Browser
    url: str
    complaints: list[str] = msgspec.field(default_factory=list)
    hosts: set[str] = msgspec.field(default_factory=set)

    @contextmanager
    def reading(
        self, path: str = "/docs", *, width: int = 1280, scheme: Literal["light", "dark"] = "light", script: bool = True
    ) -> Iterator[Page]:
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "request", lambda request: self.hosts.add(request.url.split("/")[2] if "://" in request.url else "data")
        )
        page.goto(self.url + path)
        try:
            yield page
        finally:
            context.close()


@contextmanager
def reader(url: str, *flags: str) -> Iterator[Reader]:
    """A browser whose event loop is this thread's until the block ends: no test may start another one meanwhile.

    `flags`: more arguments for Chromium.
    """
    chromium = installed("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*_ARGUMENTS, *flags])
        try:
            yield Reader(browser, url)
        finally:
            browser.close()


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")


def words(page: Page, selector: str) -> str:
    """The visible text, on one line."""
    return " ".join(page.locator(selector).inner_text().split())


def not_in_order(text: str, facts: list[str]) -> list[str]:
    """Those of `facts` that `text` does not have after the previous one."""
    lacking, place = [], 0
    for fact in facts:
        start = text.find(fact, place)
        if start < 0:
            lacking.append(fact)
        else:
            place = start + len(fact)
    return lacking
