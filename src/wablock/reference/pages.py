"""The routes of the reference, and the headers that isolate its pages.

The document is built and the pages are rendered at the first request for one of them. The modules that do this are also
imported then: this would be a tenth of a server's start, and many servers never show a page.
"""

import asyncio
from collections.abc import Callable
from importlib import resources
from typing import Any, Final, Generic, TypeVar

import msgspec

from wablock.reference.rendered import Rendered
from wablock.server.answers import Answer, etag_of, page
from wablock.server.browsers import OWN_PAGE
from wablock.server.request import Request
from wablock.server.router import ANY_METHOD, Handler, Route, route, unknown_path

_HTML: Final = b"text/html; charset=utf-8"
_MARKDOWN: Final = b"text/markdown; charset=utf-8"
_PLAIN: Final = b"text/plain; charset=utf-8"
_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = OWN_PAGE | {
    b"content-security-policy": _POLICY,
    b"cache-control": b"no-cache",  # cached, and revalidated by its ETag
}
_SCRIPT: Final = b"text/javascript; charset=utf-8"
_FILES: Final = (
    ("reference.css", b"text/css; charset=utf-8"),
    ("colours.js", _SCRIPT),
    ("reference.js", _SCRIPT),
)
_DOCUMENT_HEADERS: Final = OWN_PAGE | {b"access-control-allow-origin": b"*"}


T = TypeVar("T")


class _Lazy(Generic[T]):
    """A value that is made once, in a thread, when it is first needed."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: T | None = None
        self._making = asyncio.Lock()

    async def get(self) -> T:
        async with self._making:  # once: the pages take a second of CPU, and their readers need no token
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
        return self._made


def openapi_document() -> dict[str, Any]:
    from wablock.reference.openapi import document  # noqa: PLC0415 - see above

    return document()


class Pages:
    """The pages and the document. For each response, only the server's address is filled in."""

    def __init__(self, public_url: str | None, document: Callable[[], dict[str, Any]] = openapi_document) -> None:
        self._public_url = public_url
        self._encoded = _Lazy(lambda: msgspec.json.encode(document()))
        self._rendered = _Lazy(lambda: _rendered(document()))

    def routes(self) -> list[Route]:
        texts: tuple[tuple[str, bytes, Callable[[Rendered], str]], ...] = (
            ("/docs.md", _MARKDOWN, lambda rendered: rendered.block_api_markdown),
            ("/docs/wablock.md", _MARKDOWN, lambda rendered: rendered.own_markdown),
            ("/llms.txt", _PLAIN, lambda rendered: rendered.index),
            ("/llms-full.txt", _PLAIN, lambda rendered: rendered.whole_markdown),
        )
        pages: tuple[tuple[str, Callable[[Rendered], str], Callable[[Rendered], str]], ...] = (
            ("/docs", lambda rendered: rendered.block_api, lambda rendered: rendered.block_api_markdown),
            ("/docs/wablock", lambda rendered: rendered.own, lambda rendered: rendered.own_markdown),
        )
        return [
            Route(ANY_METHOD, "/", _home, "/"),
            route("GET", "/openapi.json", self._openapi),
            *(route("GET", path, self._page(html, markdown)) for path, html, markdown in pages),
            route("GET", "/docs/", _moved(b"../docs")),
            route("GET", "/docs/wablock/", _moved(b"../wablock")),
            *(route("GET", path, self._text(media_type, select)) for path, media_type, select in texts),
            *(route("GET", f"/docs/{name}", _file(name, media_type)) for name, media_type in _FILES),
        ]

    async def _openapi(self, request: Request) -> Answer:
        return page(request, await self._encoded.get(), b"application/json", _DOCUMENT_HEADERS)

    def _page(self, html: Callable[[Rendered], str], markdown: Callable[[Rendered], str]) -> Handler:
        async def answer(request: Request) -> Answer:
            rendered = await self._rendered.get()
            wants_markdown = _accept(request).startswith("text/markdown")
            text, media_type = (markdown(rendered), _MARKDOWN) if wants_markdown else (html(rendered), _HTML)
            answer = self._answer(request, rendered, text, media_type)
            answer.add(b"vary", b"Accept")
            return answer

        return answer

    def _text(self, media_type: bytes, select: Callable[[Rendered], str]) -> Handler:
        async def answer(request: Request) -> Answer:
            rendered = await self._rendered.get()
            return self._answer(request, rendered, select(rendered), media_type)

        return answer

    def _answer(self, request: Request, rendered: Rendered, text: str, media_type: bytes) -> Answer:
        here = (self._public_url or request.base_url).rstrip("/")
        return _known_or_new(request, rendered.at(text, here), media_type)


def _rendered(document: dict[str, Any]) -> Rendered:
    from wablock.reference.rendering import render  # noqa: PLC0415 - see above

    return render(document)


async def _home(request: Request) -> Answer:
    """The way to the reference for a browser. For programs, nothing is here."""
    if request.method not in ("GET", "HEAD") or "text/html" not in _accept(request):
        raise unknown_path(request.path)
    answer = await _moved(b"docs")(request)
    answer.add(b"vary", b"Accept")
    return answer


def _moved(location: bytes) -> Handler:
    """The way to a page. `location` is relative, because a proxy may serve this server below another path."""

    async def answer(request: Request) -> Answer:
        answer = page(request, b"", _PLAIN, _HEADERS | {b"location": location})
        answer.status = 302
        return answer

    return answer


def _accept(request: Request) -> str:
    return request.header(b"accept") or ""


def _file(name: str, media_type: bytes) -> Handler:
    async def answer(request: Request) -> Answer:
        content = resources.files("wablock.reference").joinpath("static", name).read_bytes()
        return _known_or_new(request, content, media_type)

    return answer


def _known_or_new(request: Request, content: bytes, media_type: bytes) -> Answer:
    """The page, or 304 if the reader already has it."""
    etag = etag_of(content)
    answer = page(request, content, media_type, _HEADERS | {b"etag": etag})
    if etag.decode() in (request.header(b"if-none-match") or ""):
        return Answer(304, answer.headers)
    return answer
