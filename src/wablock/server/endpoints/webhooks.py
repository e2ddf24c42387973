"""`/webhooks/whatsapp`, which replaces the business's own webhook: the handshake, and the deliveries."""

from typing import Final
from urllib.parse import parse_qs

from wablock.contract.errors import InvalidParameter
from wablock.failures import WrongVerifyToken
from wablock.gate.inbound import Inbound
from wablock.gate.routes.accounts import Accounts
from wablock.server.answers import Answer, header_lines, success_body
from wablock.server.request import Request
from wablock.server.router import Route

PATH: Final = "/webhooks/whatsapp"
LARGEST_BODY: Final = 3 * 1_048_576 + 65_536  # Meta sends up to 3 MB

_SIGNATURE: Final = b"x-hub-signature-256"
_TAKEN: Final = b'{"success":true}'
_LONGEST_CHALLENGE: Final = 1_000
_PLAIN_TEXT: Final = header_lines(
    ((b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff"))
)


class Webhooks:
    def __init__(self, inbound: Inbound, accounts: Accounts) -> None:
        self._inbound = inbound
        self._accounts = accounts

    def routes(self) -> list[Route]:
        return [
            Route("POST", PATH, self.deliver, "webhook", starts_without_task=True),
            Route("GET", PATH, self.handshake, "webhook", starts_without_task=True),
        ]

    async def deliver(self, request: Request) -> Answer:
        signature = _signature(request)
        self._inbound.refuse_unsigned(signature)
        body = await request.body(LARGEST_BODY)
        await self._inbound.receive(body, signature)
        return success_body(_TAKEN, request.ids, request.version)

    async def handshake(self, request: Request) -> Answer:
        """Before Meta sends webhooks, it checks that this address knows the verify token."""
        query = {name: values[-1] for name, values in parse_qs(request.query.decode("latin-1")).items()}
        challenge = query.get("hub.challenge", "")
        if query.get("hub.mode") != "subscribe" or not 0 < len(challenge) <= _LONGEST_CHALLENGE:
            raise InvalidParameter("Param hub.mode must be subscribe, and hub.challenge is required.")
        if not await self._accounts.verifies(query.get("hub.verify_token", "")):
            raise WrongVerifyToken
        return Answer(200, _PLAIN_TEXT, challenge.encode())


def _signature(request: Request) -> str:
    """The signature, or an empty text. Two signatures count as none: a proxy may have checked the other one."""
    if len(request.headers) == len(request.last_values):  # no header occurs twice, as in nearly all requests
        return request.header(_SIGNATURE) or ""
    values = request.values(_SIGNATURE)
    return values[0] if len(values) == 1 else ""
