"""A `CommitMeter` that counts."""


class CountingMeter:
    def __init__(self) -> None:
        self.batches: list[int] = []
        self.refusals = 0
        self.failed_workers: list[int] = []

    def committed(self, changes: int) -> None:
        self.batches.append(changes)

    def refused(self) -> None:
        self.refusals += 1

    def worker_failed(self, worker: int) -> None:
        self.failed_workers.append(worker)
