"""`wablock upstream`."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import run, run_here, without_warning

from wablock.settings import DEV_PHONE_NUMBER_ID as NUMBER


@pytest.fixture
def places(database: str, tmp_path: Path) -> list[str]:
    run_here("number", "add", NUMBER, "--database", database)
    return ["--database", database, "--secret-key-file", str(tmp_path / "keys" / "secret.key")]


def _upstreams(places: list[str]) -> list[dict[str, Any]]:
    process = run_here("upstream", "show", NUMBER, "--json", *places)
    assert process.returncode == 0, process.stderr
    upstreams: list[dict[str, Any]] = json.loads(process.stdout)
    return upstreams


def test_an_upstream_is_metas_by_default(places: list[str]) -> None:
    done = run("upstream", "set", NUMBER, "--token=-", *places, stdin="metas-token\n")

    assert done.stdout.strip() == f"Messages of number {NUMBER} are sent through https://graph.facebook.com."
    [row] = _upstreams(places)
    assert (row["url"], row["timeout"]) == ("https://graph.facebook.com", 30.0)
    assert "metas-token" not in str(row)


def test_the_operator_may_set_a_private_address(places: list[str]) -> None:
    run_here("upstream", "set", NUMBER, "--token", "t", "--url", "http://127.0.0.1:3000/api", "--timeout", "2", *places)

    [row] = _upstreams(places)
    assert (row["url"], row["timeout"]) == ("http://127.0.0.1:3000/api", 2.0)


def test_a_removed_upstream_is_gone(places: list[str]) -> None:
    run_here("upstream", "set", NUMBER, "--token", "t", *places)

    assert run_here("upstream", "remove", NUMBER, *places).returncode == 0
    assert run_here("upstream", "remove", NUMBER, *places).returncode == 2
    assert _upstreams(places) == []


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("set", NUMBER, "--token", "two words"), "--token must be printable ASCII"),
        (("set", NUMBER, "--token", "t", "--url", "graph"), "--url 'graph' cannot be used: "),
        (("set", "12", "--token", "t"), "The number 12 does not exist: add it with wablock number add"),
        (("set", "twelve", "--token", "t"), "No number has the name 'twelve'"),
    ],
)
def test_invalid_options_are_refused_in_one_line(places: list[str], arguments: tuple[str, ...], error: str) -> None:
    refused = run_here("upstream", *arguments, *places)

    assert refused.returncode == 2
    assert without_warning(refused.stderr).startswith(f"wablock: {error}")
    assert without_warning(refused.stderr).count("\n") == 1
