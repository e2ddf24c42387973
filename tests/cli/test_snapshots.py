"""What the command prints: the help, tables and errors of every command, as a person has read them.

`SNAPSHOTS=1 pytest tests/cli/test_snapshots.py` writes the files. Read their difference before you commit it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from tests.cli.command import WABLOCK, environment, run
from tests.cli.terminal import on_terminal, wablock_on_terminal, without_styles
from tests.cli.test_help import COMMANDS
from tests.running_server import RunningServer, running_server

_FOLDER: Final = Path(__file__).parent / "snapshots"
_NUMBER: Final = "106540352242922"
_CHANGING: Final = (  # each is replaced by an example, in tables of the same length
    (re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "2027-01-31T12:00:00Z"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "0123456789ab"),
    (re.compile(r"\blist_[0-9a-f]{16}\b"), "list_0123456789abcdef"),
    (re.compile(r"\b(106540352242922|list_0123456789abcdef)-[0-9]{16}\b"), r"\1-1795842000123456"),
    (re.compile(r"^((?:downstream id +)?)[0-9a-f]{8}(?=\s)", re.MULTILINE), r"\g<1>01234567"),
    (re.compile(r"\bsub_[0-9a-f]{16}\b"), "sub_0123456789abcdef"),
    (re.compile(r"/\S*/database\d*/wablock.db"), "/data/wablock.db"),
    (re.compile(r"127\.0\.0\.1:\d{5}\b"), "127.0.0.1:54321"),
)
_HELPS: Final = f"""
from wablock.cli import main
for command in {[(), *COMMANDS]!r}:
    print("$", *("wablock", *command, "--help"))
    try:
        main([*command, "--help"])
    except SystemExit:
        pass
"""


def _compare(name: str, text: str) -> None:
    for pattern, example in _CHANGING:
        text = pattern.sub(example, text)
    file = _FOLDER / name
    if os.environ.get("SNAPSHOTS"):
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with some blocked users."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        at = _at(running)
        assert run("block", "+16505550101", "+16505550104", "US.13491208655302741918", **at).returncode == 0
        details = [
            "--reason",
            "spam",
            "--note",
            "größer ✓: wrote 40 times in one night",
            "--until",
            "2100-01-31T12:00:00Z",
        ]
        assert run("block", "+16505550102", *details, **at).returncode == 0
        by_maria = ["--on-behalf-of", "maria"]
        for words in (
            ["blocklist", "create", "fraud"],
            ["blocklist", "create", "Old fraud"],
            ["blocklist", "add", "fraud", "+16505550105", "+16505550106", "--reason", "chargeback"],
            ["blocklist", "attach", "fraud", "--all-numbers"],
            ["allowlist", "create", "vip"],
            ["allowlist", "add", "vip", "+16505550106"],
            ["allowlist", "attach", "vip", "--number", running.phone_number_id, "--yes"],
            ["blocklist", "add", "Old fraud", "+16505550107", "+16505550108", "--batch", "monday", *by_maria],
            ["blocklist", "add", "Old fraud", "+16505550107", "--reason", "fraud", "--replace"],
        ):
            assert run(*words, **at).returncode == 0
        yield running


def _at(server: RunningServer) -> dict[str, str]:
    return {
        "WABLOCK_URL": server.url,
        "WABLOCK_TOKEN": server.token,
        "WABLOCK_PHONE_NUMBER_ID": server.phone_number_id,
    }


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a database with two numbers, tokens, receivers and upstreams."""
    folder = tmp_path_factory.mktemp("database")
    variables = {
        "WABLOCK_DATABASE": f"sqlite:///{folder}/wablock.db",
        "WABLOCK_SECRET_KEY_FILE": str(folder / "secret.key"),
        "WABLOCK_UPSTREAM_TOKEN": "an-upstream-token",
    }
    label = "the helpdesk of the shop in the north of the town"
    for words in (
        [
            "number",
            "add",
            _NUMBER,
            "--account",
            "102290129340398",
            "--display-number",
            "+16505550100",
            "--name",
            "Sales",
        ],
        ["number", "add", "106540352242923", "--account", "102290129340399", "--rules", "meta"],
        ["business-account", "set", "102290129340500", "--account", "102290129340398", "--app-secret", "a-secret"],
        ["token", "create", "--number", _NUMBER, "--label", label, "--until", "2100-01-31T12:00:00Z"],
        ["token", "create", "--account", "102290129340398", "--scope", "manage"],
        ["downstream", "add", _NUMBER, "https://receiver.example/a/long/path/webhook", "--best-effort"],
        ["subscription", "add", "https://crm.example/events", "--account", "102290129340398"],
        ["upstream", "set", _NUMBER],
    ):
        assert run(*words, **variables).returncode == 0
    return variables


TABLES: Final = [
    ["list"],
    ["list", "--limit", "2"],
    ["list", "--details"],
    ["check", "+16505550101", "+16505550102", "+16505550103", "hello"],
    ["block", "+16505550101", "0101", "hello"],
    ["unblock", "+16505550109", "+1 650"],
    ["check", "+16505550105", "+16505550106"],
    ["unblock", "+16505550105", "+16505550106"],
    ["block", "+16505550106"],
    ["blocklist", "list"],
    ["blocklist", "list", "fraud"],
    ["allowlist", "list"],
    ["allowlist", "list", "vip"],
    ["user", "show", "+16505550106"],
    ["events", "--limit", "4"],
    ["events", "--user", "+16505550102"],
    ["undo", "--batch", "monday", "--dry-run"],
    ["number", "list"],
    ["business-account", "list"],
    ["token", "list"],
    ["downstream", "list", _NUMBER],
    ["subscription", "list"],
    ["upstream", "show", _NUMBER],
    ["drops", _NUMBER],
]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_help_of_every_command_on_a_terminal(columns: int) -> None:
    _, screen = on_terminal(columns, sys.executable, "-c", _HELPS)

    _compare(f"help-{columns}.txt", without_styles(screen))


def test_the_help_of_every_command_in_a_pipe_has_no_styles() -> None:
    variables = environment()
    del variables["COLUMNS"]

    process = subprocess.run([sys.executable, "-c", _HELPS], env=variables, capture_output=True, check=True)

    assert process.stdout.decode() == (_FOLDER / "help-80.txt").read_text("utf-8")


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_every_table_on_a_terminal(server: RunningServer, database: dict[str, str], columns: int) -> None:
    screens = [
        f"$ wablock {' '.join(words)}\n{wablock_on_terminal(columns, *words, **_at(server), **database)[1]}"
        for words in TABLES
    ]

    _compare(f"tables-{columns}.txt", without_styles("\n".join(screens)))


@pytest.mark.parametrize("name, variables", [("piped", {}), ("ascii", {"LC_ALL": "C", "PYTHONUTF8": "0"})])
def test_every_table_in_a_pipe(
    server: RunningServer, database: dict[str, str], name: str, variables: dict[str, str]
) -> None:
    outputs = [_output(words, **_at(server), **database, **variables) for words in TABLES]

    _compare(f"tables-{name}.txt", "\n".join(outputs))


ERRORS: Final = [
    ["nosuch"],
    ["dev", "--prot", "1"],
    ["dev", "--port", "x"],
    ["dev", "--rules", "strict"],
    ["dev", "--public-url", "nowhere"],
    ["dev", "--seed", "/nonexistent/seed.json"],
    ["serve", "8080"],
    ["serve", "--port", "0", "--database", "mysql://localhost/wablock"],
    ["block"],
    ["block", "+16505550101", "--file", "users.txt"],
    ["block", "--file", "/nonexistent/users.txt"],
    ["block", "+16505550101", "--until", "2100-01-31T12:00:00"],
    ["block", "+16505550101", "--until", "tomorrow"],
    ["block", "+16505550101", "--until", "2100-01-31T12:00:00Z", "--expires-in-days", "1"],
    ["block", "+16505550101", "--until", "1"],
    ["unblock", "+16505550101", "--token", "wrong"],
    ["check", "+16505550101", "--phone-number-id", "1"],
    ["check", "+16505550101", "--url", "http://127.0.0.1:1"],
    ["list", "--limit", "0"],
    ["list", "--url", "nowhere"],
    ["conformance", "--", "python"],
    ["conformance", "--sdk"],
    ["completion", "tcsh"],
    ["blocklist", "create", "12"],
    ["blocklist", "create", "FRAUD"],
    ["blocklist", "list", "frad"],
    ["blocklist", "list", "--all"],
    ["blocklist", "add", "vip", "+16505550101"],
    ["blocklist", "attach", "fraud"],
    ["blocklist", "attach", "fraud", "--number", "1"],
    ["blocklist", "detach", "fraud", "--number", _NUMBER],
    ["blocklist", "delete", "fraud"],
    ["blocklist", "delete", "old fraud"],
    ["user", "show", "hello"],
    ["events", "--list", "frad"],
    ["events", "--since", "yesterday"],
    ["undo"],
    ["undo", "1-1", "--yes"],
    ["undo", "--batch", "monday"],
    ["undo", "--batch", "nosuch", "--yes"],
    ["audit", "verify", "--expect", "1:2:3"],
    ["audit", "verify", "--list", "1"],
    ["audit", "verify", "--database", "sqlite:////nonexistent/wablock.db"],
    ["number", "add", "+16505550100"],
    ["number", "add", _NUMBER],
    ["number", "add", "1", "--country", "Nowhere"],
    ["number", "add", "1", "--display-number", "555"],
    ["number", "list", "--database", "sqlite:////nonexistent/wablock.db"],
    ["number", "add", "1", "--name", "12"],
    ["number", "add", "1", "--account", "102290129340500"],
    ["number", "set", "slaes", "--name", "Shop"],
    ["number", "set", _NUMBER],
    ["number", "remove"],
    ["number", "remove", _NUMBER],
    ["number", "remove", "1", "--yes"],
    ["token", "create", "--number", "1"],
    ["token", "create", "--number", _NUMBER, "--account", "default"],
    ["token", "create", "--expires-in-days", "0"],
    ["token", "create", "--until", "1"],
    ["token", "create", "--scope", "all"],
    ["token", "create", "--empty-number"],
    ["token", "revoke", "nosuch"],
    ["account", "set"],
    ["account", "set", "nosuch", "--verify-token", "a-verify-token"],
    ["business-account", "set", "shop"],
    ["business-account", "set", "102290129340500", "--account", "102290129340399"],
    ["business-account", "remove", "1"],
    ["downstream", "add", "1", "https://receiver.example"],
    ["downstream", "add", _NUMBER, "nowhere"],
    ["downstream", "add", _NUMBER, "https://receiver.example", "--header", "x"],
    ["downstream", "add", _NUMBER, "https://receiver.example", "--timeout", "100"],
    ["downstream", "list", "x"],
    ["downstream", "remove", _NUMBER, "nosuch"],
    ["drops", "x"],
    ["upstream", "set", "1"],
    ["upstream", "show", "x"],
    ["upstream", "remove", "106540352242923"],
    ["backup", "/nonexistent/backup.db"],
    ["restore", "/nonexistent/backup.db", "--yes"],
    ["migrate", "--from", "sqlite:////nonexistent/wablock.db"],
    ["migrate", "--from", "postgresql://localhost/wablock", "--to", "postgresql://localhost/wablock"],
]


def test_every_error(server: RunningServer, database: dict[str, str]) -> None:
    _compare("errors.txt", "\n".join(_output(words, **_at(server), **database) for words in ERRORS))


def _output(words: Sequence[str], **variables: str) -> str:
    """The command, then its output and errors in the encoding of the locale, then its exit status if it is not 0."""
    process = subprocess.run(
        [WABLOCK, *words],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    status = f"(exit status {process.returncode})\n" if process.returncode else ""
    return f"$ wablock {' '.join(words)}\n{process.stdout}{status}"
