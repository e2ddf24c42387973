"""Requests to the Block API."""

from collections.abc import Iterable
from typing import Any

import httpx2
from tests.end_to_end.deployment import BLOCK_USERS


def body(users: Iterable[str]) -> dict[str, Any]:
    """A request to block or unblock these users, given as wa_ids."""
    return {"messaging_product": "whatsapp", "block_users": [{"user": f"+{wa_id}"} for wa_id in users]}


def blocked(client: httpx2.Client) -> list[str]:
    """The wa_ids of the whole list, newest first."""
    wa_ids: list[str] = []
    url: str | None = f"{BLOCK_USERS}?limit=1000"
    while url is not None:
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        wa_ids += [user["wa_id"] for user in page["data"]]
        url = page.get("paging", {}).get("next")
    return wa_ids
