"""Where the reference is: its routes, and the headers that keep its pages to themselves."""

from collections.abc import Callable
from importlib import resources
from typing import Any, Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wablock.server.answers import etag_of
from wablock.server.browsers import OWN_PAGE
from wablock.server.reference.rendering import Rendered, render
from wablock.server.request import base_url, headers

_HTML: Final = "text/html"
_MARKDOWN: Final = "text/markdown"
_PLAIN: Final = "text/plain"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = OWN_PAGE | {
    "content-security-policy": _POLICY,
    "cache-control": "no-cache",  # kept, and asked for again by its ETag
}


class Pages:
    """Renders when the first reader comes, and then only fills in where the server is."""

    def __init__(self, document: dict[str, Any], public_url: str | None) -> None:
        self._document = document
        self._public_url = public_url
        self._rendered: Rendered | None = None

    def routes(self) -> list[Route]:
        texts: tuple[tuple[str, str, Callable[[Rendered], str]], ...] = (
            ("/docs/wablock", _HTML, lambda rendered: rendered.own),
            ("/docs.md", _MARKDOWN, lambda rendered: rendered.markdown),
            ("/llms.txt", _PLAIN, lambda rendered: rendered.index),
            ("/llms-full.txt", _PLAIN, lambda rendered: rendered.markdown),
        )
        return [
            Route("/docs", self._docs, methods=["GET"]),
            *(Route(path, self._text(media_type, chosen), methods=["GET"]) for path, media_type, chosen in texts),
            Route("/docs/reference.css", _file("reference.css", "text/css"), methods=["GET"]),
            Route("/docs/reference.js", _file("reference.js", "text/javascript"), methods=["GET"]),
        ]

    async def _docs(self, asked: Request) -> Response:
        rendered = await self._all()
        wants_markdown = asked.headers.get("accept", "").startswith(_MARKDOWN)
        text, media_type = (rendered.markdown, _MARKDOWN) if wants_markdown else (rendered.block_api, _HTML)
        answer = self._answer(asked, rendered, text, media_type)
        answer.headers["vary"] = "Accept"
        return answer

    def _text(self, media_type: str, chosen: Callable[[Rendered], str]) -> Callable[[Request], Any]:
        async def answer(asked: Request) -> Response:
            rendered = await self._all()
            return self._answer(asked, rendered, chosen(rendered), media_type)

        return answer

    async def _all(self) -> Rendered:
        if self._rendered is None:
            self._rendered = await to_thread.run_sync(render, self._document)
        return self._rendered

    def _answer(self, asked: Request, rendered: Rendered, text: str, media_type: str) -> Response:
        here = (self._public_url or base_url(asked.scope, headers(asked.scope))).rstrip("/")
        return _known_or_new(asked, rendered.at(text, here), media_type)


def _file(name: str, media_type: str) -> Callable[[Request], Any]:
    async def answer(asked: Request) -> Response:
        content = resources.files("wablock.server.reference").joinpath("static", name).read_bytes()
        return _known_or_new(asked, content, media_type)

    return answer


def _known_or_new(asked: Request, content: bytes, media_type: str) -> Response:
    """304 where the reader has it already."""
    sent = _HEADERS | {"etag": etag_of(content).decode()}
    if sent["etag"] in asked.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=sent)
    return Response(content, media_type=media_type, headers=sent)
