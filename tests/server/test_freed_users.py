"""Users that an allow list frees: attaching it, and adding users to it, says who they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_lists import ANNA, BEN, CARA, SECOND, add, add_list, attach, block, call, check, detach, done

from wablock import account_lists
from wablock.block_list.ports import BusinessNumber


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, numbers=[NUMBER, BusinessNumber(SECOND, ACCOUNT_ID)]) as running:
        yield running


def test_an_attached_allow_list_frees_its_blocked_members_and_names_them(server: RunningServer) -> None:
    block(server, ANNA, BEN)
    vip = add_list(server, "VIP", "allow")
    add(server, vip, BEN, CARA)

    attached = attach(server, vip)

    freed = {"freed": 1, "freed_users": [{"wa_id": BEN[1:]}]}
    assert attached == {"success": True, "effect": "attached"} | freed
    assert [check(server, user)["blocked"] for user in (ANNA, BEN)] == [True, False]
    assert attach(server, vip) == {"success": True, "effect": "unchanged"}


def test_an_allow_list_for_all_numbers_frees_the_blocked_users_of_each(server: RunningServer) -> None:
    add(server, PHONE_NUMBER_ID, ANNA, BEN)
    add(server, SECOND, BEN, CARA)
    fraud, vip = add_list(server), add_list(server, "VIP", "allow")
    attach(server, fraud, SECOND)
    add(server, fraud, "+16505550104")
    add(server, vip, ANNA, BEN, CARA, "+16505550104", "+16505550105")

    attached = attach(server, vip, None)

    assert attached["freed"] == 4
    assert {user["wa_id"][-1] for user in attached["freed_users"]} == {"1", "2", "3", "4"}


def test_only_the_first_of_many_freed_users_are_named(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_lists, "MOST_FREED_SHOWN", 1)
    monkeypatch.setattr(account_lists, "MOST_USERS_PER_REQUEST", 1)
    block(server, ANNA, BEN)
    vip = add_list(server, "VIP", "allow")
    add(server, vip, ANNA, BEN, CARA)

    attached = attach(server, vip)

    assert (attached["freed"], attached["freed_users"]) == (2, [{"wa_id": ANNA[1:]}])


def test_a_freed_user_is_found_in_any_spelling_and_by_its_user_id(server: RunningServer) -> None:
    add(server, PHONE_NUMBER_ID, "+5511987654321")
    done(call(server, "POST", f"/v1/lists/{PHONE_NUMBER_ID}/members", users=[{"user_id": "US.1"}]))
    vip = add_list(server, "VIP", "allow")
    add(server, vip, "+551187654321")
    done(call(server, "POST", f"/v1/lists/{vip}/members", users=[{"user_id": "US.1"}]))

    freed = attach(server, vip)["freed_users"]

    assert freed == [{"user_id": "US.1"}, {"wa_id": "551187654321"}]


def test_users_who_are_added_to_an_attached_allow_list_are_freed(server: RunningServer) -> None:
    vip = add_list(server, "VIP", "allow")
    attach(server, vip)
    block(server, ANNA, BEN)

    answer = add(server, vip, ANNA, "+1 650 555 0101", CARA)

    assert [(user["input"], user.get("freed")) for user in answer["members"]] == [
        (ANNA, True),
        ("+1 650 555 0101", True),
        (CARA, None),
    ]
    assert (answer["added"], answer["freed"]) == (2, 1)
    assert not check(server, ANNA)["blocked"]
    assert "freed" not in add(server, vip, ANNA)


def test_users_who_are_added_to_an_allow_list_for_all_numbers_are_freed_on_each(server: RunningServer) -> None:
    vip = add_list(server, "VIP", "allow")
    attach(server, vip, None)
    add(server, SECOND, ANNA)

    assert add(server, vip, ANNA)["freed"] == 1
    assert not check(server, ANNA, SECOND)["blocked"]


def test_an_allow_list_that_is_not_attached_frees_no_user(server: RunningServer) -> None:
    block(server, ANNA)
    vip = add_list(server, "VIP", "allow")

    assert "freed" not in add(server, vip, ANNA)
    assert "freed" not in add(server, add_list(server), ANNA)
    assert check(server, ANNA)["blocked"]


def test_a_detached_allow_list_frees_no_user_any_more(server: RunningServer) -> None:
    block(server, ANNA)
    vip = add_list(server, "VIP", "allow")
    add(server, vip, ANNA)
    attach(server, vip)

    detach(server, vip)

    assert check(server, ANNA)["blocked"]
