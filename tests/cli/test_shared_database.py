"""Commands on a database that several machines share."""

from pathlib import Path

from tests.cli.command import run, run_here, started
from tests.postgres import fresh_database

from wablock.vault import new_key


def test_no_machine_creates_its_own_key(tmp_path: Path) -> None:
    variables = {"WABLOCK_DATABASE": fresh_database(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}

    refused = run("account", "set", "102290129340398", "--create", "--app-secret", "s", **variables)

    assert refused.returncode == 2
    assert "all nodes on one database need the same key" in refused.stderr
    assert not list(tmp_path.rglob("secret.key"))


def test_the_configured_key_seals(tmp_path: Path) -> None:
    variables = {"WABLOCK_DATABASE": fresh_database(tmp_path), "WABLOCK_SECRET_KEY": new_key()}

    process = run("account", "set", "102290129340398", "--create", "--app-secret", "s", **variables)

    assert process.returncode == 0, process.stderr


def test_serve_prints_its_database_without_the_password(tmp_path: Path) -> None:
    url = fresh_database(tmp_path).replace("postgres@", "postgres:a-password@", 1)

    with started("serve", "--port", "0", "--workers", "2", WABLOCK_DATABASE=url) as server:
        assert " on postgresql://postgres@" in server.announced
        assert "a-password" not in server.announced
        assert "SQLite" not in server.log


def test_a_url_for_another_program_is_refused_without_its_password() -> None:
    refused = run_here(
        "serve", "--port", "0", "--database", "postgresql+asyncpg://wablock:a-password@db.example/wablock"
    )

    assert refused.returncode == 2
    assert "postgresql+asyncpg://wablock@db.example/wablock" in refused.stderr
    assert "a-password" not in refused.stderr
