"""The answers of one turn of the event loop, which are written together.

A client that waits for its answers sleeps, and waking it takes the server longer than writing an answer. If several
answers are written together, most of them find their client awake. Only a busy server has several answers in a turn;
if there is only one, it is written as soon as its turn ends.
"""

import asyncio
from typing import Final, Protocol

_MOST_WAITING: Final = 16  # answers; more would let clients wait without waking them less often


class Answering(Protocol):
    """The output of a connection with an answer to write."""

    def write_answer(self) -> None: ...

    def end_turn(self) -> None: ...


class TurnAnswers:
    """The outputs that have an answer in this turn, in the order of their answers."""

    def __init__(self) -> None:
        self._outputs: list[Answering] = []
        self._written = 0

    def add(self, output: Answering) -> None:
        """Call `output.write_answer` at the end of this turn or earlier, and then `output.end_turn`."""
        if not self._outputs:
            asyncio.get_running_loop().call_soon(self._end)
        self._outputs.append(output)
        if len(self._outputs) - self._written == _MOST_WAITING:
            self._write()

    def _write(self) -> None:
        for output in self._outputs[self._written :]:
            output.write_answer()
        self._written = len(self._outputs)

    def _end(self) -> None:
        self._write()
        outputs, self._outputs, self._written = self._outputs, [], 0
        for output in outputs:
            output.end_turn()
