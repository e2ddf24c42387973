"""A running gate whose receiver is a library, and the users who write to it."""

from typing import Any, Final

import httpx2
import msgspec
from tests.receivers.libraries import Delivery, Library
from tests.running_server import RunningServer
from tests.server.test_webhooks import signed
from tests.server.webhook_samples import Json, change, item, webhook, written


class User(msgspec.Struct, frozen=True):
    """A user of WhatsApp by both ids, or by the user_id alone where the number is hidden."""

    wa_id: str | None
    user_id: str

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.user_id,) if self.wa_id is None else (self.wa_id, self.user_id)

    @property
    def contact(self) -> Json:
        number = {} if self.wa_id is None else {"wa_id": self.wa_id}
        return {"profile": {"name": "Zoë 👋"}, "user_id": self.user_id} | number

    def item(self, kind: str) -> Json:
        """A message or a call of this kind, with an id that differs for each user."""
        message = item(kind, self.wa_id, self.user_id)
        return message | {"id": f"{message['id']}{self.user_id}"}


BLOCKED: Final = User("16505550101", "US.20000000000000000001")
BLOCKED_BY_ID: Final = User(None, "US.20000000000000000002")
FREE: Final = User("16505550103", "US.20000000000000000003")


def brought(field: str, *items: tuple[User, Json], **more: Any) -> Json:
    """A change with these users' messages or calls and their contacts."""
    members: Json = {"contacts": [user.contact for user, _ in items]}
    members["calls" if field == "calls" else "messages"] = [message for _, message in items]
    return change(field, **members, **more)


class Gated(msgspec.Struct, frozen=True):
    """What is sent to the gate, and what the library behind it makes of that."""

    gate: RunningServer
    library: Library
    client: httpx2.Client
    """One for all requests: to make one takes longer than a request."""

    def block(self, *items: Json) -> None:
        answer = self.client.post(
            self.gate.url + self.gate.block_users,
            json={"messaging_product": "whatsapp", "block_users": items},
            headers={"authorization": f"Bearer {self.gate.token}"},
        )
        assert len(answer.json()["block_users"]["added_users"]) == len(items), answer.text

    def delivered(self, *changes: Json) -> Delivery | None:
        """The library's handling of a webhook with these changes; None if the gate delivers nothing."""
        return self.received(written(webhook(*changes)))

    def received(self, body: bytes) -> Delivery | None:
        """The library's handling of a webhook with this body; None if the gate delivers nothing."""
        return self.answered(body)[1]

    def answered(self, body: bytes) -> tuple[int, Delivery | None]:
        """The gate's status, and the library's handling. The account's secret signs the body."""
        headers = {"content-type": "application/json", "x-hub-signature-256": signed(body)}
        response = self.client.post(f"{self.gate.url}/webhooks/whatsapp", content=body, headers=headers)
        deliveries = self.library.seen()
        return response.status_code, deliveries[0] if deliveries else None

    def taken(self, *changes: Json) -> Delivery:
        """The library's handling of a webhook that the gate must deliver."""
        delivery = self.delivered(*changes)
        assert delivery is not None, "the gate handed nothing on"
        return delivery
