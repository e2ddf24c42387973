"""The generator of the pages that come from the code. `make docs` writes them, and a test compares them."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from architecture_page import architecture
from cyclopts import App
from cyclopts.argument import Argument
from session_picture import session

from wablock.cli import app
from wablock.conformance.sdk.scenarios import scenarios
from wablock.conformance.suite import GROUPS
from wablock.reference.failures import FailureRow, failures

_COMMANDS_HEAD: Final = """\
# Commands

Generated from the code by `make docs`. `wablock COMMAND --help` shows the same texts. Settings of servers, addresses and secrets have an
environment variable; the flag takes precedence. What one command does, such as `--yes` or `--reason`, has none: a forgotten variable
would do it again.

How to pass many users, and what tables, times and exit statuses mean: [Block a list of users](../how-to/block-a-list-of-users.md).
"""
_SETTINGS_HEAD: Final = """\
# Settings

Generated from the code by `make docs`: every environment variable, its flag, and the commands that read it.

| variable | flag | default | description | commands |
|---|---|---|---|---|
"""
_CONFORMANCE_HEAD: Final = """\
# What is checked

Generated from the code by `make docs`. [Fidelity](../fidelity.md) explains the grades. An `ours` fact is wablock's choice: a
difference is reported separately and is not a failure. How to run the checks:
[Check your server or SDK](../how-to/check-your-server-or-sdk.md)."""
_SCENARIOS_HEAD: Final = """
## Scenarios for SDKs

| scenario | operation of the SDK | response |
|---|---|---|"""
_ERRORS: Final = """\
# What each error means, and what to do

A request that fails as a whole has this body, and an HTTP status that is not 2xx:

```json
{{"error": {{"message": "…", "type": "…", "code": 190, "error_subcode": 463, "error_data": {{"details": "…"}}, "fbtrace_id": "A…"}}}}
```

Use `code` and `error_subcode` in programs, never the text. If the message does not say what to do, `details` does. `fbtrace_id` is the id of
the request. The server's log contains it, so include it when you report a problem. `is_transient` means that the same request may succeed
later.

The tables are generated from the code by `make docs`.

## The whole request

| code | subcode | status | message | what it means | what to do |
|---|---|---|---|---|---|
{whole}

## One user of a request

`block_users.failed_users` lists the users that failed. `input` is the text that you sent, and `errors` has the reasons. The users in
`added_users` or `removed_users` were changed; send only the failed users again.

| code | message | what it means | what to do |
|---|---|---|---|
{one_user}
"""
_TITLE: Final = re.compile(r"\A# wablock\n")


def commands() -> str:
    """The page of all commands."""
    text: str = app.generate_docs(output_format="markdown")
    return _TITLE.sub(_COMMANDS_HEAD, text).rstrip() + "\n"


def settings() -> str:
    """The page of all settings: one row for each variable and meaning, with the commands that read it."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for name, command in _leaves(app, ()):
        for argument in command.assemble_argument_collection():
            for variable in argument.parameter.env_var or ():
                rows.setdefault(_row(variable, argument), []).append(f"`{name}`")
    lines = [f"| {' | '.join(row)} | {', '.join(names)} |" for row, names in sorted(rows.items())]
    return _SETTINGS_HEAD + "\n".join(lines) + "\n"


def conformance() -> str:
    """The page of all checks of `wablock conformance`."""
    lines = [_CONFORMANCE_HEAD]
    for group in GROUPS:
        lines += [f"\n## {group.name}\n", "| fact | grade | check |", "|---|---|---|"]
        lines += [f"| {check.sentence} | {check.grade} | `{check.name}` |" for check in group.facts]
    lines += [_SCENARIOS_HEAD]
    lines += [f"| `{it.name}` | {it.operation} | {it.sentence} |" for it in scenarios()]
    return "\n".join(lines) + "\n"


def errors() -> str:
    """The page of all errors."""
    rows = sorted(failures(), key=lambda it: (it.code, it.subcode or 0, it.status))
    whole = "\n".join(_error_row(it, str(it.subcode or ""), it.status) for it in rows if it.status)
    one_user = "\n".join(_error_row(it) for it in rows if not it.status)
    return _ERRORS.format(whole=whole, one_user=one_user)


def _error_row(failure: FailureRow, *more: str) -> str:
    cells = (str(failure.code), *more, f"`{failure.message}`", failure.meaning, failure.what_to_do)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


PAGES: Final = {
    "architecture.md": architecture,
    "reference/commands.md": commands,
    "reference/settings.md": settings,
    "reference/conformance.md": conformance,
    "how-to/what-each-error-means.md": errors,
    "images/session.svg": session,
}


def _leaves(of: App, path: tuple[str, ...]) -> Iterator[tuple[str, App]]:
    names = [name for name in of if not name.startswith("-")]
    if not names:
        yield " ".join(path), of
    for name in names:
        yield from _leaves(of[name], (*path, name))


def _row(variable: str, argument: Argument) -> tuple[str, str, str, str]:
    value = argument.field_info.default
    default = "" if value in (argument.field_info.empty, None) else f"`{value}`"
    return f"`{variable}`", f"`{argument.name}`", default, (argument.parameter.help or "").replace("|", "\\|")


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, written in PAGES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(written())
