"""Group commit for each list: a slow list does not delay the others."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.storage.changes import LIST, block
from tests.storage.meters import CountingMeter
from tests.storage.people import people, person
from tests.waiting import tasks_wait

from wablock.block_list.changes import Block
from wablock.block_list.ports import Outcome
from wablock.failures import Overloaded
from wablock.storage.group_commit import Backlog
from wablock.storage.list_commits import ListCommits

_DONE = Outcome()
_OTHER = "106540352242923"


class Lists:
    """A database in which the first list is stuck until `go_on` is set."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, int]] = []
        self.go_on = asyncio.Event()

    async def apply(self, list_id: str, changes: Sequence[Block]) -> Sequence[Outcome]:
        self.batches.append((list_id, len(changes)))
        if list_id == LIST:
            await self.go_on.wait()
        return [_DONE] * len(changes)


@pytest.fixture
async def lists() -> Lists:
    return Lists()


def _submitting(commits: ListCommits[Block], count: int, list_id: str = LIST) -> list[asyncio.Future[Outcome]]:
    return [asyncio.ensure_future(commits.submit(list_id, block(person(number)))) for number in range(count)]


async def test_a_stuck_list_does_not_delay_others(lists: Lists) -> None:
    commits = ListCommits(lists.apply, CountingMeter(), Backlog())
    stuck = _submitting(commits, 5)
    await tasks_wait()

    assert await commits.submit(_OTHER, block(person(1))) == _DONE

    assert not any(change.done() for change in stuck)
    lists.go_on.set()
    await asyncio.gather(*stuck)


async def test_changes_of_one_list_share_batches_and_those_of_others_do_not(lists: Lists) -> None:
    commits = ListCommits(lists.apply, CountingMeter(), Backlog())
    lists.go_on.set()

    await asyncio.gather(*_submitting(commits, 20), *_submitting(commits, 30, _OTHER))

    assert lists.batches == [(LIST, 20), (_OTHER, 30)]


async def test_all_lists_share_one_limit(lists: Lists) -> None:
    meter = CountingMeter()
    commits = ListCommits(lists.apply, meter, Backlog(most_users=10))
    waiting = _submitting(commits, 1)
    await tasks_wait()
    waiting += [asyncio.ensure_future(commits.submit(LIST, block(*people(10))))]
    await tasks_wait()

    with pytest.raises(Overloaded):
        await commits.submit(_OTHER, block(person(1)))

    assert meter.refusals == 1
    lists.go_on.set()
    await asyncio.gather(*waiting)


async def test_a_change_behind_a_stuck_commit_is_refused_immediately(lists: Lists) -> None:
    commits = ListCommits(lists.apply, CountingMeter(), Backlog(stalled_after=0.05))
    stuck = _submitting(commits, 1)
    await asyncio.sleep(0.1)  # longer than `stalled_after`, by the event loop's clock

    with pytest.raises(Overloaded, match="temporarily unavailable"):
        await commits.submit(LIST, block(person(1)))

    assert await commits.submit(_OTHER, block(person(1))) == _DONE
    lists.go_on.set()
    await asyncio.gather(*stuck)
    assert await commits.submit(LIST, block(person(1))) == _DONE


async def test_draining_waits_for_every_list(lists: Lists) -> None:
    commits = ListCommits(lists.apply, CountingMeter(), Backlog())
    waiting = [*_submitting(commits, 3), *_submitting(commits, 3, _OTHER)]
    await tasks_wait()
    lists.go_on.set()

    await commits.drain()

    assert all(change.done() for change in waiting)
