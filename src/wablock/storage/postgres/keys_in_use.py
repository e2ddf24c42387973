"""The keys that a node writes now."""


class KeysInUse:
    """`beside_older`: nodes of the previous version may be running, and must find what is written."""

    def __init__(self, *, beside_older: bool) -> None:
        self.beside_older = beside_older
