"""`wablock backup` and `wablock restore`, for SQLite databases, also while servers use them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.progress import Progress

from wablock.cli.arguments import Refused, is_confirmed
from wablock.cli.options import Json, Yes, flag
from wablock.cli.output import Output, print_result
from wablock.printable import printable
from wablock.settings import DatabaseUrl, default_database
from wablock.storage.sqlite.backups import Contents, TargetExists, back_up
from wablock.storage.sqlite.backups import contents as contents_of
from wablock.storage.sqlite.backups import restore as put_back
from wablock.storage.urls import is_postgresql, sqlite_path


def backup(
    target: Annotated[Path, Parameter(help="File to create.")],
    *,
    force: Annotated[bool, flag("Replace an existing file.")] = False,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    path = _path(database, "back it up with pg_dump, or with your provider's tools")
    with _progress("Backing up") as progress:
        try:
            contents = back_up(path, target, progress, replace=force)
        except TargetExists as error:
            raise Refused(f"{error}: choose another file, or add --force to replace it") from None
    _report(f"Backed up {path} to {target}", contents, target, as_json=json)


def restore(
    source: Annotated[Path, Parameter(help="File that `wablock backup` created.")],
    *,
    yes: Yes = False,
    database: DatabaseUrl = None,
    json: Json = False,
) -> None:
    path = _path(database, "restore it with pg_restore, or with your provider's tools")

    current = contents_of(path)
    if current.lists or current.users:
        question = f"Replace {path}, which contains {_counted(current)}, with {source}?"
        if not yes and not is_confirmed(question):
            raise Refused(f"Nothing was restored: {path} contains {_counted(current)}; add --yes to replace them")
    with _progress("Restoring") as progress:
        contents = put_back(source, path, progress)
    _report(f"Restored {path} from {source}", contents, source, as_json=json)


def _path(database: str | None, otherwise: str) -> Path:
    url = database or default_database()
    if is_postgresql(url):
        raise Refused(f"This command is for SQLite, and the database is on PostgreSQL: {otherwise}")
    return sqlite_path(url)


@contextmanager
def _progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal. Yields a function that reports the progress."""
    console = Output(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(doing, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _report(sentence: str, contents: Contents, file: Path, *, as_json: bool) -> None:
    data = {
        "file": printable(str(file)),
        "bytes": file.stat().st_size,
        "lists": contents.lists,
        "users": contents.users,
    }
    print_result(data, f"{sentence}: {_counted(contents)}.", as_json=as_json)


def _counted(contents: Contents) -> str:
    lists = f"{contents.lists:,} list{'' if contents.lists == 1 else 's'}"
    return f"{lists} with {contents.users:,} user{'' if contents.users == 1 else 's'}"
