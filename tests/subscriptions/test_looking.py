"""The task that looks for events: it goes on after failures, and a commit wakes it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial

import pytest
from tests.storage.meters import CountingMeter
from tests.subscriptions.delivering import Delivering
from tests.waiting import wait_in_loop_until

from wablock.storage.meter import WakingMeter


@pytest.fixture
async def running(delivering: Delivering) -> AsyncIterator[Delivering]:
    task = asyncio.create_task(delivering.deliverer.run())
    yield delivering
    task.cancel()
    await asyncio.wait([task])


async def test_events_are_delivered_while_it_runs(running: Delivering) -> None:
    await running.subscribe()

    event_ids = await running.block(1, 2)

    await wait_in_loop_until(lambda: running.subscriber.event_ids == event_ids, "the events were not delivered")


async def test_a_failing_database_is_logged_once_and_does_not_end_it(
    delivering: Delivering, caplog: pytest.LogCaptureFixture
) -> None:
    await delivering.subscribe()
    event_ids = await delivering.block(1)
    delivering.failing.looks_that_fail = 2

    with caplog.at_level(logging.INFO):
        task = asyncio.create_task(delivering.deliverer.run())
        await wait_in_loop_until(lambda: delivering.subscriber.event_ids == event_ids, "the event was not delivered")
        await wait_in_loop_until(lambda: len(caplog.records) > 1, "nothing was logged")
        task.cancel()

    messages = [record.getMessage() for record in caplog.records]
    assert [message.partition(",")[0] for message in messages] == [
        "events are not delivered",
        "events are delivered again",
    ]


async def test_a_look_that_took_long_is_followed_by_the_next_one_before_leases_end(
    delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = list[float]()

    async def slow() -> None:
        delivering.clock.now += 10.0

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        raise asyncio.CancelledError

    monkeypatch.setattr(delivering.deliverer, "look", slow)
    monkeypatch.setattr(asyncio, "sleep", wait)
    with pytest.raises(asyncio.CancelledError):
        await delivering.deliverer.run()

    assert waits == [1.5]


async def test_a_commit_wakes_it(running: Delivering) -> None:
    await running.subscribe()
    await running.block(1)
    await wait_in_loop_until(lambda: running.meter.delivered, "the event was not delivered")
    loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()

    for turn in range(1, 11):
        await running.block(turn + 1)
        running.deliverer.wake()
        await wait_in_loop_until(partial(_has_delivered, running, turn + 1), "the event was not delivered")

    assert loop.time() - begun < 9  # without it, ten looks take at least ten seconds


def _has_delivered(running: Delivering, requests: int) -> bool:
    return len(running.meter.delivered) == requests


def test_a_meter_passes_figures_on_and_wakes_after_a_commit() -> None:
    figures, commits = CountingMeter(), list[str]()
    meter = WakingMeter(figures)
    meter.committed(1)
    meter.wake = lambda: commits.append("commit")

    meter.committed(2)
    meter.refused()
    meter.worker_failed(3)

    assert (figures.batches, figures.refusals, figures.failed_workers) == ([1, 2], 1, [3])
    assert commits == ["commit"]
