"""The warning about a secret on a command line, which every user of the machine can see."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App
from cyclopts.argument import Argument
from tests.cli.command import run, run_here, started

from wablock.cli import app
from wablock.settings import DEV_TOKEN

NUMBER = "106540352242922"
SEEN = "is visible to other users of this machine"


def database(folder: Path) -> str:
    return f"sqlite:///{folder}/wablock.db"


@pytest.mark.parametrize(
    "flag, variable, words",
    [
        ("--token", "WABLOCK_TOKEN", ["list", "--phone-number-id", NUMBER, "--url", "http://127.0.0.1:9"]),
        ("--token", "WABLOCK_TOKEN", ["block", "x", "--phone-number-id", NUMBER, "--url", "http://127.0.0.1:9"]),
        ("--token", "WABLOCK_TOKEN", ["conformance", "--phone-number-id", NUMBER, "--url", "http://127.0.0.1:9"]),
        ("--token", "WABLOCK_TOKEN", ["drops", NUMBER, "--url", "http://127.0.0.1:9"]),
        ("--token", "WABLOCK_UPSTREAM_TOKEN", ["upstream", "set", NUMBER]),
        ("--app-secret", "WABLOCK_APP_SECRET", ["account", "set"]),
        ("--verify-token", "WABLOCK_VERIFY_TOKEN", ["account", "set"]),
        ("--secret", "WABLOCK_DOWNSTREAM_SECRET", ["downstream", "add", NUMBER, "http://127.0.0.1:9"]),
        ("--secret", "WABLOCK_SUBSCRIPTION_SECRET", ["subscription", "add", "http://127.0.0.1:9"]),
        ("--header", "WABLOCK_DOWNSTREAM_HEADER", ["downstream", "add", NUMBER, "http://127.0.0.1:9"]),
        ("--secret-key", "WABLOCK_SECRET_KEY", ["downstream", "list", NUMBER]),
        ("--secret-key", "WABLOCK_SECRET_KEY", ["serve", "--port", "99999"]),
        ("--token", "WABLOCK_TOKEN", ["dev", "--port", "99999"]),
        ("--app-secret", "WABLOCK_APP_SECRET", ["dev", "--port", "99999"]),
        ("--verify-token", "WABLOCK_VERIFY_TOKEN", ["dev", "--port", "99999"]),
        ("--upstream-token", "WABLOCK_UPSTREAM_TOKEN", ["dev", "--port", "99999"]),
    ],
)
def test_a_typed_secret_causes_one_warning_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str, variable: str, words: list[str]
) -> None:
    monkeypatch.setenv("WABLOCK_DATABASE", database(tmp_path))
    monkeypatch.setenv("WABLOCK_SECRET_KEY_FILE", str(tmp_path / "secret.key"))

    process = run_here(*words, flag, "X-Key: hush-hush")

    first, _, rest = process.stderr.partition("\n")
    assert first.startswith(f"wablock: {flag} {SEEN}; use {variable}")
    assert SEEN not in rest
    assert "hush-hush" not in first + process.stdout


@pytest.mark.parametrize(
    "words, variable, value",
    [
        (["list", "--phone-number-id", NUMBER, "--url", "http://127.0.0.1:9"], "WABLOCK_TOKEN", "hush"),
        (["account", "set"], "WABLOCK_APP_SECRET", "hush"),
        (
            ["downstream", "add", NUMBER, "http://127.0.0.1:9"],
            "WABLOCK_DOWNSTREAM_HEADER",
            "X-Key: hush\nX-Other: hush",
        ),
    ],
)
def test_a_variable_needs_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], variable: str, value: str
) -> None:
    monkeypatch.setenv("WABLOCK_DATABASE", database(tmp_path))
    monkeypatch.setenv("WABLOCK_SECRET_KEY_FILE", str(tmp_path / "secret.key"))
    monkeypatch.setenv(variable, value)

    assert SEEN not in run_here(*words).stderr


def test_standard_input_needs_no_warning(tmp_path: Path) -> None:
    set_ = run(
        *("account", "set", "--create", "--app-secret=-"),
        stdin="hush\n",
        WABLOCK_DATABASE=database(tmp_path),
        HOME=str(tmp_path),
    )

    assert (set_.returncode, set_.stderr) == (0, "")


def test_the_public_token_of_dev_needs_no_warning(tmp_path: Path) -> None:
    with started("dev", "--port", "0", "--token", DEV_TOKEN, TMPDIR=str(tmp_path)) as server:
        server.stop()

    assert SEEN not in server.log


@pytest.mark.parametrize(
    "url", ["postgresql://u:hush@127.0.0.1:9/x", "postgresql://127.0.0.1:9/x?user=u&password=hush"]
)
def test_a_password_in_a_database_url_causes_a_warning(url: str) -> None:
    complained = run_here("number", "list", "--database", url).stderr

    assert complained.startswith(f"wablock: --database {SEEN}; use WABLOCK_DATABASE, PGPASSWORD or a passfile\n")
    assert "hush" not in complained


@pytest.mark.parametrize("url", ["postgresql://u@127.0.0.1:9/x", "sqlite:////nowhere/x.db"])
def test_a_database_url_without_a_password_causes_no_warning(url: str) -> None:
    assert SEEN not in run_here("number", "list", "--database", url).stderr


def test_every_option_that_sounds_like_a_secret_is_declared_as_one() -> None:
    undeclared = {
        argument.name
        for argument in arguments(app)
        if any(it in argument.name for it in ("token", "secret", "password", "database", "header", "--to"))
        and argument.parameter.converter is None
    }

    # A file, a switch and an id: none of them is a secret.
    assert undeclared == {
        "--secret-key-file",
        "--token-in-parameters",
        "--token-id",
    }


def arguments(of: App) -> Iterator[Argument]:
    if of.default_command is not None:
        yield from of.assemble_argument_collection()
    for name in of:
        if not name.startswith("-"):
            yield from arguments(of[name])
