"""`wablock --help`: every command, and every flag with its environment variable."""

from collections.abc import Iterator
from functools import reduce
from operator import getitem

import pytest
from cyclopts import App
from tests.cli.command import run

from wablock import __version__
from wablock.cli import app

COMMANDS = [
    ("dev",),
    ("serve",),
    ("account", "set"),
    ("backup",),
    ("block",),
    ("check",),
    ("conformance",),
    ("downstream", "add"),
    ("downstream", "list"),
    ("downstream", "remove"),
    ("drops",),
    ("list",),
    ("migrate",),
    ("number", "add"),
    ("number", "list"),
    ("number", "remove"),
    ("restore",),
    ("token", "create"),
    ("token", "list"),
    ("token", "revoke"),
    ("unblock",),
    ("upstream", "remove"),
    ("upstream", "set"),
    ("upstream", "show"),
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


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_names_every_flag_with_its_variable(command: tuple[str, ...]) -> None:
    page = " ".join(run(*command, "--help").stdout.split())

    for argument in reduce(getitem, command, app).assemble_argument_collection():
        if not argument.show or argument.field_info.is_positional:
            continue
        flag = argument.name
        variables = tuple(argument.parameter.env_var or ())
        assert flag in page
        assert len(variables) == 1, f"{flag} has no environment variable"
        assert variables[0].startswith("WABLOCK_")
        assert f"[env var: {variables[0]}]" in page


def test_a_subcommand_without_arguments_shows_its_help() -> None:
    process = run("number")

    assert "add" in process.stdout
    assert "remove" in process.stdout


def test_version_is_the_packages() -> None:
    assert run("--version").stdout.strip() == __version__


@pytest.mark.parametrize("arguments", [("nosuch",), ("dev", "--nosuch"), ("dev", "--port", "x"), ("serve", "8080")])
def test_unknown_arguments_are_refused_with_status_2(arguments: tuple[str, ...]) -> None:
    refused = run(*arguments)

    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr
    assert arguments[-1].lstrip("-") in refused.stderr
