"""A release: its files, and its wheel alone in an environment."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from tarfile import TarFile
from typing import Any
from urllib.parse import urljoin
from zipfile import ZipFile

import httpx2
import pytest
from jsonschema.validators import validator_for  # type: ignore[import-untyped]
from referencing import Registry, Resource
from tests.cli.command import Server, run, started
from tests.end_to_end.deployment import BLOCK_USERS
from tests.end_to_end.graph import blocked, body
from tests.missing import missing
from tests.release import cloned, released

from wablock import __version__
from wablock.extras import how_to_install

PROJECT = Path(__file__).parents[2]
USER = "16505551234"
_BOM = "bom-1.6.SNAPSHOT.schema.json"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a release."""
    return released(tmp_path_factory.mktemp("project") / "dist")


def _installed(distributions: Path, folder: Path, extra: str, python: str = sys.executable) -> Path:
    """The programs of an environment with the wheel and this extra, and nothing else."""
    _run(python, "-m", "venv", str(folder))
    wheel = next(distributions.glob("*.whl"))
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"{wheel}{extra}"]
    installed = subprocess.run(pip, capture_output=True, text=True, check=False)
    if installed.returncode and "connection broken" in installed.stderr:
        missing("the wheel's dependencies need a package index")
    assert installed.returncode == 0, installed.stderr
    return folder / "bin"


@pytest.fixture(scope="module")
def bare(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _installed(distributions, tmp_path_factory.mktemp("bare"), "")


@pytest.fixture(scope="module")
def with_commands(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _installed(distributions, tmp_path_factory.mktemp("commands"), "[cli]")


@pytest.fixture(scope="module")
def wablock(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(_installed(distributions, tmp_path_factory.mktemp("server"), "[server]") / "wablock")


@pytest.fixture
def server(wablock: str) -> Iterator[Server]:
    with started("dev", "--port", "0", command=wablock) as running:
        yield running


def test_the_wheel_has_the_package_its_migrations_its_pages_and_its_licence(distributions: Path) -> None:
    with ZipFile(next(distributions.glob("*.whl"))) as wheel:
        names = wheel.namelist()

    assert "wablock/py.typed" in names
    assert "wablock/storage/migrations/sqlite/0001_block_lists.sql" in names
    assert {
        f"wablock/reference/{name}"
        for name in ("static/reference.css", "static/reference.js", "templates/page.html", "templates/parts.html")
    } <= set(names)
    assert {"wablock/reference/templates/llms.txt", "wablock/reference/templates/reference.md"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)


def test_the_source_archive_has_all_that_the_wheel_is_built_from(distributions: Path) -> None:
    with TarFile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "src/wablock/__init__.py"} <= names
    assert not any(name.startswith(("tests", "benchmarks")) for name in names)


@pytest.fixture(scope="module")
def bill_of_materials(distributions: Path) -> Any:
    with ZipFile(next(distributions.glob("*.whl"))) as wheel:
        [name] = [name for name in wheel.namelist() if "/sboms/" in name]
        assert name == f"wablock-{__version__}.dist-info/sboms/wablock.cdx.json"  # the place that PEP 770 defines
        return json.loads(wheel.read(name))


def test_the_wheels_bill_of_materials_is_valid_cyclonedx(bill_of_materials: Any) -> None:
    schemas = {
        name: json.loads(files("cyclonedx.schema").joinpath("_res", name).read_text())
        for name in (_BOM, "spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    }
    beside = [(urljoin(schemas[_BOM]["$id"], name), Resource.from_contents(it)) for name, it in schemas.items()]
    validator = validator_for(schemas[_BOM])(schemas[_BOM], registry=Registry().with_resources(beside))

    assert [error.message for error in validator.iter_errors(bill_of_materials)] == []
    assert list(
        validator.iter_errors(bill_of_materials | {"components": [{"type": "no such type"}]})
    )  # the validator finds errors


def test_the_wheels_bill_of_materials_lists_exactly_the_pinned_packages(bill_of_materials: Any) -> None:
    lock = (PROJECT / "requirements/server.txt").read_text()
    pinned = [tuple(line.split()[0].split("==")) for line in lock.splitlines() if not line.startswith(" ")]

    assert [(it["name"], it["version"]) for it in bill_of_materials["components"]] == pinned
    assert len(pinned) > 30
    assert all(it["purl"] == f"pkg:pypi/{it['name']}@{it['version']}" for it in bill_of_materials["components"])
    assert bill_of_materials["metadata"]["component"]["version"] == __version__


def test_a_wheel_from_the_source_archive_is_the_same(distributions: Path, tmp_path: Path) -> None:
    with TarFile.open(next(distributions.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path)  # our own archive; before 3.11.4 it has no filter

    _run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(*tmp_path.iterdir())
    )

    assert next(tmp_path.glob("*.whl")).read_bytes() == next(distributions.glob("*.whl")).read_bytes()


def test_a_release_has_a_wheel_a_source_archive_a_bill_of_materials_notes_and_checksums(distributions: Path) -> None:
    assert {it.name for it in distributions.iterdir()} == {
        f"wablock-{__version__}-py3-none-any.whl",
        f"wablock-{__version__}.tar.gz",
        f"wablock-{__version__}.cdx.json",
        f"wablock-{__version__}.md",
        "SHA256SUMS",
    }


def test_sha256sum_accepts_the_checksums_of_all_files(distributions: Path) -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=distributions,
        capture_output=True,
        text=True,
        check=False,
    )

    files = {it.name for it in distributions.iterdir()} - {"SHA256SUMS"}
    assert checked.returncode == 0, checked.stderr
    assert set(checked.stdout.splitlines()) == {f"{name}: OK" for name in files}


def test_the_bill_of_materials_of_a_release_is_the_wheels(distributions: Path, bill_of_materials: Any) -> None:
    assert json.loads((distributions / f"wablock-{__version__}.cdx.json").read_text()) == bill_of_materials


def test_the_notes_of_a_release_are_its_section_of_the_changelog(distributions: Path) -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text()

    section = changelog.partition(f"\n## [{__version__}]")[2].partition("\n\n")[2].partition("\n## ")[0]
    notes = (distributions / f"wablock-{__version__}.md").read_text()
    assert notes.endswith(f"# wablock {__version__}\n\n{section.rstrip()}\n")


def test_a_second_release_of_the_same_code_has_the_same_bytes(distributions: Path, tmp_path: Path) -> None:
    again = released(tmp_path / "dist", cloned(tmp_path / "elsewhere"))

    assert (again / "SHA256SUMS").read_text() == (distributions / "SHA256SUMS").read_text()


def test_a_version_without_a_section_in_the_changelog_is_not_released(distributions: Path, tmp_path: Path) -> None:
    wheel = next(distributions.glob("*.whl"))
    shutil.copy(wheel, tmp_path / wheel.name.replace(__version__, "9.9.9"))

    refused = subprocess.run(
        [sys.executable, PROJECT / ".ci/release", tmp_path], capture_output=True, text=True, check=False
    )

    assert (refused.returncode, refused.stderr) == (1, "release: CHANGELOG.md has no section for 9.9.9\n")
    assert not (tmp_path / "SHA256SUMS").exists()


def test_the_installed_command_prints_its_version(wablock: str) -> None:
    assert run("--version", command=wablock).stdout.strip() == __version__


def test_the_installed_server_blocks_and_lists_a_user(server: Server) -> None:
    headers = {"Authorization": "Bearer wablock-dev-token"}

    with httpx2.Client(base_url=server.url, headers=headers, timeout=60) as client:
        answer = client.post(BLOCK_USERS, json=body([USER]))
        wa_ids = blocked(client)

    assert answer.status_code == 200, answer.text
    assert wa_ids == [USER]


def test_the_wheel_alone_is_a_client(bare: Path, server: Server) -> None:
    script = f"""
from wablock.client import Client
with Client("wablock-dev-token", "106540352242922", base_url="{server.url}") as client:
    client.block("+16505550101")
    print([user.wa_id for user in client.blocked_users()], client.is_blocked("+16505550101"))
    client.unblock("+16505550101")
"""

    process = subprocess.run(
        [bare / "python", "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )

    assert process.stdout == "['16505550101'] True\n", process.stderr


def test_the_wheel_alone_installs_httpx2_and_msgspec_and_no_server(bare: Path) -> None:
    script = (
        "import importlib.util as u; print([n for n in ('starlette', 'apsw', 'cyclopts', 'rich') if u.find_spec(n)])"
    )

    assert subprocess.check_output([bare / "python", "-c", script], text=True) == "[]\n"


def test_the_command_of_the_wheel_alone_prints_what_to_install(bare: Path) -> None:
    process = run("dev", command=str(bare / "wablock"))

    assert (process.returncode, process.stdout) == (2, "")
    assert "in a clone of wablock, pip install '.[server]'; with a wheel, pip install 'WHEEL[server]'" in process.stderr
    assert process.stderr.count("\n") == 1


def test_the_commands_alone_can_call_a_server(with_commands: Path, server: Server) -> None:
    flags = ["--url", server.url, "--token", "wablock-dev-token", "--phone-number-id", "106540352242922"]
    command = str(with_commands / "wablock")

    blocked = run("block", "+16505550101", *flags, command=command)
    unblocked = run("unblock", "+16505550101", *flags, command=command)

    assert (blocked.stdout, unblocked.stdout) == ("Blocked 1 user.\n", "Unblocked 1 user.\n")


def test_the_commands_alone_print_what_a_server_needs(with_commands: Path) -> None:
    help_page = run("--help", command=str(with_commands / "wablock"))
    process = run("dev", command=str(with_commands / "wablock"))

    assert "dev" in help_page.stdout
    assert (process.returncode, process.stderr) == (
        2,
        f"wablock: this command needs the extra server: {how_to_install('server')}\n",
    )


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_the_server_runs_on_newer_pythons(distributions: Path, tmp_path: Path, version: str) -> None:
    python = _python(version)
    if python is None:
        pytest.skip(f"this machine has no Python {version}")

    command = str(_installed(distributions, tmp_path / "venv", "[server]", python) / "wablock")

    with started("dev", "--port", "0", command=command) as running:
        assert httpx2.get(running.url + "/healthz").status_code == 200


def _python(version: str) -> str | None:
    """An interpreter of this version: on the path, or installed next to the current one."""
    beside = Path(sys.base_prefix).parent.glob(f"{version}.*/bin/python{version}")
    for python in (shutil.which(f"python{version}"), *map(str, beside)):
        if python and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            return python
    return None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
