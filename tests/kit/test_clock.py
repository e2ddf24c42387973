"""The virtual clock after it was set, stopped or moved."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.caller import block, dev, listed

from wablock.block_list.ports import Microseconds
from wablock.kit.clock import VirtualClock
from wablock.kit.fixture import Wablock

SEED_MOMENT = 1_737_679_688_383_584
SEED_CURSOR = "eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD"
USER = "+16505551234"

steps = st.one_of(
    st.tuples(st.just("stop"), st.just(0)),
    st.tuples(st.just("start"), st.just(0)),
    st.tuples(st.just("set"), st.integers(0, 4_000_000_000_000_000)),
    st.tuples(st.just("advance"), st.integers(0, 10**14)),
    st.tuples(st.just("pass"), st.integers(0, 10**12)),
)


class RealTime:
    def __init__(self) -> None:
        self.now: Microseconds = 1_800_000_000_000_000

    def __call__(self) -> Microseconds:
        return self.now


@given(timeline=st.lists(steps, max_size=20))
def test_the_clock_moves_with_real_time_unless_stopped_and_jumps_to_a_set_time(timeline: list[tuple[str, int]]) -> None:
    real = RealTime()
    clock = VirtualClock(real)
    expected, stopped = real.now, False

    for step, value in timeline:
        if step == "pass":
            real.now += value
            expected += 0 if stopped else value
        elif step == "set":
            clock.set(value)
            expected = value
        elif step == "advance":
            clock.advance(value)
            expected += value
        else:
            stopped = step == "stop"
            clock.stop() if stopped else clock.start()

        assert (clock(), clock.is_stopped) == (expected, stopped)


@pytest.mark.parametrize("moment", [-1, 253_402_300_799_999_999])
def test_the_clock_cannot_be_set_before_1970_or_after_9000(moment: int) -> None:
    with pytest.raises(ValueError, match="between the years"):
        VirtualClock(RealTime()).set(moment)


def test_at_the_time_of_metas_example_the_cursors_are_those_of_the_page(wablock: Wablock) -> None:
    dev(wablock, "PUT", "clock", {"stopped": True, "microseconds": SEED_MOMENT})
    block(wablock, USER)

    with wablock.client() as client:
        page = client.page()

    assert (page.after, page.before) == (SEED_CURSOR, SEED_CURSOR)


@pytest.mark.parametrize(
    "time", [1_737_679_688, 1_737_679_688.0, "1737679688", "2025-01-24T00:48:08Z", "2025-01-24T01:48:08+01:00"]
)
def test_the_clock_is_set_by_seconds_and_by_iso_8601(wablock: Wablock, time: float | str) -> None:
    wablock.clock.stop()

    wablock.clock.set(time)

    assert wablock.clock.now == datetime(2025, 1, 24, 0, 48, 8, tzinfo=UTC)


def test_the_clock_is_set_and_read_to_the_microsecond(wablock: Wablock) -> None:
    moment = datetime(2025, 1, 24, 0, 48, 8, 383_584, tzinfo=UTC)
    wablock.clock.stop()

    wablock.clock.set(moment)

    assert wablock.clock.now == moment
    assert dev(wablock, "GET", "clock").json()["microseconds"] == SEED_MOMENT


def test_a_block_ends_when_its_time_has_come(wablock: Wablock) -> None:
    wablock.clock.stop()
    at = int((wablock.clock.now + timedelta(hours=2)).timestamp())
    with wablock.client() as client:
        client.block(USER, expires_at=at)

    before = listed(wablock)
    wablock.clock.advance(hours=2)

    assert before == ["16505551234"]
    assert listed(wablock) == []


@pytest.mark.wablock(rules="meta")
def test_the_24_hours_pass_with_the_clock(wablock: Wablock) -> None:
    wablock.inbound(USER)
    wablock.clock.advance(hours=23, minutes=59)
    in_time = block(wablock, USER).json()
    block(wablock, USER, method="DELETE")
    wablock.clock.advance(minutes=2)

    too_late = block(wablock, USER).json()

    assert "error" not in in_time
    assert too_late["block_users"]["failed_users"][0]["errors"][0]["code"] == 131047


@pytest.mark.parametrize(
    "body",
    [
        {"now": "yesterday"},
        {"now": -1},
        {"now": 1e300},
        {"microseconds": -1},
        {"now": True},
        {"stopped": "yes"},
        {"nosuch": 1},
    ],
)
def test_an_invalid_time_is_refused_and_changes_nothing(wablock: Wablock, body: dict[str, object]) -> None:
    answer = dev(wablock, "PUT", "clock", body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert not dev(wablock, "GET", "clock").json()["stopped"]
