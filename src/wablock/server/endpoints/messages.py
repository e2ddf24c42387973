"""`/{Version}/{Phone-Number-ID}/messages`: requests to a number's upstream; with `pass_through`, other paths, too."""

import logging
from collections.abc import AsyncIterator
from typing import Final

from wablock.access import Access, Scope
from wablock.gate import ports
from wablock.gate.outbound import Outbound
from wablock.gate.send_request.credentials import access_token
from wablock.gate.send_request.request import SendRequest, upstream_path
from wablock.server import browsers
from wablock.server.answers import Answer, header_lines, preflight
from wablock.server.callers import Callers
from wablock.server.limits import RateLimits
from wablock.server.request import Request
from wablock.server.router import ANY_METHOD, Route, unknown_path

_MESSAGES: Final = "messages"
_OURS: Final = "block_users"

_log = logging.getLogger("wablock.server")


class Messages:
    """Passes requests on to the upstream: those to `messages`; with `pass_through`, those to all paths of a number."""

    def __init__(
        self, outbound: Outbound, access: Access, callers: Callers, rates: RateLimits, *, pass_through: bool
    ) -> None:
        self._outbound = outbound
        self._access = access
        self._callers = callers
        self._rates = rates
        self._pass_through = pass_through

    def routes(self) -> list[Route]:
        """Routes for paths of a number. They must come last: the block list's paths match them, too."""
        edges = ("", "/{edge}") if self._pass_through else ("/messages", "/messages/")
        return [
            Route(ANY_METHOD, f"{version}/{{number_id}}{edge}", self.answer, "send")
            for version in ("/{version}", "")
            for edge in edges
        ]

    async def answer(self, request: Request) -> Answer:
        """Return the upstream's answer; see `Outbound.pass_on`."""
        if not self._goes_upstream(request):
            raise unknown_path(request.path)
        if request.method == "OPTIONS":
            return preflight(request.ids, request.version)
        # A link or form on another page can send parameters, but never an Authorization header.
        caller = await self._callers.read(request, in_header_only=browsers.is_sent_by_browser(request))
        sending = SendRequest(request.header(b"content-type"), request.query, caller.body)
        text = caller.token_text or access_token(sending)
        token = caller.token or await self._callers.token(text)
        number = await self._access.number(token, request.parameters["number_id"], Scope.SEND, request.method)
        self._rates.number(number.phone_number_id)
        path = upstream_path(request.raw_path.decode("latin-1"))
        if path is None:  # percent signs, dots, double slashes: the upstream could read a different path
            raise unknown_path(request.path)
        answer = await self._outbound.pass_on(number, request.method, path, sending, request.headers, text or "")
        headers = header_lines(answer.headers) + browsers.UNTRUSTED_DATA
        return Answer(answer.status, headers, chunks=_UpstreamChunks(answer, request))

    def _goes_upstream(self, request: Request) -> bool:
        """Whether the request goes to the upstream. Requests to the block list never do, however they spell it."""
        if not self._pass_through:
            return request.method in ("POST", "OPTIONS")
        edge = request.parameters.get("edge") or _MESSAGES
        return not edge.casefold().startswith(_OURS)


class _UpstreamChunks:
    """The streamed body. Raises `UpstreamFailed` if the body is truncated, so that it does not look complete."""

    def __init__(self, answer: ports.UpstreamAnswer, request: Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.chunks():
                yield chunk
        except ports.UpstreamFailed as error:
            request_id = self._request.ids.fbtrace_id
            _log.warning("an upstream's answer was truncated: %s", error, extra={"request_id": request_id})
            raise

    async def aclose(self) -> None:
        await self._answer.aclose()
