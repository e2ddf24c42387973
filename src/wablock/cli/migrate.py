"""`wablock migrate`: the move from SQLite to PostgreSQL."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from rich.progress import MofNCompleteColumn, Progress, TaskID

from wablock.cli.arguments import Refused, is_confirmed
from wablock.cli.options import Json, Yes, flag, setting
from wablock.cli.output import Output, print_json, print_result, say
from wablock.cli.tables import show
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
    from_: Annotated[str, setting("MIGRATE_FROM", "The old database: sqlite:///path/to/file.db", name="--from")],
    to: Annotated[
        str | None, database_url("WABLOCK_MIGRATE_TO", "The new, empty database: postgresql://user@host:5432/database")
    ] = None,
    copy: Annotated[
        bool,
        flag("Rehearse: copy only. The old database stays in use; later changes to it are not copied."),
    ] = False,
    give_up: Annotated[
        bool, flag("Cancel an interrupted or finished move: the old database accepts changes again.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    if is_postgresql(from_):
        raise Refused("--from must be a SQLite database: write --from sqlite:///path/to/file.db")
    path = sqlite_path(from_)
    if give_up:
        _give_up(path, yes=yes, as_json=json)
        return
    if to is None or not is_postgresql(to):
        raise Refused(f"--to must be a PostgreSQL database: {_WRITE_TO}")
    began = time.monotonic()
    try:
        with _progress_bar() as watcher:
            moved = asyncio.run(move(path, to, watcher, system_clock(), rehearse=copy))
    except (BrokenOff, KeyboardInterrupt) as error:
        raise Refused(_interruption(str(error) or "interrupted", path)) from None
    _report(moved, round(time.monotonic() - began, 1), named(to), rehearsed=copy, as_json=json)
    if not moved.is_equal:
        sys.exit(_UNEQUAL)


class _Bar:
    """A progress bar of the move on a terminal. See `Watcher`."""

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
def _progress_bar() -> Iterator[_Bar]:
    console = Output(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield _Bar(progress)


def _interruption(why: str, path: Path) -> str:
    if moves.of_file(path) is None:
        return f"Interrupted: {why}. The old database is unchanged; run the command again"
    return (
        f"The move was interrupted: {why}. Run the same command again to continue. "
        f"Until the move has finished, the old database refuses changes; to cancel the move: {moves.way_back(path)}"
    )


def _give_up(path: Path, *, yes: bool, as_json: bool) -> None:
    if not path.is_file():
        raise Refused(f"There is no database {path}")
    move_ = moves.of_file(path)
    if move_ is None:
        raise Refused(f"There is no move of {path} to give up")
    if move_.state == moves.MOVED:
        question = f"Go back to {path}? Changes in {move_.target} since the move are not in it."
        if not yes and not is_confirmed(question):
            raise Refused(
                f"{path} still refuses changes: it was moved to {move_.target}, and later changes are only there. "
                "Stop the servers there, and add --yes to go back"
            )
    moves.give_up(path)
    sentence = f"{path} accepts changes again. Do not use {move_.target}."
    print_result({"given_up": move_.target}, sentence, as_json=as_json)


def _report(moved: Moved, seconds: float, to: str, *, rehearsed: bool, as_json: bool) -> None:
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
        say(f"The checksums differ. Do not use {to}: the old database accepts changes again. Run the command again.")
    elif rehearsed:
        say(f"Copied {count:,} rows in {seconds} s; both databases are equal. The old database is still in use.")
    else:
        say(
            f"Moved {count:,} rows in {seconds} s; both databases are equal. The old database refuses changes from now "
            f"on: start wablock with --database {to}"
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
