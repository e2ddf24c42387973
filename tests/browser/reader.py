"""A real Chromium that reads the pages of a real server, and keeps account of what it asks for and complains of."""

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
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self.hosts.add(asked.url.split("/")[2] if "://" in asked.url else "data"))
        page.goto(self.url + path)
        try:
            yield page
        finally:
            context.close()


@contextmanager
def reader(url: str, *flags: str) -> Iterator[Reader]:
    """Its event loop is this thread's until the block ends: no test in between may start another.

    `flags`: what Chromium is started with besides.
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
    """What is to be seen there, on one line."""
    return " ".join(page.locator(selector).inner_text().split())


def not_in_order(text: str, facts: list[str]) -> list[str]:
    """Those of `facts` that `text` does not say after the one before."""
    lacking, place = [], 0
    for fact in facts:
        found = text.find(fact, place)
        if found < 0:
            lacking.append(fact)
        else:
            place = found + len(fact)
    return lacking
