"""Which subscriptions a process delivers: one process at a time, and another one if it dies."""

import msgspec
import pytest

from wablock.subscriptions.leases import POST_WITHIN, TAKE_OVER_AFTER, Leases
from wablock.subscriptions.ports import SealedSubscription

_FREE = SealedSubscription("sub_1", "1", "https://shop.example/", b"", None, False, 0)


def _of(holder: str, beat: int) -> SealedSubscription:
    return msgspec.structs.replace(_FREE, holder=holder, beat=beat)


@pytest.fixture
def leases() -> Leases:
    return Leases("here")


def test_a_free_subscription_is_wanted(leases: Leases) -> None:
    assert leases.wanted([_FREE], 0.0) == {"sub_1": 0}


def test_a_lease_that_was_not_given_does_not_last(leases: Leases) -> None:
    leases.wanted([_FREE], 0.0)

    leases.extend([], 0.0)

    assert not leases.lasts("sub_1", 0.0)


def test_a_lease_ends_without_a_beat(leases: Leases) -> None:
    leases.extend(["sub_1"], 0.0)

    assert leases.lasts("sub_1", 3.9)
    assert not leases.lasts("sub_1", 4.0)


def test_a_lease_is_renewed_before_it_ends(leases: Leases) -> None:
    leases.extend(["sub_1"], 0.0)

    assert leases.wanted([_of("here", 1)], 1.0) == {}
    assert leases.wanted([_of("here", 1)], 2.0) == {"sub_1": 1}


def test_the_lease_of_another_process_is_not_taken_while_its_beat_grows(leases: Leases) -> None:
    wanted = [leases.wanted([_of("there", beat)], beat * 2.0) for beat in range(20)]

    assert wanted == [{}] * 20


def test_the_lease_of_a_process_that_died_is_taken_over(leases: Leases) -> None:
    leases.wanted([_of("there", 7)], 0.0)

    assert leases.wanted([_of("there", 7)], TAKE_OVER_AFTER - 0.1) == {}
    assert leases.wanted([_of("there", 7)], TAKE_OVER_AFTER) == {"sub_1": 7}


def test_a_pause_without_events_does_not_count(leases: Leases) -> None:
    leases.wanted([_of("there", 7)], 0.0)
    leases.wanted([], 5.0)

    assert leases.wanted([_of("there", 7)], TAKE_OVER_AFTER) == {}


def test_the_last_request_of_a_holder_has_ended_when_another_process_takes_over(leases: Leases) -> None:
    leases.extend(["sub_1"], 0.0)

    assert not leases.lasts("sub_1", TAKE_OVER_AFTER - POST_WITHIN)
