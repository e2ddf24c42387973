"""Requests to the server of the fixture, as any program sends them."""

from typing import Any

import httpx2

from wablock.kit.fixture import Wablock


def block(wablock: Wablock, *users: str, method: str = "POST", version: str = "v25.0") -> httpx2.Response:
    body = {"messaging_product": "whatsapp", "block_users": [{"user": user} for user in users]}
    url = wablock.block_users_url.replace("v25.0", version)
    return httpx2.request(method, url, json=body, headers=wablock.headers)


def listed(wablock: Wablock) -> list[str]:
    answer = httpx2.get(wablock.block_users_url, headers=wablock.headers, params={"limit": 1_000})
    return [user["wa_id"] for user in answer.json()["data"]]


def dev(wablock: Wablock, method: str, path: str, body: Any = None, **others: Any) -> httpx2.Response:
    headers = others.pop("headers", wablock.headers)
    return httpx2.request(method, f"{wablock.url}/dev/{path}", json=body, headers=headers, **others)
