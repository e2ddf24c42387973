"""A `CommitMeter` that counts."""


class CountingMeter:
    def __init__(self) -> None:
        self.batches: list[int] = []
        self.refusals = 0

    def committed(self, changes: int) -> None:
        self.batches.append(changes)

    def refused(self) -> None:
        self.refusals += 1
