"""The check of histories: it finds impossible ones, and accepts possible ones."""

import pytest
from tests.end_to_end.history import NEVER, Kind, Operation, first_contradiction, versions_in_disorder

ANNA = frozenset({"16505550101"})
BEN = frozenset({"16505550102"})
NO_USERS: frozenset[str] = frozenset()


def test_a_list_between_a_block_and_an_unblock_shows_the_user() -> None:
    history = [
        Operation(Kind.BLOCK, ANNA, 1, 2),
        Operation(Kind.LIST, ANNA, 3, 4),
        Operation(Kind.UNBLOCK, ANNA, 5, 6),
        Operation(Kind.LIST, NO_USERS, 7, 8),
    ]

    assert first_contradiction(history) is None


def test_a_list_that_misses_an_acknowledged_block_is_a_contradiction() -> None:
    history = [Operation(Kind.BLOCK, ANNA, 1, 2), Operation(Kind.LIST, NO_USERS, 3, 4)]

    assert first_contradiction(history) == history[1]


def test_a_list_that_still_shows_an_unblocked_user_is_a_contradiction() -> None:
    history = [
        Operation(Kind.BLOCK, ANNA, 1, 2),
        Operation(Kind.UNBLOCK, ANNA, 3, 4),
        Operation(Kind.LIST, ANNA, 5, 6),
    ]

    assert first_contradiction(history) == history[2]


@pytest.mark.parametrize("seen", [NO_USERS, ANNA])
def test_a_list_during_a_block_may_show_the_user_or_not(seen: frozenset[str]) -> None:
    history = [Operation(Kind.BLOCK, ANNA, 1, 10), Operation(Kind.LIST, seen, 2, 3)]

    assert first_contradiction(history) is None


def test_a_user_on_a_list_may_not_vanish_during_the_same_block() -> None:
    history = [
        Operation(Kind.BLOCK, ANNA, 1, 10),
        Operation(Kind.LIST, ANNA, 2, 3),
        Operation(Kind.LIST, NO_USERS, 4, 5),
    ]

    assert first_contradiction(history) == history[2]


def test_half_of_a_request_is_a_contradiction() -> None:
    history = [Operation(Kind.BLOCK, ANNA | BEN, 1, 10), Operation(Kind.LIST, ANNA, 2, 3)]

    assert first_contradiction(history) == history[1]


def test_two_lists_may_not_see_two_blocks_in_different_orders() -> None:
    history = [
        Operation(Kind.BLOCK, ANNA, 1, 10),
        Operation(Kind.BLOCK, BEN, 1, 10),
        Operation(Kind.LIST, ANNA, 2, 5),
        Operation(Kind.LIST, BEN, 3, 6),
    ]

    assert first_contradiction(history) is not None


@pytest.mark.parametrize("seen", [(NO_USERS, NO_USERS), (NO_USERS, ANNA), (ANNA, ANNA)])
def test_an_unanswered_block_may_take_effect_at_any_moment_or_never(
    seen: tuple[frozenset[str], ...],
) -> None:
    history = [
        Operation(Kind.BLOCK, ANNA, 1, NEVER),
        *(Operation(Kind.LIST, users, 2 * place, 2 * place + 1) for place, users in enumerate(seen, start=1)),
    ]

    assert first_contradiction(history) is None


def test_an_unanswered_block_takes_effect_only_once() -> None:
    history = [
        Operation(Kind.BLOCK, ANNA, 1, NEVER),
        Operation(Kind.LIST, ANNA, 2, 3),
        Operation(Kind.UNBLOCK, ANNA, 4, 5),
        Operation(Kind.LIST, ANNA, 6, 7),
    ]

    assert first_contradiction(history) == history[3]


def test_half_of_an_unanswered_request_is_a_contradiction() -> None:
    history = [Operation(Kind.BLOCK, ANNA | BEN, 1, NEVER), Operation(Kind.LIST, BEN, 2, 3)]

    assert first_contradiction(history) == history[1]


@pytest.mark.parametrize("kind, changed", [(Kind.IS_FREE, Kind.BLOCK), (Kind.IS_BLOCKED, Kind.UNBLOCK)])
def test_a_check_that_misses_an_acknowledged_change_is_a_contradiction(kind: Kind, changed: Kind) -> None:
    history = [Operation(Kind.BLOCK, BEN, 1, 2), Operation(changed, ANNA, 3, 4), Operation(kind, ANNA, 5, 6)]

    assert first_contradiction(history) == history[2]


@pytest.mark.parametrize("kind", [Kind.IS_BLOCKED, Kind.IS_FREE])
def test_a_check_during_a_block_may_find_the_user_or_not(kind: Kind) -> None:
    history = [Operation(Kind.BLOCK, ANNA, 1, 10), Operation(kind, ANNA, 2, 3)]

    assert first_contradiction(history) is None


def test_a_version_that_goes_back_is_found() -> None:
    earlier = Operation(Kind.LIST, ANNA, 1, 2, version=20)
    later = Operation(Kind.LIST, BEN, 3, 4, version=10)

    assert versions_in_disorder([earlier, later]) == [(earlier, later)]


def test_a_version_that_stays_while_the_list_changes_is_found() -> None:
    earlier = Operation(Kind.LIST, ANNA, 1, 2, version=20)
    later = Operation(Kind.LIST, BEN, 3, 4, version=20)

    assert versions_in_disorder([earlier, later]) == [(earlier, later)]


def test_versions_of_lists_at_the_same_time_may_come_in_any_order() -> None:
    history = [Operation(Kind.LIST, ANNA, 1, 4, version=20), Operation(Kind.LIST, BEN, 2, 3, version=10)]

    assert versions_in_disorder(history) == []
