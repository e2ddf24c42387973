"""The how-to about checking, as written."""

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
    given = environment(**variables) | {"PATH": path}
    return subprocess.run(bash, env=given, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("command", COMMANDS[:3], ids=["all", "read-only", "report"])
def test_a_server_is_checked_as_the_page_says(tmp_path: Path, command: str) -> None:
    with running_server(tmp_path) as server:
        ran = _run(command.replace("http://127.0.0.1:8080", server.url), tmp_path, TOKEN=server.token)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " 0 failed" in ran.stdout
    assert (tmp_path / "report.md").exists() == ("--markdown" in command)


def test_an_sdk_is_tried_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "my_sdk.py").write_text(SCRIPT)

    ran = _run(COMMANDS[3], tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "38 of 38 points in 19 scenarios" in ran.stdout
