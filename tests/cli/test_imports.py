"""What a command does not import: the time of a start is mostly the time of its imports."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.cli.command import environment

_PAGES: Final = {"jinja2", "wablock.reference.openapi", "wablock.reference.rendering"}
_POSTGRESQL: Final = {"asyncpg"}
_SERVER: Final = {"apsw", "cryptography", "httptools", "phonenumbers", "prometheus_client", "uvloop"}

_BUILD: Final = "from wablock.wiring import build; build(f'sqlite:///{sys.argv[1]}/wablock.db')"
_PRINT_AT_THE_END: Final = "import atexit; atexit.register(lambda: print('', *sys.modules))"


def _modules_after(*lines: str, folder: Path) -> set[str]:
    """The modules of a new process that ran these lines."""
    code = "\n".join(["import sys", _PRINT_AT_THE_END, *lines])
    process = subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=environment(), capture_output=True, text=True, check=True
    )
    return set(process.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("command", ["serve", "dev"])
def test_a_server_starts_without_what_only_some_requests_need(command: str, tmp_path: Path) -> None:
    modules = _modules_after(f"import wablock.cli, wablock.cli.{command}", _BUILD, folder=tmp_path)

    assert "wablock.wiring" in modules
    assert not modules & (_PAGES | _POSTGRESQL)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_overview_of_the_commands_imports_no_part_of_the_server(arguments: list[str], tmp_path: Path) -> None:
    modules = _modules_after(f"from wablock import cli; cli.main({arguments})", folder=tmp_path)

    assert "wablock.cli" in modules
    assert not modules & (_PAGES | _POSTGRESQL | _SERVER)


def test_a_command_of_the_database_starts_without_what_only_a_server_needs(tmp_path: Path) -> None:
    arguments = "['number', 'add', '1', '--database', f'sqlite:///{sys.argv[1]}/wablock.db']"

    modules = _modules_after(f"from wablock import cli; cli.main({arguments})", folder=tmp_path)

    assert "wablock.cli.numbers" in modules
    assert not modules & (_PAGES | _POSTGRESQL)


def test_a_command_of_a_server_starts_without_the_server(tmp_path: Path) -> None:
    modules = _modules_after("import wablock.cli, wablock.cli.block_list", folder=tmp_path)

    assert not modules & (_PAGES | _POSTGRESQL | _SERVER)
