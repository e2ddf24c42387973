"""Both rule sets on the wire: which users can be blocked, how many, and the effect of repeated requests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.block_list.stopped_clock import SEED_MOMENT, StoppedClock
from tests.conformance.caller import Caller, calling, users_body
from tests.conformance.conftest import DatabaseOf
from tests.running_server import running_server

from wablock.block_list.ports import Rules

USER = "+16505551234"
OTHER = "+14155559876"
DAY = 24 * 3_600


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def meta(tmp_path: Path, clock: StoppedClock, database_of: DatabaseOf) -> Iterator[Caller]:
    """A caller of a server with Meta's rules."""
    database = database_of(tmp_path)
    with running_server(tmp_path, clock=clock, rules=Rules.META, database=database) as server, calling(server) as made:
        yield made


def failures(answer: httpx2.Response) -> list[tuple[str, int, str]]:
    failed = answer.json()["block_users"].get("failed_users", [])
    return [(user["input"], user["errors"][0]["code"], user["errors"][0]["error_data"]["details"]) for user in failed]


def wrote(caller: Caller, *users: str, at: Any = None) -> httpx2.Response:
    path = f"/v1/numbers/{caller.phone_number_id}/last_inbound"
    return caller.send("PUT", {"users": users, **({} if at is None else {"at": at})}, path=path)


# -- both rule sets


@pytest.fixture(params=["open", "meta"])
def either(request: pytest.FixtureRequest, caller: Caller, meta: Caller) -> Caller:
    """A caller under each rule set; both users have just written to it."""
    made = caller if request.param == "open" else meta
    wrote(made, USER, OTHER)
    return made


def test_blocking_twice_succeeds_and_lists_once(either: Caller) -> None:
    first, second = either.block(USER), either.block(USER)

    assert first.json() == second.json()
    assert either.listed() == ["16505551234"]


def test_unblocking_a_stranger_succeeds(either: Caller) -> None:
    answer = either.unblock(USER)

    assert answer.json()["block_users"] == {"removed_users": [{"input": USER, "wa_id": "16505551234"}]}


def test_one_user_twice_in_a_request_gets_one_result_for_each(either: Caller) -> None:
    answer = either.block(USER, "16505551234", "+1 650-555-1234")

    users = answer.json()["block_users"]["added_users"]
    assert [user["input"] for user in users] == [USER, "16505551234", "+1 650-555-1234"]
    assert either.listed() == ["16505551234"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_empty_list_of_users_succeeds_with_an_empty_object(either: Caller, method: str) -> None:
    answer = either.send(method, {"messaging_product": "whatsapp", "block_users": []})

    assert (answer.status_code, answer.content) == (200, b'{"block_users":{},"messaging_product":"whatsapp"}')


def test_the_businesss_own_number_is_refused(meta: Caller) -> None:
    answer = meta.block("+16505550100")

    assert failures(answer) == [("+16505550100", 131021, "The business's own number cannot be blocked.")]


def test_the_newest_block_comes_first(either: Caller) -> None:
    either.block(USER)
    either.block(OTHER)

    assert either.listed() == ["14155559876", "16505551234"]


# -- who can be blocked


def test_open_rules_block_a_user_who_never_wrote(caller: Caller) -> None:
    answer = caller.block(USER)

    assert failures(answer) == []


def test_meta_rules_refuse_a_user_who_did_not_write_in_the_last_24_hours(meta: Caller) -> None:
    wrote(meta, OTHER)

    answer = meta.block(USER, OTHER)

    assert failures(answer) == [(USER, 131047, "User has not messaged in the last 24 hours")]
    assert answer.json()["block_users"]["failed_users"][0]["wa_id"] == "16505551234"
    assert meta.listed() == ["14155559876"]


@pytest.mark.parametrize("later, refused", [(0, 0), (DAY, 0), (DAY + 1, 1)])
def test_a_message_opens_the_window_for_24_hours(meta: Caller, clock: StoppedClock, later: int, refused: int) -> None:
    wrote(meta, USER)
    clock.turn(later)

    answer = meta.block(USER)

    assert len(failures(answer)) == refused


@pytest.mark.parametrize(
    "at", [SEED_MOMENT // 1_000_000 - 60, "1737679628", "2025-01-24T00:47:08Z", "2025-01-24T01:47:08+01:00"]
)
def test_a_message_may_have_come_earlier(meta: Caller, at: int | str) -> None:
    noted = wrote(meta, USER, at=at)

    answer = meta.block(USER)

    assert noted.json() == {"users": [{"input": USER, "wa_id": "16505551234"}]}
    assert failures(answer) == []


def test_a_message_of_the_day_before_does_not_open_the_window(meta: Caller) -> None:
    wrote(meta, USER, at=SEED_MOMENT // 1_000_000 - DAY - 1)

    answer = meta.block(USER)

    assert [code for _, code, _ in failures(answer)] == [131047]


def test_unblocking_does_not_need_the_24_hours(meta: Caller, clock: StoppedClock) -> None:
    wrote(meta, USER)
    meta.block(USER)
    clock.turn(3 * DAY)

    answer = meta.unblock(USER)

    assert failures(answer) == []
    assert meta.listed() == []


# -- how many


def test_meta_rules_end_a_list_at_64000_and_open_rules_do_not(tmp_path: Path) -> None:
    users = [f"US.{index}" for index in range(64_001)]
    sizes: dict[Rules, list[int]] = {}
    for rules in Rules:
        with running_server(tmp_path / rules, rules=rules) as server, calling(server) as caller:
            codes = [code for start in range(0, 65_000, 1_000) for code in fill(caller, users[start : start + 1_000])]
        sizes[rules] = codes

    assert sizes == {Rules.OPEN: [], Rules.META: [139101]}


def fill(caller: Caller, users: list[str]) -> list[int]:
    if not users:
        return []
    wrote(caller, *users)
    return [code for _, code, _ in failures(caller.block(*({"user_id": user} for user in users)))]


def test_a_full_list_refuses_new_users_and_keeps_old_ones(tmp_path: Path) -> None:
    with running_server(tmp_path, open_list_size=1) as server, calling(server) as caller:
        caller.block(USER)

        answer = caller.block(USER, OTHER)

        assert failures(answer) == [(OTHER, 139101, "The block list holds 1 users, its limit. Unblock a user first.")]
        assert caller.listed() == ["16505551234"]


# -- wablock's own features


def test_a_block_may_end_by_itself(tmp_path: Path, clock: StoppedClock) -> None:
    with running_server(tmp_path, clock=clock) as server, calling(server) as caller:
        caller.block({"user": USER, "expires_at": SEED_MOMENT // 1_000_000 + 60})
        before = caller.listed()
        clock.turn(60)

        assert (before, caller.listed()) == (["16505551234"], [])


@pytest.mark.parametrize("text", ["2100-01-31T12:00:00Z", "2100-01-31T13:00:00+01:00", "2100-01-31 12:00:00.5Z"])
@pytest.mark.parametrize("kind", ["json", "data"])
def test_the_end_of_a_block_may_be_iso_8601_with_a_zone(caller: Caller, text: str, kind: str) -> None:
    form = {"messaging_product": "whatsapp", "block_users[0][user]": USER, "block_users[0][expires_at]": text}
    json = users_body([{"user": USER, "expires_at": text}])

    caller.send("POST", **{kind: form if kind == "data" else json})

    assert caller.get(fields="expires_at").json()["data"][0]["expires_at"] == 4_105_080_000


@pytest.mark.parametrize(
    "time", ["2100-01-31T12:00:00", "2100-01-31", "2100-02-30T12:00:00Z", "tomorrow", [], True, 1.5]
)
def test_an_end_of_a_block_without_a_zone_or_of_no_calendar_is_refused(caller: Caller, time: object) -> None:
    answer = caller.block({"user": USER, "expires_at": time})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "(#100) Param block_users[0][expires_at] must be seconds since 1970 or an ISO 8601 time with a zone, "
        "such as 2027-01-31T12:00:00Z."
    )
    assert caller.listed() == []


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+12:00", "1969-12-31T23:59:59Z", "2000-01-01T00:00:00Z"])
def test_a_block_that_would_have_expired_in_iso_8601_is_refused(caller: Caller, text: str) -> None:
    answer = caller.block({"user": USER, "expires_at": text})

    assert answer.json()["error"]["message"] == "(#100) Param block_users[0][expires_at] must be in the future."


def test_the_last_moment_of_the_calendar_is_an_end_of_a_block(caller: Caller) -> None:
    caller.block({"user": USER, "expires_at": "9999-12-31T23:59:59-12:00"})

    assert caller.get(fields="expires_at").json()["data"][0]["expires_at"] == 253_402_300_799


def test_a_block_that_would_have_expired_is_refused(caller: Caller) -> None:
    answer = caller.block({"user": USER, "expires_at": 5})

    assert answer.json()["error"]["message"] == "(#100) Param block_users[0][expires_at] must be in the future."


def test_fields_returns_more_of_each_user(caller: Caller) -> None:
    caller.block({"user": USER, "reason": "spam", "note": "third time"})

    item = caller.get(fields="input,reason,note,blocked_at,blocked_by,expires_at").json()["data"][0]

    assert list(item) == [
        *("messaging_product", "wa_id", "input", "reason", "note", "blocked_at", "blocked_by", "expires_at")
    ]
    assert (item["input"], item["reason"], item["note"], item["expires_at"]) == (USER, "spam", "third time", None)
    assert item["blocked_at"] == SEED_MOMENT // 1_000_000


def test_last_inbound_returns_the_users_that_it_could_not_read(caller: Caller) -> None:
    answer = wrote(caller, USER, "hello")

    assert [user["input"] for user in answer.json()["users"]] == [USER]
    assert [user["input"] for user in answer.json()["failed_users"]] == ["hello"]


@pytest.mark.parametrize("at", [SEED_MOMENT // 1_000_000 + 3_600, "soon", "", -1, 10**30, 1.5])
def test_last_inbound_refuses_an_invalid_time(caller: Caller, at: Any) -> None:
    answer = wrote(caller, USER, at=at)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
