"""How many requests one key may make."""

from hypothesis import given
from hypothesis import strategies as st
from tests.server.turned_clock import TurnedClock

from wablock.server.limits import Rate

per_minutes = st.integers(min_value=1, max_value=200)
pauses = st.lists(st.floats(min_value=0, max_value=20, allow_nan=False), min_size=1, max_size=300)


def test_without_a_limit_no_caller_waits() -> None:
    rate = Rate(0, TurnedClock())

    assert [rate.take("key") for _ in range(10_000)] == [None] * 10_000


def test_a_minutes_share_may_be_used_at_once() -> None:
    rate = Rate(5, TurnedClock())

    assert [rate.take("key") is None for _ in range(7)] == [True] * 5 + [False] * 2


def test_one_key_does_not_use_up_anothers_share() -> None:
    rate = Rate(1, TurnedClock())
    rate.take("one")

    assert rate.take("other") is None


def test_a_caller_who_waits_for_retry_after_may_go_on() -> None:
    clock = TurnedClock()
    rate = Rate(7, clock)
    for _ in range(7):
        rate.take("key")
    wait = rate.take("key")
    assert wait is not None

    clock.turn(wait)

    assert rate.take("key") is None


def test_a_request_that_comes_too_early_costs_nothing() -> None:
    clock = TurnedClock()
    rate = Rate(1, clock)
    rate.take("key")
    for _ in range(100):
        assert rate.take("key") is not None

    clock.turn(60)

    assert rate.take("key") is None


def test_keys_whose_share_is_full_again_are_forgotten() -> None:
    clock = TurnedClock()
    rate = Rate(60, clock)
    for key in range(100_000):
        rate.take(str(key))
    clock.turn(60)

    rate.take("one more")

    assert len(rate._full_at) == 1


@given(per_minute=per_minutes, pauses=pauses)
def test_no_minute_has_more_than_twice_the_share_and_the_average_is_within_it(
    per_minute: int, pauses: list[float]
) -> None:
    clock = TurnedClock()
    rate = Rate(per_minute, clock)
    began = clock.now
    taken = []
    for pause in pauses:
        clock.turn(pause)
        if rate.take("key") is None:
            taken.append(clock.now)

    for moment in taken:
        since = [other for other in taken if moment - 60 < other <= moment]
        assert len(since) <= 2 * per_minute
    assert len(taken) <= per_minute + (clock.now - began) * per_minute / 60 + 1


@given(per_minute=per_minutes, pauses=pauses)
def test_a_caller_who_keeps_to_the_share_never_waits(per_minute: int, pauses: list[float]) -> None:
    clock = TurnedClock()
    rate = Rate(per_minute, clock)

    for pause in pauses:
        assert rate.take("key") is None
        clock.turn(60 / per_minute + pause)
