"""Which keys a node writes, as it knows now."""


class KeysInUse:
    """`beside_older`: nodes of the version before may be running, and have to find what is written."""

    def __init__(self, *, beside_older: bool) -> None:
        self.beside_older = beside_older
