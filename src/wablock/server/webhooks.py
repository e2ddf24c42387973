"""`/webhooks/whatsapp`, which stands where the business's own webhook stood: the handshake, and the deliveries."""

from typing import Final
from urllib.parse import parse_qs

from starlette.types import Receive, Scope

from wablock.contract.errors import InvalidParameter, UnsupportedMethod, WrongVerifyToken
from wablock.gate.inbound import Inbound
from wablock.gate.routes import Routes
from wablock.server import request
from wablock.server.answers import Answer, RequestIds, success_body

PATH: Final = "/webhooks/whatsapp"
LARGEST_BODY: Final = 3 * 1_048_576 + 65_536  # Meta sends up to 3 MB

_SIGNATURE: Final = b"x-hub-signature-256"
_TAKEN: Final = b'{"success":true}'
_LONGEST_CHALLENGE: Final = 1_000


class Webhooks:
    """Answers `GET` and `POST` of the webhook."""

    def __init__(self, inbound: Inbound, routes: Routes, version: str) -> None:
        self._inbound = inbound
        self._routes = routes
        self._version = version

    async def answer(self, scope: Scope, receive: Receive, ids: RequestIds) -> Answer:
        if scope["method"] == "POST":
            return await self._deliver(scope, receive, ids)
        if scope["method"] == "GET":
            return await self._handshake(scope["query_string"])
        raise UnsupportedMethod(scope["method"])

    async def _deliver(self, scope: Scope, receive: Receive, ids: RequestIds) -> Answer:
        signature = _signature(scope)
        self._inbound.refuse_unsigned(signature)
        body = await request.body(receive, request.headers(scope), LARGEST_BODY)
        await self._inbound.receive(body, signature)
        return success_body(_TAKEN, ids, self._version)

    async def _handshake(self, query: bytes) -> Answer:
        """Meta asks, before it sends anything, whether this address knows the verify token."""
        said = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
        challenge = said.get("hub.challenge", "")
        if said.get("hub.mode") != "subscribe" or not 0 < len(challenge) <= _LONGEST_CHALLENGE:
            raise InvalidParameter("Param hub.mode must be subscribe, and hub.challenge is required.")
        if not await self._routes.verifies(said.get("hub.verify_token", "")):
            raise WrongVerifyToken
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
        return Answer(200, challenge.encode(), headers)


def _signature(scope: Scope) -> str:
    """Empty where there is none. Two signatures are none: a proxy in front may have looked at the other one."""
    sent = [value for name, value in scope["headers"] if name == _SIGNATURE]
    return sent[0].decode("latin-1") if len(sent) == 1 else ""
