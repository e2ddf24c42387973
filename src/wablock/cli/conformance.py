"""`wablock conformance`: any server, checked against the contract."""

import sys
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from wablock.cli.asking import Server
from wablock.cli.console import Json, Refused, checked_number_id, harmless, print_json, say
from wablock.cli.secrets import typed
from wablock.conformance.check import Outcome, Result
from wablock.conformance.report import detail, mark, markdown, summary
from wablock.conformance.subject import CannotCheck, Settings, Subject
from wablock.conformance.suite import Report, run

_USERS: Final = tuple(f"+165055501{number:02d}" for number in range(71, 77))
_STYLES: Final = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.DIFFERS: "yellow", Outcome.SKIPPED: "dim"}
_FAILED: Final = 1


def conformance(
    *,
    server: Server,
    rules: Annotated[
        Literal["open", "meta"],
        Parameter(env_var="WABLOCK_RULES", help="The server's rules. Under meta the users must have written lately."),
    ] = "open",
    users: Annotated[
        tuple[str, ...],
        Parameter(
            env_var="WABLOCK_USERS",
            consume_multiple=True,
            help="At least 5 users who may be blocked and unblocked, with + and country code. Nobody else is touched.",
        ),
    ] = _USERS,
    stranger: Annotated[
        str | None,
        Parameter(
            env_var="WABLOCK_STRANGER", help="A user who has not written in the last 24 hours, under meta rules."
        ),
    ] = None,
    own_number: Annotated[
        str | None, Parameter(env_var="WABLOCK_OWN_NUMBER", help="The business's own number, which cannot be blocked.")
    ] = None,
    read_only: Annotated[
        bool, Parameter(env_var="WABLOCK_READ_ONLY", negative="", help="Only what changes nothing.")
    ] = False,
    anyway: Annotated[
        bool,
        Parameter(
            env_var="WABLOCK_ANYWAY", negative="", help="Also where the users are on the list; then they are not."
        ),
    ] = False,
    report: Annotated[
        Path | None,
        Parameter(name="--markdown", env_var="WABLOCK_MARKDOWN", help="File to write a Markdown report to."),
    ] = None,
    json: Json = False,
) -> None:
    settings = Settings(
        url=server.url,
        token=typed(server.token, "--token"),
        phone_number_id=checked_number_id(server.phone_number_id),
        users=users,
        rules=rules,
        stranger=stranger,
        own_number=own_number,
    )
    subject = Subject(settings)
    console = Console()
    groups: list[str] = []

    def told(result: Result) -> None:
        if not json:
            _show(console, result, is_new_group=result.group not in groups)
            groups.append(result.group)

    try:
        found = run(subject, read_only=read_only, anyway=anyway, told=told)
    except CannotCheck as trouble:
        raise Refused(harmless(str(trouble))) from None
    finally:
        subject.close()
    _tell(found, report, as_json=json)
    if found.has_failed:
        sys.exit(_FAILED)


def _show(console: Console, result: Result, *, is_new_group: bool) -> None:
    if is_new_group:
        console.print(Text(f"\n{result.group}", style="bold"))
    line = Text(f"  {mark(result)} ", style=_STYLES[result.outcome])
    line.append(f"{result.sentence} ", style="default")
    line.append(f"[{result.grade}]", style="dim")
    console.print(line, soft_wrap=True)
    if result.outcome is not Outcome.PASSED and (said := detail(result)):
        console.print(Text(f"      {harmless(said)}", style="dim"), soft_wrap=True)


def _tell(found: Report, path: Path | None, *, as_json: bool) -> None:
    if path is not None:
        try:
            path.write_text(markdown(found))
        except OSError as trouble:
            raise Refused(f"Cannot write {path}: {trouble}") from None
    if as_json:
        print_json(found)
        return
    if found.finding:
        say(f"\n{found.finding}")
    say(f"\n{summary(found)}; {found.requests} requests")
