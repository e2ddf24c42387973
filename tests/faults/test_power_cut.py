"""A power cut at any moment: every acknowledged change is there, and the database opens and accepts writes."""

import itertools
import os
import random
from pathlib import Path

import pytest
from tests.faults.ledger import Known, Ledger, Verdict, examine
from tests.faults.lives import Chosen, Cut, live, next_change
from tests.faults.power_cut import PowerCutDisk
from tests.storage.changes import NOON

from wablock.storage.sqlite.connection import connect, prepare
from wablock.storage.sqlite.writes import BatchWriter

_TORTURE = bool(os.environ.get("TORTURE"))
_ROUNDS_OF_LIVES = (0, 25, 25)  # only the set-up; from an empty disk; and from the files after a cut
_CUTS_OF_LIVES = (2, 4, 4)
_SEEDS = range(100 if _TORTURE else 6)

_names = (f"power-cut-{number}" for number in itertools.count())


async def _cut_and_examine(cut: Cut, folder: Path, ledger: Ledger, seed: int) -> Verdict:
    cut.image.restore(folder, random.Random(seed))
    return await examine(folder / "wablock.db", ledger, cut.known)


@pytest.mark.torture
@pytest.mark.parametrize("seed", _SEEDS)
async def test_no_power_cut_loses_an_acknowledged_change(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    ledger, folder = Ledger(), tmp_path / "life"
    folder.mkdir()

    for life, (rounds, count) in enumerate(zip(_ROUNDS_OF_LIVES, _CUTS_OF_LIVES, strict=True)):
        disk = PowerCutDisk(next(_names), folder)
        chosen = Chosen(disk, ledger, count, chance)
        await live(disk, folder / "wablock.db", ledger, rounds, chance)

        for number, cut in enumerate(chosen.cuts):
            verdict = await _cut_and_examine(cut, tmp_path / f"examined-{life}-{number}", ledger, seed)
            assert verdict == Verdict(lost=0, halves=0), cut.image.moment

        cut = chance.choice(chosen.cuts)
        folder = tmp_path / f"life-after-{life}"
        cut.image.restore(folder, chance)
        ledger.go_back(cut.known)


async def _lost(cuts: list[Cut], tmp_path: Path, ledger: Ledger) -> int:
    """The number of acknowledged requests that are missing after the cuts; all if the database does not open."""
    lost = 0
    for number, cut in enumerate(cuts):
        try:
            verdict = await _cut_and_examine(cut, tmp_path / f"examined-{number}", ledger, number)
            lost += verdict.lost + verdict.halves
        except Exception:  # the database may be damaged in any way
            lost += sum(known is Known.BLOCKED for known in cut.known)
    return lost


async def test_a_disk_that_does_not_really_sync_is_detected(tmp_path: Path) -> None:
    chance, ledger = random.Random(1), Ledger()
    disk = PowerCutDisk(next(_names), tmp_path, lies=True)
    chosen = Chosen(disk, ledger, 5, chance)

    await live(disk, tmp_path / "wablock.db", ledger, 20, chance)

    assert await _lost(chosen.cuts, tmp_path, ledger) > 0


async def test_a_connection_that_does_not_sync_is_detected(tmp_path: Path) -> None:
    chance, ledger = random.Random(1), Ledger()
    path, disk = tmp_path / "wablock.db", PowerCutDisk(next(_names), tmp_path)
    prepare(path, disk.name)
    chosen = Chosen(disk, ledger, 5, chance)
    connection = connect(path, disk.name)
    connection.execute("PRAGMA synchronous=OFF")
    writer = BatchWriter(lambda: connection)

    for number in range(40):
        index = ledger.new_group("106540352242922", 3)
        change, afterwards = next_change(ledger, index, NOON + number)
        writer.apply([change])
        ledger.known[index] = afterwards
    writer.close()

    assert await _lost(chosen.cuts, tmp_path, ledger) > 0
