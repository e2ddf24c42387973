"""Mutated webhooks through a running server to real receivers.

No body causes a 500, and no receiver gets an item that some reader takes for a blocked user's message, or for another
number's. An item that all readers take for another user's message arrives with its bytes.
"""

import asyncio
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2
import msgspec
import pytest
from tests.receiver import receiving
from tests.running_server import PHONE_NUMBER_ID, RunningServer, running_server
from tests.server.test_webhooks import KEY
from tests.webhooks.corpus import BUSINESS, PARENTS, Case, cases, files, fresh
from tests.webhooks.lines import Line, NumberPair, block, deliver, number_pairs, route
from tests.webhooks.mutations import mutated
from tests.webhooks.readers import READERS, sightings

from wablock.block_list.ports import BusinessNumber

# To repeat one, or to run others: MUTATIONS=20000-120000 python -m pytest tests/webhooks/test_mutations.py
FIRST, END = map(int, os.environ.get("MUTATIONS", "0-10000").split("-"))
BLOCK: Final = 1000  # seeds that one server serves
CONNECTIONS: Final = 4

_IDS_OF_A_BODY: Final = 40
_OWN: Final = frozenset(number.wa_id for pair in number_pairs(CONNECTIONS) for number in pair)
_OF_THE_DASHBOARD: Final = "0"  # with this entry id the whole webhook is a sample
_HOLDERS: Final = frozenset(("entry", "changes", "value", "contacts", "messages", "standby", "threads"))
_decoder = json.JSONDecoder()


class Mutation(msgspec.Struct, frozen=True):
    """A body, and the one that it was made of. `typed` are blocked, and with them `blocked`; `free` are others' ids."""

    seed: int
    names: list[str]
    before: bytes
    body: bytes
    typed: list[str]
    blocked: frozenset[str]
    free: frozenset[str]

    def __str__(self) -> str:
        again = f"MUTATIONS={self.seed}-{self.seed + 1}"
        return f"{again} ({', '.join(self.names)}), blocked {sorted(self.blocked)}:\n  {self.body!r}"


class Outcome(msgspec.Struct, frozen=True):
    """What became of mutations. `kept` counts the free users' items that arrived."""

    problems: list[str]
    statuses: Counter[int]
    rows: int


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    numbers = [number for pair in number_pairs(CONNECTIONS) for number in pair]
    with running_server(tmp_path, key=KEY, numbers=numbers) as running:
        yield running


@pytest.fixture
def lines(server: RunningServer) -> Iterator[list[Line]]:
    with ExitStack() as stack:
        made = [
            Line(pair, (stack.enter_context(receiving()), stack.enter_context(receiving())))
            for pair in number_pairs(CONNECTIONS)
        ]
        asyncio.run(route(server, made))
        yield made


def mutation(seed: int, numbers: NumberPair) -> Mutation:
    """A case with blocked users, often with a second case of free users, for the same number or the other."""
    random = Random(seed)
    counter = itertools.count(1 + seed % BLOCK * _IDS_OF_A_BODY)
    known = [case for file in files() for case in cases(file)]
    with_users = [case for case in known if case.users]
    case = fresh(random.choice(with_users if random.random() < 0.9 else known), counter)
    payload = _for_number(case, numbers[0])
    free = set(case.strangers)
    if random.random() < 0.5 and payload["entry"][0]["id"] != _OF_THE_DASHBOARD:
        beside = fresh(random.choice(with_users), counter)
        free |= _ids_of(beside) | set(beside.strangers)
        entries = _for_number(beside, random.choice((*numbers, numbers[0])))["entry"]
        if random.random() < 0.5:
            payload["entry"][0]["changes"] += entries[0]["changes"]
        else:
            payload["entry"] += entries
    before = json.dumps(payload).encode()
    body, names = mutated(before.replace(b"id.T", b"id.U"), random)  # the messages are new
    typed = [identifier for user in case.users for identifier in _typed(user, linked=case.linked)]
    blocked = _ids_of(case) if case.linked else set(typed)
    return Mutation(seed, names, before, body, typed, frozenset(blocked), frozenset(free))


def _for_number(case: Case, number: BusinessNumber) -> Any:
    text = json.dumps(case.payload).replace(PHONE_NUMBER_ID, number.phone_number_id)
    return json.loads(text.replace(BUSINESS, number.wa_id or ""))


def _ids_of(case: Case) -> set[str]:
    return {identifier for user in case.users for identifier in user.values()}


def _typed(user: dict[str, str], *, linked: bool) -> list[str]:
    """The user's ids to block: number, else former user_id, else user_id; all if the webhook does not link them."""
    names = sorted(user.keys() - PARENTS, key=lambda name: (name != "wa_id", name != "previous_user_id", name))
    return [user[name] for name in names][: 1 if linked else None]


def run(server: RunningServer, line: Line, mutations: Sequence[Mutation]) -> Outcome:
    """Post each mutation after its original body, which links the ids of its users."""
    outcome = Outcome([], Counter(), 0)
    kept = 0
    with httpx2.Client() as client:
        block(client, server, line, [identifier for it in mutations for identifier in it.typed])
        for it in mutations:
            deliver(client, server, line, it.before)
            answer, arrived = deliver(client, server, line, it.body)
            outcome.statuses[answer.status_code] += 1
            problems = list(wrongly_delivered(it, line, arrived))
            if answer.status_code not in {200, 502} and not 400 <= answer.status_code < 500:
                problems.append(f"status {answer.status_code}: {answer.text}")
            for place, texts in expected_items(it, line) if answer.status_code == 200 else ():
                kept += 1
                if not any(text in body for text in texts for body in arrived[place]):
                    problems.append(f"a free user's message is missing: {texts}")
            outcome.problems.extend(f"{problem}\n  {it}\n  arrived: {arrived}" for problem in problems)
    return Outcome(outcome.problems, outcome.statuses, kept)


def wrongly_delivered(it: Mutation, line: Line, arrived: list[list[bytes]]) -> Iterator[str]:
    """Delivered items of a blocked user, of another number, or of no number in any reading."""
    for number, bodies in zip(line.numbers, arrived, strict=True):
        for body in bodies:
            seen = [(name, sighting) for name, rule in READERS.items() for sighting in sightings(body, rule)]
            here = {sighting.sender for _, sighting in seen if sighting.phone_number_id == number.phone_number_id}
            for name, sighting in seen:
                if sighting.sender <= _OWN:  # an item of the business, whose number this reader cannot see
                    continue
                is_elsewhere = sighting.phone_number_id not in {None, number.phone_number_id}
                if is_elsewhere or sighting.sender not in here:
                    yield f"{name}: sent to {sighting.phone_number_id}, reached {number.phone_number_id}"
                elif number is line.numbers[0] and sighting.sender & it.blocked:
                    yield f"{name}: a blocked user's {sighting.item}"


def expected_items(it: Mutation, line: Line) -> Iterator[tuple[int, set[bytes]]]:
    """The receiver and the bytes of every item that for all readers has the same free user and number."""
    if _mixes_users(it):
        return
    seen, *others = [sightings(it.body, rule) for rule in READERS.values()]
    places = {number.phone_number_id: place for place, number in enumerate(line.numbers)}
    for sighting in seen:
        place = places.get(sighting.phone_number_id or "")
        if place is not None and sighting.sender <= it.free and all(sighting in other for other in others):
            yield place, _written(it.body, sighting.item)


def _written(body: bytes, item: dict[str, Any]) -> set[bytes]:
    """Each text in the body that decodes to the item."""
    text = body.decode()
    texts = set()
    for start in (index for index, letter in enumerate(text) if letter == "{"):
        try:
            value, end = _decoder.raw_decode(text, start)
        except ValueError:  # a brace inside a text
            continue
        if value == item:
            texts.add(text[start:end].encode())
    return texts


def _mixes_users(it: Mutation) -> bool:
    """Whether some object has ids of a blocked and of a free user: the free one is blocked then."""
    return any(not names.isdisjoint(it.blocked) and not names.isdisjoint(it.free) for names in _shown_together(it.body))


def _shown_together(body: bytes) -> Iterator[set[str]]:
    """All texts of each object without objects of other users in it, and of each thread."""
    waiting = [json.loads(body, object_pairs_hook=tuple)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            names = {name.casefold() for name, _ in node}
            if names.isdisjoint(_HOLDERS) or ("messages" in names and "contacts" not in names):
                yield set(_texts(node))
            waiting += [value for _, value in node]
        elif isinstance(node, list):
            waiting += node


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list | tuple):
        for inner in node:
            yield from _texts(inner)


@pytest.mark.parametrize("start", range(FIRST, END, BLOCK))
def test_no_mutation_delivers_a_blocked_users_message(server: RunningServer, lines: list[Line], start: int) -> None:
    seeds = range(start, min(start + BLOCK, END))
    mutations = [
        [mutation(seed, line.numbers) for seed in seeds if seed % CONNECTIONS == index]
        for index, line in enumerate(lines)
    ]

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        outcomes = list(threads.map(run, itertools.repeat(server), lines, mutations))

    problems = [problem for outcome in outcomes for problem in outcome.problems]
    assert not problems, f"{len(problems)} problems\n" + "\n".join(problems[:5])
    if len(seeds) == BLOCK:  # most bodies must be read, not refused
        assert sum(outcome.statuses[200] for outcome in outcomes) > BLOCK / 2
        assert sum(outcome.rows for outcome in outcomes) > BLOCK / 10
