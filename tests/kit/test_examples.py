"""The examples, each with its library."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.cli.command import environment, started
from tests.client_libraries import FOLDER

EXAMPLES: Final = Path(__file__).parents[2] / "examples"


def _run(*command: str, **variables: str) -> str:
    process = subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, check=False, timeout=120
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def _pytest(python: str, example: str, folder: Path) -> str:
    shutil.copy(EXAMPLES / example, folder)  # outside of this project's own settings
    return _run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder / example))


def test_the_example_with_requests_passes(tmp_path: Path) -> None:
    assert "4 passed" in _pytest(sys.executable, "test_with_requests.py", tmp_path)


@pytest.mark.usefixtures("client_libraries")
def test_the_example_with_pywa_passes(tmp_path: Path) -> None:
    assert "3 passed" in _pytest(str(FOLDER / "pywa/bin/python"), "test_with_pywa.py", tmp_path)


@pytest.mark.usefixtures("client_libraries")
def test_the_example_with_whatsapp_api_js_passes() -> None:
    shutil.copy(EXAMPLES / "with_whatsapp_api_js.test.mjs", FOLDER / "js")
    with started("dev", "--port", "0", "--rules", "meta") as server:
        output = _run("node", "--test", str(FOLDER / "js/with_whatsapp_api_js.test.mjs"), WABLOCK_URL=server.url)

    assert "# pass 3" in output
