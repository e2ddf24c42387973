"""The copy of a whole SQLite database while it is used."""

from pathlib import Path

import apsw

from wablock.storage.opening import CannotOpen
from wablock.storage.sqlite.connection import connect


def copy(source: Path, target: Path) -> None:
    """Copy `source`, as of one moment, durably to `target`, whose earlier content is lost.

    The change is atomic: readers see the old content or the new one. Raises `CannotOpen`.
    """
    try:
        # A missing source is not created: an empty file would overwrite the target.
        reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
        writing = connect(target)
        try:
            with writing.backup("main", reading, "main") as backup:
                backup.step()
        finally:
            writing.close()
            reading.close()
    except apsw.Error as error:
        raise CannotOpen(f"Cannot copy {source} to {target}: {error}") from error
