"""Backups of a database while a server writes to it."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest
from tests.many_users import with_users

from wablock.storage import CannotOpen
from wablock.storage.sqlite.backups import Contents, back_up
from wablock.storage.sqlite.connection import connect

USERS = 70_000  # more than are copied at once
ENOUGH = 20  # a copy that starts again after each write would never end


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with_users(tmp_path / "wablock.db", USERS)
    return tmp_path / "wablock.db"


def test_a_backup_is_of_one_moment_while_a_server_writes(database: Path, tmp_path: Path) -> None:
    with closing(connect(database)) as another:
        copied = []

        def write(done: int, _: int) -> None:
            copied.append(done)
            if len(copied) < ENOUGH:
                another.execute("DELETE FROM blocked_user WHERE seq = (SELECT max(seq) FROM blocked_user)")

        contents = back_up(database, tmp_path / "backup.db", write, replace=False)

    assert contents == Contents(7, USERS)
    assert len(copied) > 1
    assert copied == sorted(copied)  # it never starts again


def test_a_backup_gets_its_name_when_it_is_complete(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_text("last year's")
    contents = []

    back_up(database, target, lambda *_: contents.append(target.read_bytes()), replace=True)

    assert set(contents) == {b"last year's"}


def test_a_copy_that_fails_in_the_middle_leaves_nothing(database: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())

    def fail(*_: int) -> None:
        raise apsw.FullError("disk full")

    with pytest.raises(CannotOpen, match="disk full"):
        back_up(database, tmp_path / "backup.db", fail, replace=False)

    assert sorted(tmp_path.iterdir()) == before


def test_a_file_that_appears_during_the_backup_is_not_replaced(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"

    with pytest.raises(CannotOpen, match="exists already"):
        back_up(database, target, lambda *_: target.touch(), replace=False)

    assert target.read_bytes() == b""
