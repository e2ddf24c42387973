"""A database, a node and a network fail in turn: no acknowledged change is lost, and no change is half done."""

import asyncio
import os
import random
from typing import Final

import pytest
from tests.end_to_end.drill import LISTS, SHARED, Drill, Plan, drilled
from tests.end_to_end.history import NEVER, first_contradiction, versions_in_disorder
from tests.end_to_end.wire_words import ABOUT_TO_COMMIT, COMMITTED, written

# In the middle of a transaction, which stays half open; or when the answer to a commit is on its way to the node.
MOMENTS: Final = (ABOUT_TO_COMMIT, (COMMITTED, *map(written, LISTS)))
ROUNDS: Final = 16 if os.environ.get("TORTURE") else 1

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module", params=range(ROUNDS))
def drill(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Drill:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    promote_after, cut_for = (chance.uniform(0, 15), chance.uniform(0, 15)) if request.param else (0.0, 2.0)
    plan = Plan(seed, promote_after, MOMENTS[request.param % 2], cut_for)
    print(plan)  # noqa: T201 - to repeat a failure
    drill = asyncio.run(drilled(tmp_path_factory.mktemp("drill"), plan))
    print(_report(drill))  # noqa: T201 - the figures of this test
    return drill


def _report(drill: Drill) -> str:
    moments, (killed, alone, cut) = drill.moments, drill.nodes
    changes = drill.chronicle.acknowledged(0, drill.nodes)
    unknown = sum(entry.operation.returned == NEVER for entry in drill.chronicle.entries)
    names = {killed: "killed", alone: "alone", cut: "cut"}
    return f"""\
{len(drill.chronicle.entries)} requests, {len(changes)} changes acknowledged, {unknown} without an answer
promoted after {(moments.standby_promoted - moments.primary_killed) / 1e9:.2f} s
first change acknowledged {drill.recovery(moments.primary_killed, drill.nodes):.2f} s after the primary was killed
first change at the other nodes {drill.recovery(moments.node_killed, [alone, cut]):.2f} s after a node was killed
cut for {(moments.repaired - moments.cut) / 1e9:.2f} s; longest silence of a list \
{drill.longest_silence(moments.cut, moments.repaired):.2f} s
first change at the cut node {drill.recovery(moments.repaired, [cut]):.2f} s after the repair
not 200: { {f"{names[url]} {what}": count for (url, what), count in drill.chronicle.failures.items()} }"""


@pytest.mark.parametrize("phone_number_id", LISTS)
def test_clients_see_one_list_without_lost_or_half_done_changes(drill: Drill, phone_number_id: str) -> None:
    history = drill.chronicle.of(phone_number_id)

    contradiction = first_contradiction(history)

    assert contradiction is None


@pytest.mark.parametrize("phone_number_id", LISTS)
def test_the_versions_of_a_list_grow_across_the_databases(drill: Drill, phone_number_id: str) -> None:
    assert versions_in_disorder(drill.chronicle.of(phone_number_id)) == []


def test_every_node_accepts_changes_after_the_standby_took_over(drill: Drill) -> None:
    moments = drill.moments

    taken = [drill.acknowledged_between(moments.standby_promoted, moments.cut, url) for url in drill.nodes]

    assert all(taken)


def test_a_shared_list_is_changed_through_the_other_node_while_one_is_cut_off(drill: Drill) -> None:
    _, alone, _ = drill.nodes

    changed = drill.acknowledged_between(drill.moments.cut, drill.moments.repaired, alone)

    assert {entry.phone_number_id for entry in changed} >= set(SHARED)


def test_the_node_that_is_cut_off_is_not_ready_and_the_other_is(drill: Drill) -> None:
    _, alone, cut = drill.nodes

    assert drill.ready_while_cut == {alone: 200, cut: 503}


def test_the_node_that_was_cut_off_accepts_changes_again(drill: Drill) -> None:
    _, _, cut = drill.nodes

    assert drill.chronicle.acknowledged(drill.moments.repaired, [cut])
    assert drill.chronicle.acknowledged(drill.moments.torn, [cut])
