"""The two rule sets, and who may not be blocked under them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.block_list.ports import Block, BusinessNumber, Member, Refusal, Rules
from wablock.block_list.rules import META, RuleBook, RuleSet, failure, refusals
from wablock.contract import errors

NOW = 1_737_679_688_383_584
HOUR = 3_600 * 1_000_000

keys = st.sampled_from(["16505550101", "16505550102", "16505550103", "16505550104", "16505550105"])


def member(key: str) -> Member:
    return Member(key, key, None, f"+{key}")


def block(*users: str, max_size: int | None = None, written_since: int | None = None) -> Block:
    return Block("106540352242922", "acme", NOW, "test", [member(key) for key in users], max_size, written_since)


def test_a_number_without_rules_of_its_own_has_the_servers() -> None:
    number = BusinessNumber("106540352242922", "acme")

    assert RuleBook(default=Rules.META).of(number) == META


@pytest.mark.parametrize("default", Rules)
def test_a_numbers_own_rules_go_before_the_servers(default: Rules) -> None:
    number = BusinessNumber("106540352242922", "acme", rules=Rules.META)

    assert RuleBook(default=default).of(number) == META


def test_open_rules_have_no_limit_and_no_window() -> None:
    rules = RuleBook().of(BusinessNumber("106540352242922", "acme"))

    assert rules == RuleSet(max_size=None, window=None, stable_pages=False)


def test_open_rules_limit_a_list_where_the_setting_says_so() -> None:
    rules = RuleBook(open_list_size=100).of(BusinessNumber("106540352242922", "acme", rules=Rules.OPEN))

    assert rules.max_size == 100


def test_metas_rules_are_64000_users_who_wrote_within_24_hours() -> None:
    assert RuleSet(max_size=64_000, window=24 * HOUR, stable_pages=True) == META


def test_without_preconditions_everybody_may_be_blocked() -> None:
    change = block("16505550101", "16505550102")

    assert list(refusals(change, change.members, set(), 1_000_000, {})) == []


def test_whoever_has_not_written_since_is_refused() -> None:
    change = block("16505550101", "16505550102", "16505550103", written_since=NOW - HOUR)
    wrote_at = {"16505550101": NOW - HOUR, "16505550102": NOW - HOUR - 1}

    refused = dict(refusals(change, change.members, set(), 0, wrote_at))

    assert refused == {1: Refusal.NOT_WRITTEN_LATELY, 2: Refusal.NOT_WRITTEN_LATELY}


def test_the_users_who_fit_are_blocked_and_the_rest_refused() -> None:
    change = block("16505550101", "16505550102", "16505550103", max_size=2)

    refused = dict(refusals(change, change.members, {"16505550109"}, 1, {}))

    assert refused == {1: Refusal.LIST_FULL, 2: Refusal.LIST_FULL}


def test_a_user_on_the_list_already_is_never_refused() -> None:
    change = block("16505550101", max_size=1, written_since=NOW)

    assert list(refusals(change, change.members, {"16505550101"}, 1, {})) == []


def test_a_user_named_twice_takes_one_place() -> None:
    change = block("16505550101", "16505550101", "16505550102", max_size=2)

    assert list(refusals(change, change.members, set(), 0, {})) == []


def test_a_user_named_twice_has_the_last_place_for_both() -> None:
    change = block("16505550101", "16505550101", max_size=1)

    assert list(refusals(change, change.members, set(), 0, {})) == []


def test_a_user_refused_for_silence_takes_no_place() -> None:
    change = block("16505550101", "16505550102", max_size=1, written_since=NOW - HOUR)

    refused = dict(refusals(change, change.members, set(), 0, {"16505550102": NOW}))

    assert refused == {0: Refusal.NOT_WRITTEN_LATELY}


@given(users=st.lists(keys), on_list=st.sets(keys), max_size=st.integers(min_value=0, max_value=6))
def test_no_list_grows_past_its_size(users: list[str], on_list: set[str], max_size: int) -> None:
    change = block(*users, max_size=max_size)

    refused = dict(refusals(change, change.members, on_list, len(on_list), {}))

    grown = on_list | {key for index, key in enumerate(users) if index not in refused}
    assert len(grown) <= max(max_size, len(on_list))


def test_a_full_list_is_told_with_its_size() -> None:
    told = failure(Refusal.LIST_FULL, META)

    assert isinstance(told, errors.BlocklistLimitReached)
    assert "64000" in told.details


def test_silence_is_told_as_meta_does() -> None:
    told = failure(Refusal.NOT_WRITTEN_LATELY, META)

    assert (told.code, told.details) == (131047, "User has not messaged in the last 24 hours")
