"""A client process that changes a number's list and shared lists at random, attaches, detaches and checks them."""

import random
import time
from collections.abc import Mapping
from typing import Any

import httpx2
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID
from tests.end_to_end.graph import body
from tests.end_to_end.historian import USERS
from tests.end_to_end.history import FRAUD, VIP, Kind, Operation

_CHECK = f"/v1/numbers/{PHONE_NUMBER_ID}/check"
_FEW_USERS = USERS[:3]


def records_of_lists(
    url: str, headers: dict[str, str], list_ids: Mapping[str, str], seed: int, operations: int
) -> list[Operation]:
    """One client's operations with their results, as in `historian.records`. `list_ids`: of `FRAUD` and `VIP`."""
    chance = random.Random(seed)
    with httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
        return [_one(client, chance, list_ids) for _ in range(operations)]


def _one(client: httpx2.Client, chance: random.Random, list_ids: Mapping[str, str]) -> Operation:
    shared, user = chance.choice((FRAUD, VIP)), chance.choice(_FEW_USERS)
    on_shared, attached = frozenset((f"{shared} {user}",)), frozenset((shared,))
    path = f"/v1/lists/{list_ids[shared]}"
    invoked = time.monotonic_ns()
    match chance.choice(("block", "unblock", "add", "remove", "attach", "detach", "check", "check", "check")):
        case "block":
            answer = client.post(BLOCK_USERS, json=body([user]))
            kind = Kind.BLOCK if "added_users" in _of(answer)["block_users"] else Kind.REFUSED
            users = frozenset((user,))
        case "unblock":
            answer = client.request("DELETE", BLOCK_USERS, json=body([user]))
            kind, users = Kind.UNBLOCK, frozenset((user,))
        case "add":
            answer = client.post(f"{path}/members", json={"users": [{"user": f"+{user}"}]})
            kind, users = Kind.BLOCK, on_shared
        case "remove":
            answer = client.delete(f"{path}/members/+{user}")
            kind, users = Kind.UNBLOCK, on_shared
        case "attach":
            answer = client.post(f"{path}/attachments", json={"phone_number_id": PHONE_NUMBER_ID})
            kind, users = Kind.BLOCK, attached
        case "detach":
            answer = client.delete(f"{path}/attachments/{PHONE_NUMBER_ID}")
            kind, users = Kind.UNBLOCK, attached
        case _:
            answer = client.post(_CHECK, json={"users": [f"+{each}" for each in _FEW_USERS]})
            kind = Kind.CHECK
            users = frozenset(it["wa_id"] for it in _of(answer)["users"] if it["blocked"])
    returned = time.monotonic_ns()
    _of(answer)
    return Operation(kind, users, invoked, returned)


def _of(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()
    return data
