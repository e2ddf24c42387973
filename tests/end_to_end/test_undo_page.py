"""The how-to `undo-a-change.md`: each block prints what the page shows, and the gate obeys the list that is left."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.end_to_end.page_reader import DOCS, Reader, commands_of

PAGE: Final = DOCS / "how-to/undo-a-change.md"

_STEP: Final = re.compile(r"^```sh\n((?:(?!```).*\n)+)```\n\n```text\n((?:(?!```).*\n)+)```$", re.MULTILINE)
_CHANGING: Final = (
    (re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"(?<=106540352242922-)\d{16}"), "AT"),
    (re.compile(r"(?<=106540352242922:)\d{16}:[0-9a-f]{64}"), "AT:HASH"),
)
STEPS: Final = _STEP.findall(PAGE.read_text())
SOME_LEFT: Final = 'wablock undo --batch monday --yes --reason "the wrong file" --on-behalf-of judith'


class UndoReader(Reader):
    """Follows the page."""

    def run(self, command: str) -> str:
        return super().run(f"{{ {command}; }} || test $? = 1" if command == SOME_LEFT else command)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UndoReader]:
    """A reader who has run all commands of the page."""
    folder = tmp_path_factory.mktemp("page")
    reading = UndoReader(PAGE, folder, {}, {"WABLOCK_DATABASE": f"sqlite:///{folder / 'wablock.db'}"})
    try:
        reading.read()
        yield reading
    finally:
        reading.close()


def _without_changing(text: str) -> str:
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return text


@pytest.mark.parametrize("block, shown", STEPS, ids=[block.partition("\n")[0] for block, _ in STEPS])
def test_each_block_prints_what_the_page_shows(reader: UndoReader, block: str, shown: str) -> None:
    printed = "".join(reader.printed[command] for command in block.splitlines())

    assert _without_changing(printed) == _without_changing(shown)


def test_every_block_about_events_shows_what_it_prints() -> None:
    assert len(STEPS) == len(re.findall(r"^```sh$", PAGE.read_text(), re.MULTILINE)) - 2


def test_the_command_that_leaves_a_user_is_on_the_page() -> None:
    assert SOME_LEFT in commands_of(PAGE)


def test_the_undo_is_an_event_with_its_reason_and_person(reader: UndoReader) -> None:
    event = json.loads(Reader.run(reader, "wablock events --json --limit 1"))

    assert (event["kind"], event["by"], event["on_behalf_of"]) == ("undo", "helpdesk", "judith")
    assert (event["reason"], event["user_count"]) == ("the wrong file", 97)


def test_an_undo_of_the_undo_brings_all_98_back(reader: UndoReader) -> None:
    event_id = json.loads(Reader.run(reader, "wablock events --json --limit 1"))["event_id"]

    printed = Reader.run(reader, f"wablock undo {event_id} --yes")

    assert printed.startswith("Restored 97 users: ")
    assert len(Reader.run(reader, "wablock list --all --plain").splitlines()) == 100


def test_a_database_that_was_changed_behind_wablock_is_found(reader: UndoReader, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    Reader.run(reader, f"wablock backup {copy}")
    edit = f"import sqlite3; c = sqlite3.connect('{copy}'); c.execute(\"UPDATE event SET text = "
    edit += "replace(text, 'court order', 'spam')\"); c.commit()"
    Reader.run(reader, f"python -c {json.dumps(edit)}")

    verify = f"wablock audit verify --database sqlite:///{copy}"
    assert "fault" in Reader.run(reader, f"{{ {verify}; }} || test $? = 1")
