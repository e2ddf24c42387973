"""The kit's pages: their examples run, and they describe all of the kit."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.cli.command import environment, started

from wablock.kit.control import Control
from wablock.kit.fixture import Clock, Wablock

DOCS: Final = Path(__file__).parents[2] / "docs"
REFERENCE: Final = (DOCS / "reference/test-kit.md").read_text()
_FIXTURE: Final = re.compile(r"^```python\ndef test_.*?^```$", re.MULTILINE | re.DOTALL)
README: Final = "\n".join(_FIXTURE.findall((DOCS.parent / "README.md").read_text()))
HOW_TO: Final = (DOCS / "how-to/test-blocking-in-ci.md").read_text()

_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CURL = re.compile(r"^curl -X.*$|^curl http.*$", re.MULTILINE)


@pytest.mark.parametrize(
    "page, passed", [(README, 1), (REFERENCE, 1), (HOW_TO, 3)], ids=["readme", "reference", "how-to"]
)
def test_the_tests_on_the_page_pass(tmp_path: Path, page: str, passed: int) -> None:
    (tmp_path / "test_page.py").write_text("\n\n".join(_PYTHON.findall(page)))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]

    process = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)

    assert f"{passed} passed" in process.stdout, process.stdout


def test_the_commands_for_other_languages_succeed() -> None:
    commands = _CURL.findall(HOW_TO)
    with started("dev", "--port", "0", "--rules", "meta") as server:
        for command in commands:
            ours = command.replace("http://127.0.0.1:8080", server.url)
            output = subprocess.run(
                ["bash", "-c", ours], capture_output=True, text=True, check=False, timeout=60
            ).stdout
            assert output
            assert '"error"' not in output

    assert len(commands) == 5


@pytest.mark.parametrize("name", [name for kind in (Wablock, Clock) for name in vars(kind) if not name.startswith("_")])
def test_every_attribute_of_the_fixture_is_on_its_page(name: str) -> None:
    if name != "close":  # only the plugin uses it
        assert f"{name}" in REFERENCE


def test_every_path_of_dev_is_on_its_page() -> None:
    modules = Path(sys.modules[Control.__module__].__file__ or "").parent.glob("*.py")
    paths = [
        method_and_path
        for module in modules
        for method_and_path in re.findall(r'\("(\w+)", "(/dev/[^"]+)"\)', module.read_text())
    ]

    assert len(paths) == 16
    for method, path in paths:
        assert f"`{method} {path}" in REFERENCE
