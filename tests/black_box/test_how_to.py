"""The how-to about checking."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.cli.command import WABLOCK, environment
from tests.running_server import running_server

PAGE: Final = (Path(__file__).parents[2] / "docs/how-to/check-your-server-or-sdk.md").read_text()
COMMANDS: Final = re.findall(r"^```sh\n(wablock .*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
SCRIPT: Final = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]


def _run(command: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    path = f"{Path(WABLOCK).parent}:{Path(sys.executable).parent}:{environment()['PATH']}"
    bash = ["bash", "-euo", "pipefail", "-c", command]
    variables_and_path = environment(**variables) | {"PATH": path}
    return subprocess.run(
        bash, env=variables_and_path, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("command", COMMANDS[:3], ids=["all", "read-only", "report"])
def test_the_commands_of_the_page_check_a_server(tmp_path: Path, command: str) -> None:
    with running_server(tmp_path) as server:
        process = _run(command.replace("http://127.0.0.1:8080", server.url), tmp_path, TOKEN=server.token)

    assert process.returncode == 0, process.stdout + process.stderr
    assert " 0 failed" in process.stdout
    assert (tmp_path / "report.md").exists() == ("--markdown" in command)


def test_the_command_of_the_page_tests_an_sdk(tmp_path: Path) -> None:
    (tmp_path / "my_sdk.py").write_text(SCRIPT)

    process = _run(COMMANDS[3], tmp_path)

    assert process.returncode == 0, process.stdout + process.stderr
    assert "38 of 38 points in 19 scenarios" in process.stdout
