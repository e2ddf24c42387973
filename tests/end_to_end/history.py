"""A check that a history of clients is possible with one block list that changes at single moments. No I/O."""

from collections import deque
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

Blocked = frozenset[str]

FRAUD, VIP = "fraud", "vip"
"""A shared block list, and an allow list."""

NEVER: Final = 2**63
"""The return of a change without an answer: it may take effect at any later moment, or not at all."""


class Kind(StrEnum):
    BLOCK = "block"
    UNBLOCK = "unblock"
    LIST = "list"
    IS_BLOCKED = "is blocked"
    IS_FREE = "is free"
    REFUSED = "refused"
    CHECK = "check"


class Operation(msgspec.Struct, frozen=True):
    """One request as its client saw it. `users`: those in the request, or for a list, those in the answer. The kind of
    a check of one user is its answer; a check of all has those that are blocked.

    Shared lists are `users`, too: `fraud 16505550101` is on one, and `fraud` alone says that it is attached. A block
    that was `refused` met an allow list with all of its users.

    `version`: the list's version, if the answer had it.
    """

    kind: Kind
    users: Blocked
    invoked: int
    returned: int
    version: int | None = None


class _Configuration(msgspec.Struct, frozen=True):
    """One way in which it may have been: the list now, and which of the requests under way took effect already.

    `late`: which of those that never return did.
    """

    blocked: Blocked
    took_effect: frozenset[int]
    late: frozenset[int]


def first_contradiction(history: Sequence[Operation], blocked: Blocked = frozenset()) -> Operation | None:
    """The first request whose answer no order of effects explains; None if `history` is linearizable.

    Just-in-time linearization (Lowe, "Testing for linearizability", 2017): it tracks every possible configuration, and
    when a request returns, it keeps only those in which the request took effect.
    """
    configurations = [_Configuration(blocked, frozenset(), frozenset())]
    under_way: set[int] = set()
    for _, returns, index in sorted(_events(history)):
        if not returns:
            under_way.add(index)
            continue
        configurations = [
            msgspec.structs.replace(configuration, took_effect=configuration.took_effect - {index})
            for configuration in _reachable(configurations, under_way, history)
            if index in configuration.took_effect
        ]
        if not configurations:
            return history[index]
        under_way.remove(index)
    return None


def versions_in_disorder(history: Iterable[Operation]) -> list[tuple[Operation, Operation]]:
    """Pairs of lists whose versions contradict their order in time, or that have one version and different users."""
    lists = sorted(
        (seen for seen in history if seen.kind is Kind.LIST and seen.version is not None), key=lambda seen: seen.invoked
    )
    wrong = []
    users_at: dict[int | None, Operation] = {}
    for seen in lists:
        same = users_at.setdefault(seen.version, seen)
        if same.users != seen.users:
            wrong.append((same, seen))
    newest: Operation | None = None  # among those that had returned before `seen` was invoked
    returned = sorted(lists, key=lambda seen: seen.returned)
    place = 0
    for seen in lists:
        while returned[place].returned < seen.invoked:
            if newest is None or (returned[place].version or 0) > (newest.version or 0):
                newest = returned[place]
            place += 1
        if newest is not None and (seen.version or 0) < (newest.version or 0):
            wrong.append((newest, seen))
    return wrong


def _events(history: Sequence[Operation]) -> Iterable[tuple[int, bool, int]]:
    for index, operation in enumerate(history):
        yield operation.invoked, False, index
        if operation.returned != NEVER:
            yield operation.returned, True, index


class _Seen:
    """Configurations, without those that can lead to nothing that another one could not lead to as well: the same list,
    but fewer requests that may still take effect.
    """

    def __init__(self) -> None:
        self._late: dict[tuple[Blocked, frozenset[int]], list[frozenset[int]]] = {}

    def add(self, one: _Configuration) -> bool:
        """Whether it is new and no earlier one includes it."""
        late = self._late.setdefault((one.blocked, one.took_effect), [])
        if any(other <= one.late for other in late):
            return False
        late[:] = [other for other in late if not one.late <= other]
        late.append(one.late)
        return True

    def all(self) -> Iterable[_Configuration]:
        for (blocked, took_effect), those in self._late.items():
            for late in those:
                yield _Configuration(blocked, took_effect, late)


def _reachable(
    configurations: Iterable[_Configuration], under_way: set[int], history: Sequence[Operation]
) -> Iterable[_Configuration]:
    """`configurations`, and all that follow if any of the requests under way take effect, in any order."""
    configurations_seen = _Seen()
    unexplored = deque(configuration for configuration in configurations if configurations_seen.add(configuration))
    while unexplored:
        it = unexplored.popleft()
        for index in under_way - it.took_effect - it.late:
            blocked = _effect(history[index], it.blocked)
            if blocked is None:
                continue
            if history[index].returned == NEVER:
                reached = _Configuration(blocked, it.took_effect, it.late | {index})
            else:
                reached = _Configuration(blocked, it.took_effect | {index}, it.late)
            if configurations_seen.add(reached):
                unexplored.append(reached)
    return configurations_seen.all()


def _effect(operation: Operation, blocked: Blocked) -> Blocked | None:  # noqa: PLR0911 - one for each kind
    """The list after `operation`; None if it cannot take effect on this list."""
    match operation.kind:
        case Kind.BLOCK:
            is_allowed = not operation.users.isdisjoint(_on(blocked, VIP))
            return None if is_allowed else blocked | operation.users
        case Kind.UNBLOCK:
            return blocked - operation.users
        case Kind.LIST:
            return blocked if blocked == operation.users else None
        case Kind.IS_BLOCKED:
            return blocked if blocked >= operation.users else None
        case Kind.IS_FREE:
            return blocked if blocked.isdisjoint(operation.users) else None
        case Kind.REFUSED:
            return blocked if operation.users <= _on(blocked, VIP) else None
        case Kind.CHECK:
            own = {user for user in blocked if user.isdigit()}
            return blocked if (own | _on(blocked, FRAUD)) - _on(blocked, VIP) == operation.users else None


def _on(blocked: Blocked, shared: str) -> set[str]:
    """The users on a shared list, if it is attached."""
    if shared not in blocked:
        return set()
    return {user.removeprefix(f"{shared} ") for user in blocked if user.startswith(f"{shared} ")}
