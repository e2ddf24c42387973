"""`PUT /v1/numbers/{id}/last_inbound`: users who wrote lately, and may be blocked under `meta` rules."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, RunningServer, running_server

from wablock.access import AccessToken, Scope, digest
from wablock.block_list.ports import Rules

NOW = 1_737_679_688  # 2025-01-24T00:48:08Z
HOUR = 3_600
USER = "16505550101"
READER = AccessToken(digest("reader"), ACCOUNT_ID, "reader", frozenset({Scope.READ}), None, 0)


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx2.Client(base_url=server.url, headers=headers, timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(
        tmp_path_factory.mktemp("server"),
        clock=lambda: NOW * 1_000_000,
        rules=Rules.META,
        tokens=[READER],
        account_of_new_numbers=ACCOUNT_ID,
    ) as running:
        yield running


@pytest.fixture
def number(request: pytest.FixtureRequest) -> str:
    """A number without messages."""
    return str(abs(hash(request.node.name)))


def _put(client: httpx2.Client, number: str, **body: Any) -> httpx2.Response:
    return client.put(f"/v1/numbers/{number}/last_inbound", json=body)


def _may_be_blocked(client: httpx2.Client, number: str, **user: str) -> bool:
    body = {"messaging_product": "whatsapp", "block_users": [user]}
    return "added_users" in client.post(f"/{number}/block_users", json=body).json()["block_users"]


def test_a_user_without_a_recorded_message_cannot_be_blocked(client: httpx2.Client, number: str) -> None:
    assert not _may_be_blocked(client, number, user=f"+{USER}")


def test_a_user_who_wrote_just_now_may_be_blocked(client: httpx2.Client, number: str) -> None:
    noted = _put(client, number, users=[f"+{USER}"])

    assert noted.json() == {"users": [{"input": f"+{USER}", "wa_id": USER}]}
    assert _may_be_blocked(client, number, user=f"+{USER}")


@pytest.mark.parametrize(
    "at",
    [NOW - HOUR, str(NOW - HOUR), "2025-01-23T23:48:08Z", "2025-01-24T00:48:08+01:00", "2025-01-23T23:48:08", None],
)
def test_the_time_may_be_written_in_several_ways(client: httpx2.Client, number: str, at: int | str | None) -> None:
    assert _put(client, number, users=[USER], at=at).status_code == 200

    assert _may_be_blocked(client, number, user=f"+{USER}")


@pytest.mark.parametrize(
    "at", [0, NOW - 25 * HOUR, str(NOW - 25 * HOUR), "2025-01-22T23:48:08Z", "0001-01-01T00:00:00Z"]
)
def test_a_user_who_wrote_long_ago_cannot_be_blocked(client: httpx2.Client, number: str, at: int | str) -> None:
    assert _put(client, number, users=[USER], at=at).status_code == 200

    assert not _may_be_blocked(client, number, user=f"+{USER}")


@pytest.mark.parametrize(
    "at", [NOW + HOUR, str(NOW + HOUR), "2025-01-24T02:00:00Z", "9" * 40, "9999-12-31T23:59:59-12:00", 10**15, 10**30]
)
def test_a_time_in_the_future_is_refused(client: httpx2.Client, number: str, at: int | str) -> None:
    refused = _put(client, number, users=[USER], at=at)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 100)
    assert "at" in refused.json()["error"]["message"]
    assert not _may_be_blocked(client, number, user=f"+{USER}")


@pytest.mark.parametrize("at", ["yesterday", "", "-1", -1, 1.5, True, [], {}, "2025-13-01", "٣"])
def test_an_invalid_time_is_refused(client: httpx2.Client, number: str, at: Any) -> None:
    refused = _put(client, number, users=[USER], at=at)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 100)


def test_a_user_may_be_named_by_user_id(client: httpx2.Client, number: str) -> None:
    noted = _put(client, number, users=["US.13491208655302741918"])

    assert noted.json()["users"] == [{"input": "US.13491208655302741918", "user_id": "US.13491208655302741918"}]
    assert _may_be_blocked(client, number, user_id="US.13491208655302741918")


def test_an_invalid_user_fails_alone(client: httpx2.Client, number: str) -> None:
    noted = _put(client, number, users=[USER, "5"]).json()

    assert [user["wa_id"] for user in noted["users"]] == [USER]
    assert [failed["input"] for failed in noted["failed_users"]] == ["5"]


@pytest.mark.parametrize("body", [b"{}", b"", b'{"users":null}', b'{"users":"x"}', b'{"users":[1]}', b"nonsense", b"1"])
def test_a_body_without_users_is_refused(client: httpx2.Client, number: str, body: bytes) -> None:
    refused = client.put(f"/v1/numbers/{number}/last_inbound", content=body)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 100)


def test_more_users_than_a_request_may_have_are_refused(client: httpx2.Client, number: str) -> None:
    refused = _put(client, number, users=[USER] * 1_001)

    assert refused.json()["error"]["code"] == 130429


def test_a_token_that_may_only_read_records_nothing(client: httpx2.Client, number: str) -> None:
    refused = client.put(f"/v1/numbers/{number}/last_inbound", headers={"Authorization": "Bearer reader"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, 10)


def test_an_unknown_number_is_unknown_here_too(client: httpx2.Client) -> None:
    assert _put(client, "nonsense", users=[USER]).json()["error"]["error_subcode"] == 33


def test_a_body_that_is_too_large_is_refused(client: httpx2.Client, number: str) -> None:
    assert client.put(f"/v1/numbers/{number}/last_inbound", content=b" " * 1_100_000).status_code == 413
