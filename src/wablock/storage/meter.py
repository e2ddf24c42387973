"""`StoreMeter`, the receiver of a store's figures."""

from typing import Protocol

from wablock.storage.group_commit import CommitMeter


class StoreMeter(CommitMeter, Protocol):
    def worker_failed(self, worker: int) -> None:
        """A worker of a Citus cluster failed, or did not respond in time."""
