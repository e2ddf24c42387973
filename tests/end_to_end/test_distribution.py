"""What is published: the wheel, by itself, in an environment that has nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tarfile import TarFile
from zipfile import ZipFile

import httpx2
import pytest
from tests.cli.command import Server, run, started
from tests.end_to_end.deployment import BLOCK_USERS
from tests.end_to_end.graph import blocked, body

from wablock import __version__

PROJECT = Path(__file__).parents[2]
USER = "16505551234"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(PROJECT))
    return folder


@pytest.fixture(scope="module")
def wablock(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command, installed from the wheel into an environment of its own."""
    environment = tmp_path_factory.mktemp("venv")
    _run(sys.executable, "-m", "venv", str(environment))
    wheel = next(distributions.glob("*.whl"))
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", f"{wheel}[server]"]
    installed = subprocess.run(pip, capture_output=True, text=True, check=False)
    if installed.returncode and "connection broken" in installed.stderr and not os.environ.get("CI"):
        pytest.skip("the wheel's dependencies need a package index")
    assert installed.returncode == 0, installed.stderr
    return str(environment / "bin" / "wablock")


@pytest.fixture
def server(wablock: str) -> Iterator[Server]:
    with started("dev", "--port", "0", command=wablock) as running:
        yield running


def test_the_wheel_holds_the_package_its_migrations_its_pages_and_its_licence(distributions: Path) -> None:
    with ZipFile(next(distributions.glob("*.whl"))) as wheel:
        names = wheel.namelist()

    assert "wablock/py.typed" in names
    assert "wablock/storage/migrations/sqlite/0001_block_lists.sql" in names
    assert {
        f"wablock/server/reference/{name}"
        for name in ("static/reference.css", "static/reference.js", "templates/page.html", "templates/parts.html")
    } <= set(names)
    assert {"wablock/server/reference/templates/llms.txt", "wablock/server/reference/templates/reference.md"} <= set(
        names
    )
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)


def test_the_source_archive_holds_what_the_wheel_is_built_from(distributions: Path) -> None:
    with TarFile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "src/wablock/__init__.py"} <= names


def test_the_installed_command_tells_its_version(wablock: str) -> None:
    assert run("--version", command=wablock).stdout.strip() == __version__


def test_the_installed_server_blocks_and_lists_a_user(server: Server) -> None:
    headers = {"Authorization": "Bearer wablock-dev-token"}

    with httpx2.Client(base_url=server.url, headers=headers, timeout=60) as client:
        answer = client.post(BLOCK_USERS, json=body([USER]))
        found = blocked(client)

    assert answer.status_code == 200, answer.text
    assert found == [USER]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
