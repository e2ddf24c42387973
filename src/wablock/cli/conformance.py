"""`wablock conformance`: checks of any server, or of an SDK, against the contract."""

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter
from rich.text import Text

from wablock.cli.api_server import ApiServer
from wablock.cli.arguments import Refused
from wablock.cli.options import Json, flag, option
from wablock.cli.output import Output, in_ascii, print_json, say
from wablock.conformance.check import FactOutcome, FactResult
from wablock.conformance.report import detail, mark, markdown, summary
from wablock.conformance.subject import CannotCheck, Settings, Subject
from wablock.conformance.suite import Report, run
from wablock.printable import printable, printable_lines

if TYPE_CHECKING:
    from wablock.conformance.sdk.judging import Verdict

_USERS: Final = tuple(f"+165055501{number:02d}" for number in range(71, 77))
_STYLES: Final = {
    FactOutcome.PASSED: "green",
    FactOutcome.FAILED: "red",
    FactOutcome.DIFFERS: "yellow",
    FactOutcome.SKIPPED: "dim",
}
_FAILED: Final = 1


def conformance(
    *command: Annotated[
        str,
        Parameter(allow_leading_hyphen=True, help="With --sdk: the command that runs your script. Write it after --."),
    ],
    server: ApiServer = ApiServer(),  # noqa: B008 - immutable
    sdk: Annotated[
        bool, flag("Check an SDK: a test server sends it every documented response. Needs the extra `server`.")
    ] = False,
    rules: Annotated[
        Literal["open", "meta"],
        option("The server's rules. Under meta, the users must have written in the last 24 hours."),
    ] = "open",
    users: Annotated[
        tuple[str, ...],
        option(
            "At least 5 test users to block and unblock, with + and country code. No other user is changed.",
            consume_multiple=True,
            show_default=", ".join,
        ),
    ] = _USERS,
    stranger: Annotated[
        str | None, option("Under meta rules, a user who has not written in the last 24 hours.")
    ] = None,
    own_number: Annotated[str | None, option("The business's own phone number; blocking it must fail.")] = None,
    read_only: Annotated[bool, flag("Run only the checks that change nothing.")] = False,
    anyway: Annotated[
        bool, flag("Run even if some test users are already blocked. They will be unblocked at the end.")
    ] = False,
    markdown_file: Annotated[Path | None, option("File to write a Markdown report to.", name="--markdown")] = None,
    json: Json = False,
) -> None:
    if sdk:
        _try_sdk(command, markdown_file, as_json=json)
        return
    if command:
        raise Refused("A command needs --sdk: wablock conformance --sdk -- COMMAND")
    token, phone_number_id = server.credentials()
    settings = Settings(
        url=server.url,
        token=token,
        phone_number_id=phone_number_id,
        users=users,
        rules=rules,
        stranger=stranger,
        own_number=own_number,
    )
    subject = Subject(settings)
    console = Output()
    groups: list[str] = []

    def report_result(result: FactResult) -> None:
        if not json:
            _show(console, result, is_new_group=result.group not in groups)
            groups.append(result.group)

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_FAILED))  # the exit restores the list
    try:
        report = run(subject, read_only=read_only, anyway=anyway, on_result=report_result)
    except CannotCheck as error:
        raise Refused(str(error)) from None
    finally:
        signal.signal(signal.SIGTERM, before)
        subject.close()
    _report(report, markdown_file, as_json=json)
    if report.has_failed:
        sys.exit(_FAILED)


def _show(console: Output, result: FactResult, *, is_new_group: bool) -> None:
    if is_new_group:
        console.print(Text(f"\n{printable(result.group)}", style="bold"))
    line = Text(f"  {in_ascii(mark(result))} ", style=_STYLES[result.outcome])
    line.append(f"{result.sentence} ", style="default")
    line.append(f"[{result.grade}]", style="dim")
    console.print(line, soft_wrap=True)
    if result.outcome is not FactOutcome.PASSED and (text := detail(result)):
        console.print(Text(f"      {printable(text)}", style="dim"), soft_wrap=True)


def _report(report: Report, path: Path | None, *, as_json: bool) -> None:
    _write(path, lambda: markdown(report))
    if as_json:
        print_json(report)
        return
    if report.finding:
        say("", report.finding)
    say("", f"{summary(report)}; {report.requests} requests")


def _try_sdk(command: Sequence[str], path: Path | None, *, as_json: bool) -> None:
    from wablock.conformance.sdk import report, trial  # noqa: PLC0415 - needs the server, which is an extra

    if not command:
        raise Refused("Add the command that runs your script: wablock conformance --sdk -- COMMAND")
    console = Output()

    def show_verdict(verdict: "Verdict") -> None:
        if not as_json:
            _show_verdict(console, verdict)

    try:
        verdicts = trial.run(command, 0, show_verdict)
    except OSError as error:
        raise Refused(f"Cannot run {command[0]}: {error}") from None
    _write(path, lambda: report.markdown(verdicts))
    if as_json:
        print_json({"points": sum(it.points for it in verdicts), "of": 2 * len(verdicts), "verdicts": verdicts})
    else:
        say("", report.score(verdicts))
    if any(it.points < 2 for it in verdicts):
        sys.exit(_FAILED)


def _show_verdict(console: Output, verdict: "Verdict") -> None:
    is_right = verdict.points == 2
    line = Text(f"  {in_ascii('✓' if is_right else '✗')} ", style="green" if is_right else "red")
    line.append(f"{printable(verdict.sentence)} ", style="default")
    line.append(f"[{verdict.scenario}]", style="dim")
    console.print(line, soft_wrap=True)
    for text in (verdict.wrong_requests, verdict.misunderstood):
        if text:
            console.print(Text(f"      {printable(text)}", style="dim"), soft_wrap=True)


def _write(path: Path | None, content: Callable[[], str]) -> None:
    if path is None:
        return
    try:
        path.write_text(printable_lines(content()), "utf-8")
    except OSError as error:
        raise Refused(f"Cannot write {path}: {error}") from None
