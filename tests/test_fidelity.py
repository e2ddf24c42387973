"""The tests, sources and settings in `docs/fidelity.md` exist."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Final

import msgspec
import pytest

from wablock.settings import AnswerSettings, DevSettings, GateSettings, KeySettings, LimitSettings, ServeSettings

ROOT: Final = Path(__file__).parent.parent
SOURCES: Final = {"seed", "documented", "seen", "ours"}
SETTINGS: Final = {
    field.name
    for kind in (AnswerSettings, LimitSettings, KeySettings, GateSettings, ServeSettings, DevSettings)
    for field in fields(kind)
}


class Claim(msgspec.Struct, frozen=True):
    """One row of the table."""

    behaviour: str
    source: str
    settings: tuple[str, ...]
    tests: tuple[str, ...]


def claims() -> list[Claim]:
    table = []
    for line in (ROOT / "docs/fidelity.md").read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0] != "Behaviour" and not cells[0].startswith("---"):
            behaviour, source, settings, tests = cells
            table.append(Claim(behaviour, source, quoted(settings), quoted(tests)))
    return table


def quoted(cell: str) -> tuple[str, ...]:
    return tuple(re.findall("`([^`]+)`", cell))


CLAIMS: Final = claims()
each_claim = pytest.mark.parametrize("claim", CLAIMS, ids=[claim.behaviour for claim in CLAIMS])


def test_the_table_is_read() -> None:
    assert len(CLAIMS) > 100
    assert {claim.source for claim in CLAIMS} == SOURCES


@each_claim
def test_a_claim_has_a_known_source(claim: Claim) -> None:
    assert claim.source in SOURCES


@each_claim
def test_a_claims_settings_exist(claim: Claim) -> None:
    assert set(claim.settings) <= SETTINGS


@each_claim
def test_the_tests_of_a_claim_exist(claim: Claim) -> None:
    assert claim.tests

    for test in claim.tests:
        path, _, name = test.partition("::")
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), test


def test_no_claim_is_in_the_table_twice() -> None:
    behaviours = [claim.behaviour for claim in CLAIMS]

    assert len(set(behaviours)) == len(behaviours)
