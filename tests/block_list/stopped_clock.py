"""A clock that a test sets."""

from wablock.block_list.ports import Microseconds

SEED_MOMENT: Microseconds = 1_737_679_688_383_584  # the version in the cursor of Meta's reference page


class StoppedClock:
    """Returns `now`, which a test can change."""

    def __init__(self, now: Microseconds = SEED_MOMENT) -> None:
        self.now = now

    def __call__(self) -> Microseconds:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000)
