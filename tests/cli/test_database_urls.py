"""Database URLs that cannot be used: the message says what to write, and has no part of a password."""

import os
from pathlib import Path

import pytest
from tests.cli.command import run

UNREADABLE = [
    "postgresql://u:s3cr/et@127.0.0.1:1/x",
    "postgresql://u:s3cr#et@127.0.0.1:1/x",
    "postgresql://u:s3cr?et@127.0.0.1:1/x",
    "postgresql://u:s3cr[et@127.0.0.1:1/x",
    "postgresql://u:pa@s3cr?et@127.0.0.1:1/x",
    "postgresql://u:s3cr",
]


@pytest.mark.parametrize("url", UNREADABLE)
@pytest.mark.parametrize("command", [("number", "list"), ("serve", "--port", "0")], ids=" ".join)
def test_an_unreadable_url_of_postgresql_is_refused_without_its_password(url: str, command: tuple[str, ...]) -> None:
    process = run(*command, WABLOCK_DATABASE=url)

    assert process.returncode == 2
    assert "Cannot read the database URL" in process.stderr
    assert "s3cr" not in process.stderr


@pytest.mark.parametrize("url", UNREADABLE)
def test_an_unreadable_target_of_a_move_is_refused_without_its_password(url: str, database: str) -> None:
    run("number", "add", "777", "--database", database)

    process = run("migrate", "--from", database, WABLOCK_MIGRATE_TO=url)

    assert process.returncode == 2
    assert "s3cr" not in process.stderr


@pytest.mark.parametrize("arguments", [["--database", ""], ["--database="], ["--database", " "]])
def test_an_empty_database_is_not_the_default_one(arguments: list[str]) -> None:
    process = run("number", "list", *arguments)

    assert process.returncode == 2
    assert process.stderr == "wablock: --database must not be empty. See wablock number list --help\n"


@pytest.mark.parametrize("name", ["a#b.db", "a?b.db"])
def test_a_sqlite_url_with_a_sign_of_urls_is_not_another_file(tmp_path: Path, name: str) -> None:
    process = run("number", "add", "777", "--database", f"sqlite:///{tmp_path}/{name}")

    assert process.returncode == 2
    assert "write %23 for # and %3F for ?" in process.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_sqlite_url_may_have_these_signs_escaped(tmp_path: Path) -> None:
    process = run("number", "add", "777", "--database", f"sqlite:///{tmp_path}/a%23b%3Fc.db")

    assert process.returncode == 0
    assert (tmp_path / "a#b?c.db").is_file()


def test_a_device_is_no_database() -> None:
    process = run("number", "add", "777", "--database", "sqlite:////dev/null")

    assert process.returncode == 2
    assert process.stderr == "wablock: /dev/null is a device or a pipe; name a file\n"
    assert not list(Path("/dev").glob("null-*"))


def test_a_pipe_is_not_replaced_by_a_backup(tmp_path: Path, database: str) -> None:
    run("number", "add", "777", "--database", database)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    before = set(tmp_path.iterdir())

    process = run("backup", str(pipe), "--force", "--database", database)

    assert process.returncode == 2
    assert process.stderr == f"wablock: {pipe} is a device or a pipe; name a file\n"
    assert pipe.is_fifo()
    assert set(tmp_path.iterdir()) == before
