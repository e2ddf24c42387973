"""`StoreMeter`, the receiver of a store's figures, and a meter that reports each commit to another part."""

from collections.abc import Callable
from typing import Protocol

from wablock.storage.group_commit import CommitMeter


class StoreMeter(CommitMeter, Protocol):
    def worker_failed(self, worker: int) -> None:
        """A worker of a Citus cluster failed, or did not respond in time."""


class WakingMeter:
    """Passes the figures on to another meter, and calls `wake` after each commit."""

    def __init__(self, meter: StoreMeter) -> None:
        self._meter = meter
        self.wake: Callable[[], None] | None = None

    def committed(self, changes: int) -> None:
        self._meter.committed(changes)
        if self.wake is not None:
            self.wake()

    def refused(self) -> None:
        self._meter.refused()

    def worker_failed(self, worker: int) -> None:
        self._meter.worker_failed(worker)
