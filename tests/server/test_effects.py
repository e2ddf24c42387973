"""What a change did to each user, for a caller who sends the header X-Wablock-Effects."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.running_server import RunningServer, running_server

USERS = ["+16505550101", "+16505550102"]


def change(
    server: RunningServer, method: str, users: Sequence[Mapping[str, object]], *, header: bool = True
) -> list[Any]:
    headers = {"authorization": f"Bearer {server.token}"} | ({"X-Wablock-Effects": "1"} if header else {})
    path = f"{server.url}/v25.0/{server.phone_number_id}/block_users"
    body = {"messaging_product": "whatsapp", "block_users": users}
    response = httpx2.request(method, path, json=body, headers=headers)
    result = response.json()["block_users"]
    done = result.get("added_users", []) + result.get("removed_users", [])
    return [user.get("effect") for user in done]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path) as running:
        yield running


def test_each_user_has_the_effect_of_the_change(server: RunningServer) -> None:
    first, both = [{"user": USERS[0]}], [{"user": user} for user in USERS]

    assert change(server, "POST", first) == ["added"]
    assert change(server, "POST", both) == ["unchanged", "added"]
    assert change(server, "POST", [{"user": USERS[0], "reason": "spam"}]) == ["updated"]
    assert change(server, "DELETE", first) == ["removed"]
    assert change(server, "DELETE", both) == ["not_there", "removed"]


def test_a_user_who_fails_shifts_no_effect(server: RunningServer) -> None:
    change(server, "POST", [{"user": USERS[0]}])

    assert change(server, "POST", [{"user": "12x"}, {"user": USERS[0]}, {"user": USERS[1]}]) == ["unchanged", "added"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_without_the_header_the_response_has_metas_members_only(server: RunningServer, method: str) -> None:
    assert change(server, method, [{"user": USERS[0]}], header=False) == [None]
