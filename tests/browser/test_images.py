"""The pictures in docs/images; `make images` writes them."""

import os
from pathlib import Path
from typing import Literal

import pytest
from tests.browser.reader import Reader

_FOLDER = Path(__file__).parents[2] / "docs" / "images"
_VIEWS: dict[str, tuple[int, Literal["light", "dark"], str]] = {
    "desktop": (1280, "light", "/docs#blockUsers"),
    "narrow": (400, "light", "/docs"),
    "dark": (1280, "dark", "/docs#getBlockedUsers"),
}


@pytest.mark.parametrize("view", _VIEWS)
def test_the_docs_have_a_picture_of_the_reference(request: pytest.FixtureRequest, view: str) -> None:
    picture = _FOLDER / f"reference-{view}.png"
    width, scheme, path = _VIEWS[view]

    if os.environ.get("IMAGES"):
        browser: Reader = request.getfixturevalue("browser")
        with browser.reading(path, width=width, scheme=scheme) as page:
            page.wait_for_timeout(1_000)  # the page has to scroll to its anchor
            page.screenshot(path=picture)

    assert 0 < picture.stat().st_size < 300_000
