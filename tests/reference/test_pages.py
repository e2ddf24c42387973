"""The reference pages over HTTP."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.running_server import RunningServer, running_server

from wablock.reference.openapi import document
from wablock.reference.pages import Pages
from wablock.reference.rendering import render
from wablock.server.request import request
from wablock.settings import AnswerSettings

_DOCUMENT = document()
_OPERATIONS = {
    operation["operationId"]
    for item in _DOCUMENT["paths"].values()
    for method, operation in item.items()
    if method != "parameters"
}
_PAGES = [
    "/docs",
    "/docs/wablock",
    "/docs.md",
    "/docs/wablock.md",
    "/llms.txt",
    "/llms-full.txt",
    "/docs/reference.css",
    "/docs/colours.js",
    "/docs/reference.js",
]
_HOSTILE = '"><script>hurt()</script>'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def _get(server: RunningServer, path: str, **headers: str) -> httpx2.Response:
    return httpx2.get(server.url + path, headers=headers)


def test_every_operation_is_on_one_of_the_pages(server: RunningServer) -> None:
    text = _get(server, "/docs").text + _get(server, "/docs/wablock").text

    ids = re.findall(r'<section class="operation" id="([A-Za-z]+)"', text)

    assert sorted(ids) == sorted(_OPERATIONS)


def test_every_schema_is_on_one_of_the_pages(server: RunningServer) -> None:
    text = _get(server, "/docs").text + _get(server, "/docs/wablock").text

    ids = set(re.findall(r'id="schema-([A-Za-z]+)"', text))

    assert ids == set(_DOCUMENT["components"]["schemas"])


def test_llms_full_has_every_operation_and_schema(server: RunningServer) -> None:
    text = _get(server, "/llms-full.txt").text

    wanted = [
        f"### {method.upper()} {path}\n"
        for path, item in _DOCUMENT["paths"].items()
        for method in item
        if method != "parameters"
    ] + [f"### {name}\n" for name in _DOCUMENT["components"]["schemas"]]
    assert [each for each in wanted if each not in text] == []


@pytest.mark.parametrize("path", _PAGES)
def test_a_page_is_sent_under_a_strict_policy(server: RunningServer, path: str) -> None:
    answer = _get(server, path)

    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", _PAGES)
def test_a_page_that_the_reader_has_is_not_sent_again(server: RunningServer, path: str) -> None:
    first = _get(server, path)

    again = _get(server, path, **{"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", _PAGES)
def test_head_has_the_headers_of_get(server: RunningServer, path: str) -> None:
    answer = httpx2.head(server.url + path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == _get(server, path).headers["etag"]


@pytest.mark.parametrize("path", ["/docs", "/docs/wablock"])
def test_a_client_that_accepts_markdown_gets_it(server: RunningServer, path: str) -> None:
    answer = _get(server, path, Accept="text/markdown")

    assert answer.headers["content-type"].startswith("text/markdown")
    assert answer.headers["vary"] == "Accept"
    assert answer.text == _get(server, path + ".md").text


@pytest.mark.parametrize("path", ["/docs", "/docs/wablock"])
def test_the_markdown_of_a_page_has_its_operations_and_no_others(server: RunningServer, path: str) -> None:
    shown = re.findall(
        r'<section class="operation".*?<p class="path"><code>(.*?)</code>', _get(server, path).text, re.DOTALL
    )

    written = re.findall(r"^### [A-Z]+ (/.*)$", _get(server, path + ".md").text, re.MULTILINE)

    assert written == shown


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"])
def test_a_browser_is_led_from_the_root_to_the_reference(server: RunningServer, accept: str) -> None:
    answer = httpx2.get(server.url + "/", headers={"Accept": accept}, follow_redirects=True)

    assert [each.status_code for each in answer.history] == [302]
    assert str(answer.url) == server.url + "/docs"
    assert "<h1" in answer.text


@pytest.mark.parametrize("method, accept", [("GET", "*/*"), ("GET", "application/json"), ("POST", "text/html")])
def test_the_root_is_nothing_for_a_program(server: RunningServer, method: str, accept: str) -> None:
    answer = httpx2.request(method, server.url + "/", headers={"Accept": accept})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 2500)


@pytest.mark.parametrize("path", ["/docs/", "/docs/wablock/"])
def test_a_slash_at_the_end_leads_to_the_page(server: RunningServer, path: str) -> None:
    answer = httpx2.get(server.url + path, follow_redirects=True)

    assert answer.status_code == 200
    assert str(answer.url) == server.url + path.rstrip("/")


@pytest.mark.parametrize("path", ["/", "/docs/", "/docs/wablock/"])
def test_the_way_to_a_page_names_no_host_and_no_root(server: RunningServer, path: str) -> None:
    """A proxy may serve wablock below another path."""
    location = httpx2.get(server.url + path, headers={"Accept": "text/html"}).headers["location"]

    assert "//" not in location
    assert not location.startswith("/")


def test_every_link_of_llms_txt_answers(server: RunningServer) -> None:
    text = _get(server, "/llms.txt").text

    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)}

    assert text.startswith("# ")
    assert "\n> " in text
    assert len(links) > 3
    assert {httpx2.get(link).status_code for link in links} == {200}


def test_the_base_url_is_the_host_of_the_request(server: RunningServer) -> None:
    text = _get(server, "/docs", Host="blocks.example.com").text

    assert "'http://blocks.example.com/" in text.replace("&#39;", "'")
    assert "this-server.invalid" not in text


@pytest.mark.parametrize("host", [_HOSTILE, "a'b", "evil host"])
def test_a_hostile_host_is_not_repeated(server: RunningServer, host: str) -> None:
    answer = _get(server, "/docs", Host=host)

    assert host not in answer.text


def test_the_public_url_is_the_base_url_and_a_hostile_one_is_inert(tmp_path: Path) -> None:
    answers = AnswerSettings(public_url="https://blocks.example.com/" + _HOSTILE + "'")

    with running_server(tmp_path, answers=answers) as server:
        text = _get(server, "/docs").text

    assert "https://blocks.example.com/" in text
    assert "<script>hurt" not in text
    assert "hurt()" not in text


class _CountingDocument(dict[str, Any]):
    """A document that counts how often its paths are read."""

    reads = 0

    def __getitem__(self, name: str) -> Any:
        self.reads += name == "paths"
        return super().__getitem__(name)


async def test_requests_at_the_same_time_render_the_pages_once() -> None:
    alone, counting = _CountingDocument(_DOCUMENT), _CountingDocument(_DOCUMENT)
    render(alone)
    docs = next(it for it in Pages(None, lambda: counting).routes() if it.template == "/docs")

    answers = await asyncio.gather(*(docs.handler(request("GET", "/docs", [])) for _ in range(10)))

    assert [answer.status for answer in answers] == [200] * 10
    assert counting.reads == alone.reads > 0
