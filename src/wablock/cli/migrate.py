"""`wablock migrate`: from SQLite to PostgreSQL."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID

from wablock.cli.console import Json, Refused, is_confirmed, print_json, say, show
from wablock.storage import named
from wablock.storage.moving.move import BrokenOff, Moved, move
from wablock.storage.sqlite import moves
from wablock.storage.urls import is_postgresql, sqlite_path
from wablock.typed_secrets import database_url
from wablock.wiring import system_clock

_UNEQUAL: Final = 1
_SHOWN: Final = 16  # hexadecimal digits: people compare the first
_COLUMNS: Final = ("table", "rows", "old", "new")
_WRITE_TO: Final = "write --to postgresql://user@host:5432/database"


def migrate(
    *,
    from_: Annotated[
        str, Parameter(name="--from", env_var="WABLOCK_MIGRATE_FROM", help="The old one: sqlite:///path/to/file.db")
    ],
    to: Annotated[
        str | None,
        database_url("WABLOCK_MIGRATE_TO", "The new one, empty: postgresql://user@host:5432/database"),
    ] = None,
    copy: Annotated[
        bool,
        Parameter(
            env_var="WABLOCK_MIGRATE_COPY",
            negative="",
            help="Rehearse: the old one stays the one that counts. What is written to it meanwhile is not copied.",
        ),
    ] = False,
    give_up: Annotated[
        bool,
        Parameter(
            env_var="WABLOCK_MIGRATE_GIVE_UP",
            negative="",
            help="Move nothing: let the old one be written again, after a move that was broken off, or done.",
        ),
    ] = False,
    yes: Annotated[bool, Parameter(env_var="WABLOCK_YES", negative="", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    if is_postgresql(from_):
        raise Refused("wablock moves from SQLite alone: write --from sqlite:///path/to/file.db")
    path = sqlite_path(from_)
    if give_up:
        _give_up(path, yes=yes, as_json=json)
        return
    if to is None or not is_postgresql(to):
        raise Refused(f"wablock moves from SQLite to PostgreSQL: {_WRITE_TO}")
    began = time.monotonic()
    try:
        with _shown() as watcher:
            moved = asyncio.run(move(path, to, watcher, system_clock(), rehearse=copy))
    except (BrokenOff, KeyboardInterrupt) as trouble:
        raise Refused(_broken_off(str(trouble) or "interrupted", path)) from None
    _tell(moved, round(time.monotonic() - began, 1), named(to), rehearsed=copy, as_json=json)
    if not moved.is_equal:
        sys.exit(_UNEQUAL)


class _Bar:
    """Shows on a terminal how far the move is. See `Watcher`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def began(self, doing: str, rows: int, done: int) -> None:
        if self._task is not None:
            self._progress.stop_task(self._task)
        self._task = self._progress.add_task(doing, total=rows, completed=done)

    def advanced(self, rows: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, rows)


@contextmanager
def _shown() -> Iterator[_Bar]:
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield _Bar(progress)


def _broken_off(why: str, path: Path) -> str:
    if moves.of_file(path) is None:
        return f"Broken off: {why}. The old database is as it was; start again"
    return (
        f"The move was broken off: {why}. The same command goes on where it was. "
        f"Until its end the old database takes no changes; to let it: {moves.way_back(path)}"
    )


def _give_up(path: Path, *, yes: bool, as_json: bool) -> None:
    if not path.is_file():
        raise Refused(f"There is no database {path}")
    move_ = moves.of_file(path)
    if move_ is None:
        raise Refused(f"{path} is not being moved, and was not: there is nothing to give up")
    if move_.state == moves.MOVED:
        question = f"Go back to {path} as it was when it was moved to {move_.target}, without what was changed there?"
        if not yes and not is_confirmed(question):
            raise Refused(
                f"{path} stays closed: it was moved to {move_.target}, and what was changed there since is not in it; "
                "stop the servers there, and add --yes to go back"
            )
    moves.give_up(path)
    if as_json:
        print_json({"given_up": move_.target})
    else:
        say(f"{path} takes changes again; {move_.target} does not count.")


def _tell(moved: Moved, seconds: float, to: str, *, rehearsed: bool, as_json: bool) -> None:
    if as_json:
        print_json(_for_programs(moved, seconds))
        return
    rows = [
        {
            "table": it.table,
            "rows": f"{it.old.rows:,}" if it.old.rows == it.new.rows else f"{it.old.rows:,} / {it.new.rows:,}",
            "old": it.old.sha256[:_SHOWN],
            "new": it.new.sha256[:_SHOWN],
        }
        for it in moved.tables
    ]
    show(rows, _COLUMNS, as_json=False, empty="")
    count = sum(it.old.rows for it in moved.tables)
    if not moved.is_equal:
        say(f"The checksums differ: {to} does not count, and the old database takes changes as before. Move again.")
    elif rehearsed:
        say(
            f"Copied {count:,} rows in {seconds} s, equal on both sides. The old database is still the one that counts."
        )
    else:
        say(
            f"Moved {count:,} rows in {seconds} s, equal on both sides. The old database takes no changes any more: "
            f"start wablock with --database {to}"
        )


def _for_programs(moved: Moved, seconds: float) -> dict[str, Any]:
    return {
        "equal": moved.is_equal,
        "went_on": moved.went_on,
        "seconds": seconds,
        "old_sha256": moved.old_sha256,
        "new_sha256": moved.new_sha256,
        "tables": moved.tables,
    }
