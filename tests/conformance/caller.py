"""A caller of the Block API: an HTTP client with a token and one number's block list."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from tests.running_server import RunningServer


class Caller:
    """Speaks to the block list of `phone_number_id` with a good token, unless `headers` say something else."""

    def __init__(self, http: httpx2.Client, server: RunningServer, phone_number_id: str) -> None:
        self.http = http
        self.server = server
        self.phone_number_id = phone_number_id
        self.path = f"/v25.0/{phone_number_id}/block_users"

    def get(self, **query: str | int) -> httpx2.Response:
        return self.http.get(self.path, params=query)

    def send(self, method: str, body: Any = None, **others: Any) -> httpx2.Response:
        """Send one request with a JSON body, or with the arguments in `others` for the HTTP client."""
        if body is not None:
            others["json"] = body
        return self.http.request(method, others.pop("path", self.path), **others)

    def block(self, *users: str | dict[str, Any]) -> httpx2.Response:
        return self.send("POST", users_body(users))

    def unblock(self, *users: str | dict[str, Any]) -> httpx2.Response:
        return self.send("DELETE", users_body(users))

    def listed(self) -> list[str]:
        """The `wa_id` of every user on the list, from one large page."""
        return [item["wa_id"] for item in self.get(limit=1_000).json()["data"]]


def users_body(users: Iterable[str | dict[str, Any]]) -> dict[str, Any]:
    """The request body with these users."""
    items = [{"user": user} if isinstance(user, str) else user for user in users]
    return {"messaging_product": "whatsapp", "block_users": items}


@contextmanager
def calling(server: RunningServer, phone_number_id: str | None = None) -> Iterator[Caller]:
    """A caller of one of the server's numbers, by default the first."""
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx2.Client(base_url=server.url, headers=headers, timeout=30) as http:
        yield Caller(http, server, phone_number_id or server.phone_number_id)
