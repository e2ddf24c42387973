"""The routes of one process, on clocks that a test turns, for an account with two numbers and its rival with one."""

from wablock.gate.ports import RouteStore
from wablock.gate.routes import Routes
from wablock.vault import AeadVault

NOW = 1_737_679_688_383_584
OURS, OUR_OTHER, THEIRS = "106540352242922", "106540352242923", "106540352242924"
ACCOUNTS = {OURS: "acme", OUR_OTHER: "acme", THEIRS: "rival"}
KEY = bytes(range(32))


class Clocks:
    """The time of day, which moves on with every look, and the time that only grows, turned by a test."""

    def __init__(self) -> None:
        self.now = NOW
        self.monotonic = 100.0

    def look(self) -> int:
        self.now += 1
        return self.now


def routes_of_a_process(store: RouteStore, clocks: Clocks, key: bytes = KEY) -> Routes:
    return Routes(store, AeadVault([key]), clocks.look, lambda: clocks.monotonic)
