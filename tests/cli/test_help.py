"""`wablock --help`: every command, and every flag with its environment variable."""

import sys
from collections.abc import Iterator
from functools import cache, reduce
from operator import getitem
from pathlib import Path

import pytest
from cyclopts import App
from cyclopts.argument import ArgumentCollection
from tests.cli.command import run
from tests.cli.terminal import on_terminal, without_styles

from wablock import __version__
from wablock.cli import app

LIST_VERBS = ("add", "attach", "create", "delete", "detach", "list", "remove")
COMMANDS = [
    ("dev",),
    ("serve",),
    ("account", "set"),
    *(("allowlist", verb) for verb in LIST_VERBS),
    ("audit", "verify"),
    ("backup",),
    ("block",),
    *(("blocklist", verb) for verb in LIST_VERBS),
    ("business-account", "list"),
    ("business-account", "remove"),
    ("business-account", "set"),
    ("check",),
    ("completion",),
    ("conformance",),
    ("downstream", "add"),
    ("downstream", "list"),
    ("downstream", "remove"),
    ("drops",),
    ("edit",),
    ("events",),
    ("list",),
    ("migrate",),
    ("number", "add"),
    ("number", "list"),
    ("number", "remove"),
    ("number", "set"),
    ("restore",),
    ("subscription", "add"),
    ("subscription", "list"),
    ("subscription", "remove"),
    ("token", "create"),
    ("token", "list"),
    ("token", "revoke"),
    ("unblock",),
    ("undo",),
    ("upstream", "remove"),
    ("upstream", "set"),
    ("upstream", "show"),
    ("user", "show"),
]


def _commands(of: App) -> Iterator[tuple[str, ...]]:
    for name in of:
        if not name.startswith("-"):
            yield from ((name, *rest) for rest in (list(_commands(of[name])) or [()]))


def test_all_commands_are_tested_here() -> None:
    assert sorted(_commands(app)) == sorted(COMMANDS)


def test_help_names_every_command() -> None:
    process = run("--help")

    assert process.returncode == 0
    for name in ("dev", "serve", "number", "token"):
        assert name in process.stdout


def test_help_states_that_it_is_not_metas() -> None:
    assert "not affiliated with Meta" in run("--help").stdout


# Where servers and databases are, and secrets. What one command does, such as --yes or --until, has no variable.
VARIABLES = {
    "WABLOCK_DATABASE",
    "WABLOCK_JSON",
    "WABLOCK_MIGRATE_FROM",
    "WABLOCK_MIGRATE_TO",
    "WABLOCK_ON_BEHALF_OF",
    "WABLOCK_PHONE_NUMBER_ID",
    "WABLOCK_SECRET_KEY",
    "WABLOCK_SECRET_KEY_FILE",
    "WABLOCK_TOKEN",
    "WABLOCK_URL",
    "WABLOCK_APP_SECRET",
    "WABLOCK_VERIFY_TOKEN",
    "WABLOCK_DOWNSTREAM_SECRET",
    "WABLOCK_DOWNSTREAM_HEADER",
    "WABLOCK_SUBSCRIPTION_SECRET",
    "WABLOCK_UPSTREAM_TOKEN",
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_names_every_flag_and_variable(command: tuple[str, ...]) -> None:
    page = " ".join(run(*command, "--help").stdout.split())

    for argument in _arguments(command):
        if argument.show and not argument.field_info.is_positional:
            assert argument.name in page
            assert all(f"[env var: {variable}]" in page for variable in argument.parameter.env_var or ())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_only_settings_have_a_variable(command: tuple[str, ...]) -> None:
    variables = {name for argument in _arguments(command) for name in argument.parameter.env_var or ()}

    if command in {("serve",), ("dev",)}:
        assert all(name.startswith("WABLOCK_") for name in variables)
    else:
        assert variables <= VARIABLES


@pytest.mark.parametrize("command", [("serve",), ("dev",)], ids=" ".join)
def test_every_flag_of_a_server_has_a_variable(command: tuple[str, ...]) -> None:
    assert all(argument.parameter.env_var for argument in _arguments(command) if argument.show)


def test_a_variable_belongs_to_one_flag() -> None:
    flags: dict[str, set[str]] = {}
    for command in COMMANDS:
        for argument in _arguments(command):
            for variable in argument.parameter.env_var or ():
                flags.setdefault(variable, set()).add(argument.name)

    # `downstream add --secret` and `upstream set --token` have the noun in the command.
    assert {variable: names for variable, names in flags.items() if len(names) > 1} == {
        "WABLOCK_UPSTREAM_TOKEN": {"--token", "--upstream-token"}
    }


@pytest.mark.parametrize(
    "variable", ["YES", "FORCE", "MIGRATE_GIVE_UP", "WITH_MADE", "ANYWAY", "FILE", "EXPIRES_IN_DAYS", "REASON", "ALL"]
)
def test_a_variable_of_an_earlier_version_has_no_effect(tmp_path: Path, variable: str) -> None:
    database = f"sqlite:///{tmp_path}/wablock.db"
    run("number", "add", "1", WABLOCK_DATABASE=database)

    refused = run("number", "remove", "1", WABLOCK_DATABASE=database, **{f"WABLOCK_{variable}": "1"})

    assert refused.returncode == 2
    assert "Nothing was removed" in refused.stderr


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_help_breaks_no_flag_or_variable_in_two(columns: int) -> None:
    words = set(" ".join(_helps(columns)).replace("[", " ").replace("]", " ").replace(",", " ").split())

    for command in COMMANDS:
        for argument in _arguments(command):
            if argument.show and not argument.field_info.is_positional:
                assert set(argument.names) <= words
                assert set(argument.parameter.env_var or ()) <= words


@pytest.mark.parametrize("columns", [80, 120])
def test_help_is_never_wider_than_the_terminal(columns: int) -> None:
    lines = [line for page in _helps(columns) for line in page.splitlines()]

    # One default is a set of phone numbers, which are not broken.
    assert max(map(len, lines)) <= columns


def _arguments(command: tuple[str, ...]) -> ArgumentCollection:
    return reduce(getitem, command, app).assemble_argument_collection()


@cache
def _helps(columns: int) -> list[str]:
    """The help of every command, on a terminal of this width."""
    script = f"""
from wablock.cli import main
for command in {COMMANDS!r}:
    try:
        main([*command, "--help"])
    except SystemExit:
        print("\\f")
"""
    status, screen = on_terminal(columns, sys.executable, "-c", script)
    assert status == 0
    return without_styles(screen).split("\f\n")[:-1]


def test_a_subcommand_without_arguments_shows_its_help() -> None:
    process = run("number")

    assert "add" in process.stdout
    assert "remove" in process.stdout


def test_version_is_the_packages() -> None:
    assert run("--version").stdout.strip() == __version__


USAGE_ERRORS = {
    ("nosuch",): "Unknown command 'nosuch'. See wablock --help",
    ("number", "ad"): "Unknown command 'ad'; did you mean add? See wablock number --help",
    ("dev", "--nosuch"): "Unknown option --nosuch. See wablock dev --help",
    ("dev", "--prot", "1"): "Unknown option --prot; did you mean --port? See wablock dev --help",
    ("list", "--tokn=secret"): "Unknown option --tokn; did you mean --token? See wablock list --help",
    ("dev", "--port", "x"): "--port 'x' must be a whole number. See wablock dev --help",
    ("dev", "--head-timeout", "x"): "--head-timeout 'x' must be a number. See wablock dev --help",
    ("dev", "--head-timeout", "0"): "--head-timeout 0.0 must be at least 0.1. See wablock dev --help",
    ("dev", "--rules", "x"): "--rules 'x' must be one of open, meta. See wablock dev --help",
    (
        "dev",
        "--partial-failure-status",
        "5",
    ): "--partial-failure-status '5' must be one of 200, 400. See wablock dev --help",
    ("dev", "--port"): "--port needs a value. See wablock dev --help",
    ("dev", "--port", "1", "--port", "2"): "--port must not be repeated. See wablock dev --help",
    ("serve", "8080"): "Unexpected argument '8080'. See wablock serve --help",
    ("number", "remove"): "Missing PHONE-NUMBER-ID. See wablock number remove --help",
    ("drops", "1"): "Missing --token or WABLOCK_TOKEN. See wablock drops --help",
    ("list", "--limit", "0"): "--limit 0 must be at least 1. See wablock list --help",
    ("block", "--file", "--json"): "--file '--json' is an option, and not a value. See wablock block --help",
    ("block", "1", "--expires-in-days", "-1"): ("--expires-in-days -1.0 must be more than 0. See wablock block --help"),
    ("dev", "--port", "\x1b[2J"): "--port '\\x1b[2J' must be a whole number. See wablock dev --help",
}


@pytest.mark.parametrize("arguments, error", USAGE_ERRORS.items())
def test_a_usage_error_names_the_argument_its_value_and_where_help_is(arguments: tuple[str, ...], error: str) -> None:
    refused = run(*arguments)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"wablock: {error}\n"


def test_an_error_in_a_variable_names_the_variable() -> None:
    refused = run("dev", WABLOCK_PORT="x")

    assert refused.stderr == "wablock: WABLOCK_PORT 'x' must be a whole number. See wablock dev --help\n"
