"""`/{Version}/{Phone-Number-ID}/messages`, and where it is wanted every other path of a number: on to its upstream."""

import re
from typing import Final

from starlette.types import Scope, Send

from wablock.access import Access, AccessToken
from wablock.access import Scope as Permission
from wablock.contract.errors import UnknownPath
from wablock.gate.outbound import Outbound
from wablock.gate.ports import Answer
from wablock.gate.send_request.request import SendRequest, upstream_path
from wablock.server.browsers import UNTRUSTED_DATA
from wablock.server.limits import RateLimits
from wablock.server.request import Target

_PATH = re.compile(r"/(?:(v\d{1,4}\.\d{1,4})/)?(\d{1,32})(?:/(.*))?", re.ASCII | re.DOTALL)
_MESSAGES: Final = "messages"
_OURS: Final = "block_users"


class Messages:
    """Sends requests up. `pass_through`: also those to other paths of a number than its messages."""

    def __init__(self, outbound: Outbound, access: Access, rates: RateLimits, *, pass_through: bool) -> None:
        self._outbound = outbound
        self._access = access
        self._rates = rates
        self._pass_through = pass_through

    def target(self, method: str, path: str) -> Target | None:
        """None for what is not sent up. The block list is ours alone, however its path is written."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        edge = (match[3] or "").removesuffix("/")
        if edge == _MESSAGES:
            wanted = self._pass_through or method in ("POST", "OPTIONS")
        else:
            wanted = self._pass_through and not edge.casefold().startswith(_OURS)
        return Target(match[1], match[2]) if wanted else None

    async def answer(
        self, scope: Scope, target: Target, token: AccessToken, token_text: str, request: SendRequest
    ) -> Answer:
        """The upstream's answer, to be closed; see `Outbound.pass_on`."""
        method = scope["method"]
        number = await self._access.number(token, target.phone_number_id, Permission.SEND, method)
        self._rates.number(number.phone_number_id)
        path = upstream_path(scope["raw_path"].decode("latin-1"))
        if path is None:  # percent signs, dots, double slashes: who reads it next might read another path
            raise UnknownPath(scope["path"])
        return await self._outbound.pass_on(number, method, path, request, scope["headers"], token_text)


async def stream(send: Send, answer: Answer) -> None:
    """`answer`, as it comes. Raises `UpstreamFailed` where it breaks off: then it must not look whole."""
    try:
        headers = [*answer.headers, *UNTRUSTED_DATA]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for chunk in answer.chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await answer.aclose()
