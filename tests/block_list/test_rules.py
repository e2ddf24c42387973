"""The two rule sets."""

import pytest

from wablock.block_list.ports import BusinessNumber, Refusal, Rules
from wablock.block_list.rules import META, RuleBook, RuleSet, failure
from wablock.contract import errors

HOUR = 3_600 * 1_000_000


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


def test_a_full_list_is_told_with_its_size() -> None:
    told = failure(Refusal.LIST_FULL, META)

    assert isinstance(told, errors.BlocklistLimitReached)
    assert "64000" in told.details


def test_silence_is_told_as_meta_does() -> None:
    told = failure(Refusal.NOT_WRITTEN_LATELY, META)

    assert (told.code, told.details) == (131047, "User has not messaged in the last 24 hours")
