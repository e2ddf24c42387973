"""`wablock backup` and `wablock restore`."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import httpx2
import pytest
from tests.cli.command import run_here
from tests.running_server import RunningServer, running_server

from wablock.storage.sqlite import moves
from wablock.storage.sqlite.connection import migrations, prepare

ANNA, BEN, CARL = "+16505550101", "+16505550102", "+16505550103"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server on `wablock.db` that has blocked Anna and Ben."""
    with running_server(tmp_path) as running:
        block(running, ANNA, BEN)
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.db"


def block(server: RunningServer, *users: str) -> None:
    body = {"messaging_product": "whatsapp", "block_users": [{"user": user} for user in users]}
    httpx2.post(server.url + server.block_users, json=body, headers=headers(server)).raise_for_status()


def blocked(server: RunningServer) -> list[str]:
    listed = httpx2.get(server.url + server.block_users, headers=headers(server)).json()
    return ["+" + user["wa_id"] for user in listed["data"]]


def headers(server: RunningServer) -> dict[str, str]:
    return {"authorization": f"Bearer {server.token}"}


@pytest.mark.usefixtures("server")
def test_a_backup_prints_its_contents(database: str, file: Path, tmp_path: Path) -> None:
    backed_up = run_here("backup", str(file), "--database", database)

    assert backed_up.returncode == 0, backed_up.stderr
    assert backed_up.stdout == f"Backed up {tmp_path / 'wablock.db'} to {file}: 1 list with 2 users.\n"


@pytest.mark.usefixtures("server")
def test_json_of_a_backup_has_its_contents(database: str, file: Path) -> None:
    backed_up = run_here("backup", str(file), "--json", "--database", database)

    assert json.loads(backed_up.stdout) == {"file": str(file), "bytes": file.stat().st_size, "lists": 1, "users": 2}


@pytest.mark.usefixtures("server")
def test_a_backup_is_one_file_that_only_its_owner_can_read(database: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()

    run_here("backup", str(folder / "backup.db"), "--database", database)

    assert [entry.name for entry in folder.iterdir()] == ["backup.db"]
    if os.name != "nt":
        assert stat.S_IMODE((folder / "backup.db").stat().st_mode) == 0o600


def test_a_running_server_continues_with_the_restored_data(server: RunningServer, database: str, file: Path) -> None:
    run_here("backup", str(file), "--database", database)
    block(server, CARL)

    restored = run_here("restore", str(file), "--yes", "--database", database)

    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.endswith("1 list with 2 users.\n")
    assert blocked(server) == [ANNA, BEN]
    block(server, CARL)
    assert blocked(server) == [CARL, ANNA, BEN]


@pytest.mark.usefixtures("server")
def test_a_backup_is_restored_to_a_new_place(database: str, file: Path, tmp_path: Path) -> None:
    run_here("backup", str(file), "--database", database)
    elsewhere = f"sqlite:///{tmp_path}/a/b/wablock.db"

    restored = run_here("restore", str(file), "--database", elsewhere)

    assert restored.returncode == 0, restored.stderr
    assert "2 users" in run_here("backup", str(tmp_path / "again.db"), "--database", elsewhere).stdout
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "a/b/wablock.db").stat().st_mode) == 0o600


def test_a_backup_of_an_older_wablock_is_restored_and_migrated(database: str, file: Path) -> None:
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute(migrations()[0][1])
        connection.execute("PRAGMA user_version=1; PRAGMA application_id=0x7761626c")
        connection.execute("INSERT INTO block_list (list_id, account_id, version, size) VALUES ('1', 'a', 0, 0)")

    restored = run_here("restore", str(file), "--database", database)

    assert "1 list with 0 users" in restored.stdout
    assert run_here("number", "list", "--database", database).returncode == 0


@pytest.mark.usefixtures("server")
def test_an_existing_file_is_replaced_only_by_force(database: str, file: Path) -> None:
    file.write_text("last year's")

    refused = run_here("backup", str(file), "--database", database)
    kept = file.read_text()
    forced = run_here("backup", str(file), "--force", "--database", database)

    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert kept == "last year's"
    assert forced.returncode == 0
    assert run_here("restore", str(file), "--yes", "--database", database).returncode == 0


def test_a_restore_replaces_a_database_only_with_its_flag(server: RunningServer, database: str, file: Path) -> None:
    run_here("backup", str(file), "--database", database)
    block(server, CARL)

    refused = run_here("restore", str(file), "--database", database)

    assert refused.returncode == 2
    assert "contains 1 list with 3 users; add --yes" in refused.stderr
    assert blocked(server) == [CARL, ANNA, BEN]


def damaged(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\xff" * 512 + whole[8704:])


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9000])


def another_programs(file: Path) -> None:
    file.unlink()
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("CREATE TABLE notes (text)")


def a_newer_wablocks(file: Path) -> None:
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("PRAGMA user_version=99")


@pytest.mark.parametrize(
    "spoil,error",
    [
        (damaged, "damaged"),
        (cut_off, "malformed"),
        (another_programs, "another program"),
        (a_newer_wablocks, "newer wablock"),
        (lambda file: file.write_text("hello"), "not a database"),
        (lambda file: file.write_text(""), "empty"),
        (Path.unlink, "There is no database"),
    ],
    ids=["damaged", "cut off", "another program's", "a newer wablock's", "text", "nothing in it", "gone"],
)
def test_an_incomplete_backup_is_refused_and_nothing_is_changed(
    server: RunningServer,
    database: str,
    file: Path,
    spoil: Callable[[Path], object],
    error: str,
) -> None:
    run_here("backup", str(file), "--database", database)
    spoil(file)
    before = sorted(entry.name for entry in file.parent.iterdir())

    refused = run_here("restore", str(file), "--yes", "--database", database)

    assert refused.returncode == 2
    assert error in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert blocked(server) == [ANNA, BEN]
    assert sorted(entry.name for entry in file.parent.iterdir()) == before


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("backup", "{folder}"), "is a folder"),
        (("backup", "{folder}/none/backup.db"), "No such file"),
        (("backup", "{folder}/wablock.db", "--force"), "is the database itself"),
        (("restore", "{folder}/wablock.db", "--yes"), "is the database itself"),
    ],
    ids=["a folder", "no folder", "itself", "from itself"],
)
@pytest.mark.usefixtures("server")
def test_a_failure_is_one_line_and_status_2(
    database: str, tmp_path: Path, arguments: tuple[str, ...], error: str
) -> None:
    refused = run_here(*(it.format(folder=tmp_path) for it in arguments), "--database", database)

    assert refused.returncode == 2
    assert error in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_missing_database_is_not_backed_up(database: str, file: Path) -> None:
    refused = run_here("backup", str(file), "--database", database)

    assert refused.returncode == 2
    assert "There is no database" in refused.stderr
    assert not file.exists()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_on_postgresql_the_error_names_the_program_to_use(command: str, file: Path) -> None:
    refused = run_here(command, str(file), "--database", "postgresql://wablock:secret@db.example/wablock")

    assert refused.returncode == 2
    assert "pg_" in refused.stderr
    assert "secret" not in refused.stderr


def test_a_moved_database_is_not_restored(database: str, file: Path, tmp_path: Path) -> None:
    path = tmp_path / "wablock.db"
    prepare(path)
    run_here("backup", str(file), "--database", database)
    moves.begin(path, "0123", "postgresql://db.example/wablock", 1)
    moves.finish(path, "0123")

    refused = run_here("restore", str(file), "--yes", "--database", database)

    assert refused.returncode == 2
    assert "was moved to postgresql://db.example/wablock" in refused.stderr


def test_a_backup_made_during_a_move_accepts_writes_after_its_restore(
    database: str, file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wablock.db"
    prepare(path)
    moves.begin(path, "0123", "postgresql://db.example/wablock", 1)
    run_here("backup", str(file), "--database", database)
    elsewhere = f"sqlite:///{tmp_path / 'other.db'}"

    run_here("restore", str(file), "--database", elsewhere)

    assert run_here("number", "add", "1", "--database", elsewhere).returncode == 0
