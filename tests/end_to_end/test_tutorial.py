"""The tutorial: its commands run in the order of the page, and each prints the output on the page."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import msgspec
import pytest
from tests.cli.command import WABLOCK, Server, environment, started
from tests.missing import missing

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/tutorial.md").read_text()
INSTALL: Final = "make setup\n. .venv/bin/activate"
DEV: Final = "wablock dev --rules meta"

_ADDRESS: Final = "http://127.0.0.1:8080"
_STEP: Final = re.compile(r"^```sh\n(.*?)^```\n(?:\n```(json|text)\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
_FILE: Final = re.compile(r"`(\w+\.py)`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OPENED: Final = re.compile(rf"<{_ADDRESS}(/\S+)>")
_ENDS_WITHIN: Final = 120  # seconds

# Values that differ each time: only their kind is compared.
_MASKS: Final = [
    (re.compile(r"\d{4}-\d\d-\d\d([ T])\d\d:\d\d:\d\d"), r"YYYY-MM-DD\1hh:mm:ss"),
    (re.compile(r"(?<=ss)\.\d{6}(?=\+00:00)"), ".uuuuuu"),
    (re.compile(r'(?<="microseconds":)\d{16}\b'), "0"),
    (re.compile(r"wamid\.[\w-]{32}"), "wamid.ID"),
    (re.compile(r'(?<="fbtrace_id":)"A[\w-]{22}"'), '"A"'),
    (re.compile(r'"eyJ\w+"'), '"CURSOR"'),
    (re.compile(r"(?<=passed in )\d+\.\d\ds"), "TIME"),
]


class Step(msgspec.Struct, frozen=True):
    """The commands of one block, and what the page shows below it."""

    commands: str
    language: str
    shown: str

    def __str__(self) -> str:
        return self.commands.partition("\n")[0]


class Printed(msgspec.Struct, frozen=True):
    """What a block's commands printed, on either stream, and which of them failed."""

    text: str
    failed: list[str]


STEPS: Final = [Step(*found) for found in _STEP.findall(PAGE)]
DONE: Final = [(place, step) for place, step in enumerate(STEPS) if step.commands.strip() not in {INSTALL, DEV}]


class Reader:
    """A reader who has done all that the page says, in a folder of their own."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self._folder = folder
        for name, code in _FILE.findall(PAGE):
            (folder / name).write_text(code)
        (folder / ".curlrc").write_text("silent\nshow-error\n")  # curl shows no progress in a terminal either

    def printed(self, place: int) -> Printed:
        """The output of the block at this place of the page."""
        text = (self._folder / f"{place}.printed").read_text()
        return Printed(text, (self._folder / f"{place}.failed").read_text().splitlines())

    def read(self) -> None:
        """Run all blocks in one shell, as in a terminal: the next ones see what one exports."""
        folder = self._folder
        script = "\n".join(_in_shell(place, step) for place, step in DONE)
        variables = environment(
            COLUMNS="80",
            CURL_HOME=str(folder),
            PYTHONDONTWRITEBYTECODE="1",
            WABLOCK_URL=self.server.url,
        )
        subprocess.run(
            ["bash", "-c", script.replace(_ADDRESS, self.server.url)],
            cwd=folder,
            env=variables | {"PATH": f"{Path(WABLOCK).parent}:{variables['PATH']}"},
            stdin=subprocess.DEVNULL,
            timeout=_ENDS_WITHIN,
            check=True,
        )


def _in_shell(place: int, step: Step) -> str:
    """The shell commands that run a block and store its output and status."""
    return f"""
: > {place}.failed
trap 'echo "$BASH_COMMAND" >> {place}.failed' ERR
{{
{step.commands}
}} > {place}.printed 2>&1
trap - ERR
"""


def _masked(text: str) -> str:
    for mask, instead in _MASKS:
        text = mask.sub(instead, text)
    return text.strip()


def _as_printed(step: Step) -> str:
    """The page's output as a server prints it: JSON on one line."""
    return msgspec.json.format(step.shown, indent=-1) if step.language == "json" else step.shown


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with started(*DEV.split()[1:], "--port", "0") as server:
        reader = Reader(server, tmp_path_factory.mktemp("reader"))
        reader.read()
        yield reader


def test_the_installation_has_the_commands_that_the_page_uses() -> None:
    (step,) = (step for step in STEPS if step.commands.strip() == INSTALL)
    if not (ROOT / ".venv/.server").exists():
        missing("needs `make setup`")

    script = f"set -e\n{step.commands}command -v wablock pip"
    process = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=_ENDS_WITHIN, check=True
    )

    assert process.stdout.splitlines()[-2:] == [str(ROOT / ".venv/bin/wablock"), str(ROOT / ".venv/bin/pip")]


def test_the_server_prints_the_first_lines_on_the_page(reader: Reader) -> None:
    (step,) = (step for step in STEPS if step.commands.strip() == DEV)

    assert step.shown
    assert step.shown.replace(_ADDRESS, reader.server.url) in reader.server.announced


@pytest.mark.parametrize("place, step", DONE, ids=str)
def test_the_commands_print_the_output_on_the_page(reader: Reader, place: int, step: Step) -> None:
    printed = _masked(reader.printed(place).text.replace(reader.server.url, _ADDRESS))

    beginning, cut, end = _masked(_as_printed(step)).partition("\n  …\n")
    if cut:
        assert printed.startswith(beginning)
        assert printed.endswith(end)
    else:
        assert printed == beginning


@pytest.mark.parametrize("place, step", DONE, ids=str)
def test_the_commands_succeed_if_the_page_shows_no_status(reader: Reader, place: int, step: Step) -> None:
    failed = reader.printed(place).failed

    assert bool(failed) == ("echo $?" in step.commands), reader.printed(place).text


def test_the_pages_to_open_in_a_browser_exist(reader: Reader) -> None:
    opened = [httpx2.get(reader.server.url + path) for path in _OPENED.findall(PAGE)]

    assert [answer.status_code for answer in opened] == [200]
    assert opened[0].headers["content-type"].startswith("text/html")
