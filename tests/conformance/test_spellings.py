"""Phone numbers as people type, list and export them, in each kind of request."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.conformance.caller import Caller, calling, users_body
from tests.running_server import ACCOUNT_ID, RunningServer, running_server

from wablock.block_list.ports import BusinessNumber

SPELLINGS: Final[list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent.parent / "spellings.json").read_text("utf-8")
)
COUNTRIES: Final = sorted({row["country"] for row in SPELLINGS})
NUMBERS: Final = {
    country: BusinessNumber(str(106_540_352_250_000 + place), ACCOUNT_ID, None, country)
    for place, country in enumerate(COUNTRIES)
}

Send = Callable[[Caller, str], httpx2.Response]


def as_json(caller: Caller, user: str) -> httpx2.Response:
    return caller.block(user)


def as_form(caller: Caller, user: str) -> httpx2.Response:
    return caller.send("POST", data={"messaging_product": "whatsapp", "block_users[0][user]": user})


def as_multipart(caller: Caller, user: str) -> httpx2.Response:
    users = json.dumps([{"user": user}])
    return caller.send("POST", files={"messaging_product": (None, "whatsapp"), "block_users": (None, users)})


def as_query(caller: Caller, user: str) -> httpx2.Response:
    users = json.dumps([{"user": user}])
    return caller.send("POST", params={"messaging_product": "whatsapp", "block_users": users})


@pytest.fixture(scope="module")
def many_countries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a business number of each country of the table."""
    with running_server(tmp_path_factory.mktemp("countries"), numbers=list(NUMBERS.values())) as running:
        yield running


@pytest.fixture
def caller_of(many_countries: RunningServer) -> Iterator[Callable[[str], Caller]]:
    with calling(many_countries) as made:
        yield lambda country: Caller(made.http, many_countries, NUMBERS[country].phone_number_id)


@pytest.mark.parametrize("send", [as_json, as_form, as_multipart, as_query])
@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: ascii(row["typed"]))
def test_a_spelling_means_the_same_in_every_kind_of_request(
    caller_of: Callable[[str], Caller], row: dict[str, Any], send: Send
) -> None:
    caller = caller_of(row["country"])

    answer = send(caller, row["typed"])
    listed = caller.listed()
    caller.unblock(*listed)

    if "wa_id" in row:
        assert answer.json()["block_users"] == {"added_users": [{"input": row["typed"], "wa_id": row["wa_id"]}]}
        assert listed == [row["wa_id"]]
    else:
        (failed,) = answer.json()["block_users"]["failed_users"]
        assert (failed["input"], failed["errors"][0]["code"]) == (row["typed"], 131047)
        assert row["why"] in failed["errors"][0]["error_data"]["details"]
        assert listed == []


@pytest.mark.parametrize("row", [row for row in SPELLINGS if "wa_id" in row], ids=lambda row: ascii(row["typed"]))
def test_a_blocked_user_is_found_and_unblocked_by_the_same_spelling(
    caller_of: Callable[[str], Caller], row: dict[str, Any]
) -> None:
    caller = caller_of(row["country"])
    caller.block(row["typed"])

    checked = caller.http.post(
        f"/v1/numbers/{caller.phone_number_id}/check", json={"users": [row["typed"], row["wa_id"]]}
    )
    removed = caller.unblock(row["typed"]).json()["block_users"]

    assert [user["blocked"] for user in checked.json()["users"]] == [True, True]
    assert removed == {"removed_users": [{"input": row["typed"], "wa_id": row["wa_id"]}]}
    assert caller.listed() == []


def test_a_listed_wa_id_outside_of_any_plan_is_unblocked_and_checked(caller: Caller) -> None:
    """Older versions blocked numbers that were too short."""
    answer = caller.unblock("1650555")
    checked = caller.http.get(f"/v1/numbers/{caller.phone_number_id}/check/1650555")

    assert answer.json()["block_users"] == {"removed_users": [{"input": "1650555", "wa_id": "1650555"}]}
    assert checked.json() == {"input": "1650555", "wa_id": "1650555", "blocked": False}


def test_a_number_that_may_mean_two_users_blocks_neither(caller_of: Callable[[str], Caller]) -> None:
    caller = caller_of("DE")

    answer = caller.block("49 151 23456789")

    details = answer.json()["block_users"]["failed_users"][0]["errors"][0]["error_data"]["details"]
    assert "it may be +494915123456789 or +4915123456789" in details
    assert caller.listed() == []


def test_a_thousand_spellings_in_one_request_have_one_result_each(caller_of: Callable[[str], Caller]) -> None:
    caller = caller_of("US")
    users = [row["typed"] for row in SPELLINGS if row["country"] == "US"]
    users = (users * 1_000)[:1_000]

    answer = caller.send("POST", users_body(users)).json()["block_users"]
    caller.unblock(*caller.listed())

    assert len(answer["added_users"]) + len(answer["failed_users"]) == 1_000
