"""The waits between attempts."""

import pytest

from wablock.subscriptions.backoff import LONGEST, Backoff


def _waits(backoff: Backoff, count: int) -> list[float]:
    """The wait after each of so many failures."""
    waits, now = [], 0.0
    for _ in range(count):
        backoff.failed("1", now)
        wait = next(half / 2 for half in range(2_000) if backoff.is_due("1", now + half / 2))
        waits.append(wait)
        now += wait
    return waits


def test_a_list_without_failures_is_due() -> None:
    assert Backoff(lambda: 1.0).is_due("1", 0.0)


def test_waits_grow_up_to_the_longest() -> None:
    assert _waits(Backoff(lambda: 1.0), 11) == [1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST, LONGEST]


def test_chance_shortens_a_wait_by_up_to_a_half() -> None:
    assert _waits(Backoff(lambda: 0.0), 3) == [0.5, 1, 2]


def test_a_success_ends_the_wait() -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.failed("1", 0.0)

    backoff.succeeded("1")

    assert backoff.is_due("1", 0.0)


@pytest.mark.parametrize("kept, is_due", [({"1"}, False), (set[str](), True)])
def test_only_lists_with_events_are_remembered(kept: set[str], *, is_due: bool) -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.failed("1", 0.0)

    backoff.keep(kept)

    assert backoff.is_due("1", 0.0) is is_due
