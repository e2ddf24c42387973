"""The two rule sets."""

import pytest

from wablock.block_list.ports import BusinessNumber, Refusal, Rules
from wablock.block_list.rules import META, RuleBook, RuleSet, failure
from wablock.contract import errors

HOUR = 3_600 * 1_000_000


def test_a_number_without_its_own_rules_has_the_servers() -> None:
    number = BusinessNumber("106540352242922", "acme")

    assert RuleBook(default=Rules.META).of(number) == META


@pytest.mark.parametrize("default", Rules)
def test_a_numbers_own_rules_override_the_servers(default: Rules) -> None:
    number = BusinessNumber("106540352242922", "acme", rules=Rules.META)

    assert RuleBook(default=default).of(number) == META


def test_open_rules_have_no_limit_and_no_window() -> None:
    rules = RuleBook().of(BusinessNumber("106540352242922", "acme"))

    assert rules == RuleSet(max_size=None, window=None, stable_pages=False)


def test_open_rules_have_a_limit_if_the_setting_has_one() -> None:
    rules = RuleBook(open_list_size=100).of(BusinessNumber("106540352242922", "acme", rules=Rules.OPEN))

    assert rules.max_size == 100


def test_metas_rules_are_64000_users_who_wrote_within_24_hours() -> None:
    assert RuleSet(max_size=64_000, window=24 * HOUR, stable_pages=True) == META


def test_the_error_of_a_full_list_has_its_size() -> None:
    error = failure(Refusal.LIST_FULL, META)

    assert isinstance(error, errors.BlocklistLimitReached)
    assert "64000" in error.details


def test_the_error_of_a_user_who_has_not_written_is_metas() -> None:
    error = failure(Refusal.NOT_WRITTEN_LATELY, META)

    assert (error.code, error.details) == (131047, "User has not messaged in the last 24 hours")
