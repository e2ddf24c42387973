"""`wablock upstream`."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import called, run, without_warning

from wablock.settings import DEV_PHONE_NUMBER_ID as NUMBER


@pytest.fixture
def places(database: str, tmp_path: Path) -> list[str]:
    called("number", "add", NUMBER, "--database", database)
    return ["--database", database, "--secret-key-file", str(tmp_path / "keys" / "secret.key")]


def _shown(places: list[str]) -> list[dict[str, Any]]:
    shown = called("upstream", "show", NUMBER, "--json", *places)
    assert shown.returncode == 0, shown.stderr
    found: list[dict[str, Any]] = json.loads(shown.stdout)
    return found


def test_an_upstream_is_metas_unless_another_is_named(places: list[str]) -> None:
    done = run("upstream", "set", NUMBER, "--token=-", *places, stdin="metas-token\n")

    assert done.stdout.strip() == f"Messages of number {NUMBER} are sent through https://graph.facebook.com."
    [row] = _shown(places)
    assert (row["url"], row["timeout"]) == ("https://graph.facebook.com", 30.0)
    assert "metas-token" not in str(row)


def test_a_private_address_is_fine_for_the_operator(places: list[str]) -> None:
    called("upstream", "set", NUMBER, "--token", "t", "--url", "http://127.0.0.1:3000/api", "--timeout", "2", *places)

    [row] = _shown(places)
    assert (row["url"], row["timeout"]) == ("http://127.0.0.1:3000/api", 2.0)


def test_a_removed_upstream_is_gone(places: list[str]) -> None:
    called("upstream", "set", NUMBER, "--token", "t", *places)

    assert called("upstream", "remove", NUMBER, *places).returncode == 0
    assert called("upstream", "remove", NUMBER, *places).returncode == 2
    assert _shown(places) == []


@pytest.mark.parametrize(
    "arguments,told",
    [
        (("set", NUMBER, "--token", "two words"), "--token must be printable ASCII"),
        (("set", NUMBER, "--token", "t", "--url", "graph"), "graph: "),
        (("set", "12", "--token", "t"), "The number 12 does not exist: add it with wablock number add"),
        (("set", "twelve", "--token", "t"), "'twelve' is not a phone number id"),
    ],
)
def test_invalid_options_are_refused_in_one_line(places: list[str], arguments: tuple[str, ...], told: str) -> None:
    refused = called("upstream", *arguments, *places)

    assert refused.returncode == 2
    assert without_warning(refused.stderr).startswith(f"wablock: {told}")
    assert without_warning(refused.stderr).count("\n") == 1
