"""The joined parts of a server."""

import logging
from pathlib import Path

import apsw
import pytest
from tests.storage.meters import CountingMeter
from tests.waiting import wait_in_loop_until

from wablock.block_list.changes import Block
from wablock.block_list.events import event_of
from wablock.block_list.ports import BusinessNumber, Member
from wablock.contract.errors import BlocklistInternalError
from wablock.settings import ServerSettings
from wablock.storage import CannotOpen, open_store
from wablock.wiring import build, system_clock

_DAY = 86_400_000_000
NUMBER = BusinessNumber("106540352242922", "102290129340398")


def _expired(wa_id: str) -> Block:
    now = system_clock()
    member = Member(wa_id, wa_id, None, f"+{wa_id}", expires_at=now - 1)
    return Block(NUMBER.phone_number_id, NUMBER.account_id, now - 2, "test", [member])


def _rows(file: Path) -> int:
    connection = apsw.Connection(str(file))
    try:
        return int(connection.execute("SELECT count(*) FROM blocked_user").get)
    finally:
        connection.close()


def test_a_database_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen):
        build(f"sqlite:///{tmp_path}")


async def test_a_server_deletes_expired_rows_when_it_starts(tmp_path: Path) -> None:
    wired = build(f"sqlite:///{tmp_path}/wablock.db")
    await wired.store.apply(_expired("16505550101"))
    assert _rows(tmp_path / "wablock.db") == 1

    async with wired.running():
        await wait_in_loop_until(lambda: _rows(tmp_path / "wablock.db") == 0, "the expired block is still kept")


@pytest.mark.parametrize("keep_events, left", [(30, ["new"]), (0, ["old", "new"])])
async def test_a_server_deletes_events_that_are_older_than_it_keeps_them(
    tmp_path: Path, keep_events: int, left: list[str]
) -> None:
    wired = build(f"sqlite:///{tmp_path}/wablock.db", ServerSettings(keep_events=keep_events))
    now = system_clock()
    for days, by in ((31, "old"), (29, "new")):
        member = Member(by, None, by, by)
        await wired.store.apply(Block(NUMBER.phone_number_id, NUMBER.account_id, now - days * _DAY, by, [member]))

    async with wired.running():
        await wait_in_loop_until(lambda: _events(tmp_path / "wablock.db") == left, "other events are kept")


def _events(file: Path) -> list[str]:
    """The labels of the tokens in all events, oldest first."""
    connection = apsw.Connection(str(file))
    try:
        return [event_of(text).by for (text,) in connection.execute("SELECT text FROM event ORDER BY at")]
    finally:
        connection.close()


async def test_old_events_are_deleted_also_if_expired_blocks_cannot_be(tmp_path: Path) -> None:
    wired = build(f"sqlite:///{tmp_path}/wablock.db", ServerSettings(keep_events=1))
    member = Member("US.1", None, "US.1", "US.1")
    await wired.store.apply(
        Block(NUMBER.phone_number_id, NUMBER.account_id, system_clock() - 2 * _DAY, "old", [member])
    )
    breaking = apsw.Connection(str(tmp_path / "wablock.db"))
    breaking.execute("DROP TABLE last_inbound")
    breaking.close()

    async with wired.running():
        await wait_in_loop_until(lambda: _events(tmp_path / "wablock.db") == [], "the old event is kept")


async def test_a_failed_sweep_is_a_warning_and_the_server_continues(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wired = build(f"sqlite:///{tmp_path}/wablock.db")
    breaking = apsw.Connection(str(tmp_path / "wablock.db"))
    breaking.execute("DROP TABLE last_inbound")
    breaking.close()

    with caplog.at_level(logging.WARNING, "wablock"):
        async with wired.running():
            await wait_in_loop_until(
                lambda: "the sweep of expired blocks failed" in caplog.text, "no warning is logged"
            )
            assert await wired.store.numbers() == []


async def test_a_server_that_ends_closes_its_store(tmp_path: Path) -> None:
    wired = build(f"sqlite:///{tmp_path}/wablock.db")

    async with wired.running():
        await wired.store.add_number(NUMBER, system_clock())

    with pytest.raises(BlocklistInternalError):
        await wired.store.numbers()
    again = open_store(f"sqlite:///{tmp_path}/wablock.db", CountingMeter())
    assert [number.phone_number_id for number in await again.numbers()] == [NUMBER.phone_number_id]
    await again.close()
