"""Commands on a database that several machines share."""

from pathlib import Path

from tests.cli.command import called, run, started
from tests.postgres import fresh_database

from wablock.vault import new_key


def test_no_machine_makes_a_key_of_its_own(tmp_path: Path) -> None:
    said = {"WABLOCK_DATABASE": fresh_database(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}

    refused = run("account", "set", "102290129340398", "--app-secret", "s", **said)

    assert refused.returncode == 2
    assert "all nodes on one database need the same key" in refused.stderr
    assert not list(tmp_path.rglob("secret.key"))


def test_a_key_that_is_given_seals(tmp_path: Path) -> None:
    said = {"WABLOCK_DATABASE": fresh_database(tmp_path), "WABLOCK_SECRET_KEY": new_key()}

    done = run("account", "set", "102290129340398", "--app-secret", "s", **said)

    assert done.returncode == 0, done.stderr


def test_serve_says_which_database_it_serves_and_no_password(tmp_path: Path) -> None:
    url = fresh_database(tmp_path).replace("postgres@", "postgres:a-password@", 1)

    with started("serve", "--port", "0", "--workers", "2", WABLOCK_DATABASE=url) as server:
        assert " on postgresql://postgres@" in server.announced
        assert "a-password" not in server.announced
        assert "SQLite" not in server.log


def test_a_url_for_another_program_is_refused_without_its_password() -> None:
    refused = called("serve", "--port", "0", "--database", "postgresql+asyncpg://wablock:a-password@db.example/wablock")

    assert refused.returncode == 2
    assert "postgresql+asyncpg://wablock@db.example/wablock" in refused.stderr
    assert "a-password" not in refused.stderr
