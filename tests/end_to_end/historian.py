"""A client process that changes and reads one list at random, and records requests, answers and times."""

import random
import time
from typing import Final

import httpx2
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID
from tests.end_to_end.graph import body
from tests.end_to_end.history import Blocked, Kind, Operation

from wablock.contract import cursor

USERS: Final = [str(16505550101 + number) for number in range(8)]


def records(url: str, headers: dict[str, str], seed: int, operations: int) -> list[Operation]:
    """One client's operations with their results. The times are of a clock that all processes of a machine share."""
    chance = random.Random(seed)
    with httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
        return [_one(client, chance) for _ in range(operations)]


def _one(client: httpx2.Client, chance: random.Random) -> Operation:
    kind = chance.choice((Kind.BLOCK, Kind.UNBLOCK, Kind.LIST))
    users = frozenset(chance.sample(USERS, chance.randint(1, 3)))
    invoked = time.monotonic_ns()
    if kind is Kind.LIST:
        answer = client.get(BLOCK_USERS)
    else:
        answer = client.request("POST" if kind is Kind.BLOCK else "DELETE", BLOCK_USERS, json=body(users))
    returned = time.monotonic_ns()
    assert answer.status_code == 200, answer.text
    if kind is not Kind.LIST:
        return Operation(kind, users, invoked, returned)
    seen, version = read(answer, PHONE_NUMBER_ID)
    return Operation(kind, seen, invoked, returned, version)


def read(answer: httpx2.Response, phone_number_id: str) -> tuple[Blocked, int | None]:
    """The users on the only page of this number's list, and the list's version."""
    page = answer.json()
    wa_ids = [user["wa_id"] for user in page["data"]]
    assert len(wa_ids) == len(set(wa_ids))
    if not wa_ids:
        return frozenset(), None
    marks = page["paging"]["cursors"]
    versions = {cursor.decode(mark, phone_number_id).version for mark in marks.values()}
    assert len(versions) == 1
    return frozenset(wa_ids), versions.pop()
