"""Copying a whole SQLite database while it is used."""

from pathlib import Path

import apsw

from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite.connection import connect


def copy(source: Path, target: Path) -> None:
    """On return `target` has durably what `source` had at one moment; what was in it before is gone.

    It changes as a whole: whoever reads it meanwhile sees all of it as it was, or as it is then. Raises `CannotOpen`.
    """
    try:
        # Not made where it is missing: an empty one would be copied over everything.
        reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
        writing = connect(target)
        try:
            with writing.backup("main", reading, "main") as backup:
                backup.step()
        finally:
            writing.close()
            reading.close()
    except apsw.Error as trouble:
        raise CannotOpen(f"Cannot copy {source} to {target}: {trouble}") from trouble
