"""The page about PostgreSQL, on a separate server with passwords."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.cli.command import run
from tests.cluster import Cluster
from tests.deployment.reading import ROOT
from tests.end_to_end.deployment import BLOCK_USERS, Deployment
from tests.end_to_end.graph import blocked, body

PAGE = (ROOT / "docs/how-to/run-on-postgresql.md").read_text()

_SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster whose roles need a password, except for the superuser."""
    made = Cluster()
    try:
        made.create()
        hba = made.data / "pg_hba.conf"
        hba.write_text("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def roles(cluster: Cluster) -> dict[str, str]:
    """The URL of each role that the page's SQL creates, without its password."""
    (script,) = _SQL.findall(PAGE)
    file = cluster.folder / "roles.sql"
    file.write_text(script)
    file.chmod(0o644)
    cluster.run("psql", "--set=ON_ERROR_STOP=1", f"--dbname={cluster.url}", f"--file={file}")
    return {name: f"postgresql://{name}@127.0.0.1:{cluster.port}/wablock" for name in ("wablock_owner", "wablock")}


def _password(role: str) -> str:
    match = re.search(rf"CREATE ROLE {role} LOGIN PASSWORD '(.*)'", PAGE)
    assert match
    return match[1]


def _shell(word: str) -> str:
    lines: list[str] = "".join(_SHELL.findall(PAGE)).splitlines()
    return next(line for line in lines if word in line)


def _variables(roles: dict[str, str], role: str) -> dict[str, str]:
    """A command's variables for the database."""
    return {"WABLOCK_DATABASE": roles[role], "PGPASSWORD": _password(role)}


@pytest.fixture(scope="module")
def migrated(roles: dict[str, str]) -> dict[str, str]:
    """The roles after the owner has run the page's command; before it no other role could connect."""
    too_early = run("number", "list", **_variables(roles, "wablock"))
    assert too_early.returncode == 2
    assert too_early.stderr.startswith("wablock: Cannot open the database postgresql://wablock@")
    assert too_early.stderr.count("\n") == 1

    command = _shell("wablock number list")
    assert command == 'wablock number list --database "$OWNER_URL"'
    done = run("number", "list", "--database", roles["wablock_owner"], PGPASSWORD=_password("wablock_owner"))
    assert done.returncode == 0, done.stderr
    return roles


def test_the_role_that_serves_can_do_all_that_a_server_does(
    migrated: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", _password("wablock"))
    deployment = Deployment(tmp_path, migrated["wablock"])

    with (
        deployment.server("--workers", "2") as server,
        httpx2.Client(base_url=server.url, headers=deployment.headers) as client,
    ):
        answers = [client.post(BLOCK_USERS, json=body(["16505550101", "16505550102"])).status_code]
        answers.append(client.request("DELETE", BLOCK_USERS, json=body(["16505550102"])).status_code)
        answers.append(client.get("/readyz").status_code)
        still = blocked(client)

    assert answers == [200, 200, 200]
    assert still == ["16505550101"]


@pytest.mark.parametrize(
    "statement", ["DROP TABLE blocked_user", "TRUNCATE blocked_user", "CREATE TABLE mine (id int)"]
)
def test_the_role_that_serves_can_neither_create_nor_drop_a_table(migrated: dict[str, str], statement: str) -> None:
    refused = subprocess.run(
        ["psql", f"--dbname={migrated['wablock']}", f"--command={statement}"],
        env={"PATH": "/usr/bin:/bin", "PGPASSWORD": _password("wablock")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert "permission denied" in refused.stderr or "must be owner" in refused.stderr


def test_a_dump_restores_the_data(migrated: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", _password("wablock_owner"))
    assert run("number", "add", "106540352242933", WABLOCK_DATABASE=migrated["wablock_owner"]).returncode == 0
    before = run("number", "list", "--json", WABLOCK_DATABASE=migrated["wablock_owner"]).stdout
    environment = {
        "PATH": "/usr/bin:/bin",
        "PGPASSWORD": _password("wablock_owner"),
        "OWNER_URL": migrated["wablock_owner"],
    }

    subprocess.run(["sh", "-euc", _shell("pg_dump")], cwd=tmp_path, env=environment, check=True)
    run("number", "remove", "106540352242933", "--yes", WABLOCK_DATABASE=migrated["wablock_owner"])
    subprocess.run(["sh", "-euc", _shell("pg_restore")], cwd=tmp_path, env=environment, check=True)

    assert "106540352242933" in before
    assert run("number", "list", "--json", WABLOCK_DATABASE=migrated["wablock_owner"]).stdout == before
