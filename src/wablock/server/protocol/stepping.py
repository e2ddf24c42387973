"""The first step of a coroutine by hand: one that never waits needs no task, which is a tenth of a short request."""

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Rest(Generic[T]):
    """What is left of a coroutine that has taken its first step, to be awaited in a task."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], waits_for: Any) -> None:
        """`waits_for`: what that step gave."""
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        """As `yield from` would go on with it."""
        coroutine, waits_for = self._coroutine, self._waits_for
        while True:
            try:
                try:
                    value = yield waits_for
                except BaseException as error:  # such as its task's end
                    waits_for = coroutine.throw(error)
                else:
                    waits_for = coroutine.send(value)
            except StopIteration as done:
                result: T = done.value
                return result
