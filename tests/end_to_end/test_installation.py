"""`make run` and `make setup` in a new clone, with only Python and make."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from tests.missing import need_package_index
from tests.release import cloned

ROOT: Final = Path(__file__).parents[2]
OUT_OF_REACH: Final = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
# What Debian's Python prints if the package python3-venv is not installed.
DEBIAN: Final = """import sys
print("The virtual environment was not created successfully because ensurepip is not")
print("available.  On Debian/Ubuntu systems, you need to install the python3-venv")
print("package using the following command.")
sys.exit(1)
"""

_ENDS_WITHIN = 300  # seconds
_PINNED = re.compile(r"^(\S+==.*?) *\\?$", re.MULTILINE)


def environment(**variables: str) -> dict[str, str]:
    """The variables of a user who has set none, except for the way to the package index, and `variables`."""
    network = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_")) or name.lower().endswith("_proxy")
    }
    python = str(Path(sys.base_prefix) / "bin")
    return network | {"PATH": f"{python}:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")} | variables


def make(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_ENDS_WITHIN,
        check=False,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return cloned(tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A clone after `make setup`, and what that printed."""
    need_package_index(tmp_path_factory.mktemp("downloaded"))
    folder = cloned(tmp_path_factory.mktemp("clone"))
    done = make(folder, "setup")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.fixture
def running(installed: tuple[Path, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        ["make", "run"],
        cwd=installed[0],
        env=environment(WABLOCK_PORT="0"),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does


def test_setup_installs_what_a_server_needs_and_nothing_else(installed: tuple[Path, str]) -> None:
    listed = ["-m", "pip", "list", "--format=freeze", "--exclude", "pip", "--exclude", "setuptools"]
    printed = subprocess.check_output([installed[0] / ".venv/bin/python", *listed], text=True)

    names = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", printed, re.MULTILINE)}
    needed = [Requirement(it) for it in _PINNED.findall((ROOT / "requirements/server.txt").read_text())]
    locked = {it.name for it in needed if it.marker is None or it.marker.evaluate()}
    assert names == locked | {"wablock"}


def test_setup_prints_a_line_for_each_step(installed: tuple[Path, str]) -> None:
    steps = [re.sub(r"\d+ s$", "N s", line.strip()) for line in installed[1].splitlines()]

    assert [re.sub(r"\d+", "N", step) for step in steps] == [
        "an environment in .venv, with Python N.N.N ... N s",
        "the packages of a server ... N, N s",
        "wablock itself ... N s",
    ]


def test_run_starts_a_server(running: "subprocess.Popen[str]") -> None:
    assert running.stdout

    assert "wablock dev is ready" in running.stdout.readline() + running.stdout.readline()


def test_a_release_needs_no_more_than_a_server(installed: tuple[Path, str]) -> None:
    made = make(installed[0], "release")

    assert made.returncode == 0, made.stderr
    assert not (installed[0] / ".venv/.dev").exists()
    assert (installed[0] / "dist/SHA256SUMS").exists()


def test_a_second_setup_does_nothing(installed: tuple[Path, str]) -> None:
    again = make(installed[0], "setup")

    assert (again.returncode, again.stdout) == (0, "make: Nothing to be done for 'setup'.\n")


@pytest.mark.parametrize("command", ["fast", "test", "check", "audit", "format", "docs", "bench"])
def test_a_command_for_developers_adds_its_packages_to_a_server(installed: tuple[Path, str], command: str) -> None:
    planned = make(installed[0], "--dry-run", command).stdout.splitlines()

    assert planned[:2] == ["python3 requirements/install.py .venv dev", "touch .venv/.dev"]


@pytest.mark.parametrize("lock", ["server", "package"])
def test_a_changed_lock_is_installed_again(installed: tuple[Path, str], lock: str) -> None:
    planned = make(installed[0], "--dry-run", f"--what-if=requirements/{lock}.txt", "run").stdout.splitlines()

    assert "python3 requirements/install.py .venv server" in planned


def test_a_python_that_is_too_old_is_refused_with_the_version_to_use(clone: Path) -> None:
    older = clone / "older"
    older.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c \"import sys; sys.version_info = (3, 10); sys.version = '3.10.13'; $2\"\n"
    )
    older.chmod(0o755)

    refused = make(clone, "setup", f"PYTHON={older}")

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"wablock needs Python 3.11 or newer, and {older} is 3.10.13. ")
    assert not (clone / ".venv").exists()


def test_a_python_without_venv_is_refused_with_the_package_to_install(clone: Path) -> None:
    for name in ("__init__.py", "__main__.py"):
        (clone / "venv").mkdir(exist_ok=True)
        (clone / "venv" / name).write_text(DEBIAN if name == "__main__.py" else "")

    refused = make(clone, "setup", PYTHONPATH=str(clone))

    assert refused.returncode == 2
    assert "wablock: this Python has no venv. On Debian and Ubuntu: apt install python3-venv\n" in refused.stderr


def test_without_an_index_setup_prints_what_to_check(clone: Path) -> None:
    refused = make(clone, "setup", **OUT_OF_REACH)

    assert refused.returncode == 2
    assert "wablock: pip cannot reach a package index. Check the network." in refused.stderr
    assert "Traceback" not in refused.stderr


def test_after_a_failure_setup_starts_again(clone: Path) -> None:
    make(clone, "setup", **OUT_OF_REACH)

    planned = make(clone, "--dry-run", "setup").stdout

    assert "requirements/install.py .venv server" in planned
