"""The journal: every request and its answer, without the token."""

import httpx2
from tests.kit.caller import block, dev

from wablock.kit.fixture import Wablock
from wablock.kit.journal import Journal, JournalEntry

USER = "+16505550101"


def test_a_request_is_recorded_with_its_answer(wablock: Wablock) -> None:
    answer = block(wablock, USER)

    [entry] = wablock.journal
    assert (entry.method, entry.path, entry.status) == ("POST", f"/v25.0/{wablock.phone_number_id}/block_users", 200)
    assert USER in entry.body
    assert entry.answer == answer.text
    assert entry.at[:4].isdigit()


def test_no_token_is_recorded(wablock: Wablock) -> None:
    block(wablock, USER)
    httpx2.get(wablock.block_users_url, params={"access_token": wablock.token})
    httpx2.post(wablock.block_users_url, data={"access_token": wablock.token, "messaging_product": "whatsapp"})
    httpx2.post(wablock.block_users_url, json={"access_token": wablock.token})
    httpx2.post(wablock.block_users_url, files={"access_token": (None, wablock.token)})
    made = httpx2.post(f"{wablock.url}/v1/tokens", json={"label": "x"}, headers=wablock.headers).json()["token"]

    journal = dev(wablock, "GET", "journal").text

    assert wablock.token not in journal
    assert made not in journal
    assert wablock.journal[0].headers["authorization"] == "Bearer …"


def test_requests_to_dev_are_not_in_the_journal(wablock: Wablock) -> None:
    wablock.inbound(USER)
    dev(wablock, "GET", "clock")

    assert wablock.journal == []


def test_later_entries_are_read_by_number(wablock: Wablock) -> None:
    for _ in range(3):
        block(wablock, USER)

    entries = dev(wablock, "GET", f"journal?after={wablock.journal[1].seq}").json()["data"]

    assert [entry["seq"] for entry in entries] == [wablock.journal[2].seq]


def test_the_journal_can_be_emptied(wablock: Wablock) -> None:
    block(wablock, USER)

    dev(wablock, "DELETE", "journal")

    assert wablock.journal == []


def test_an_after_that_is_not_a_number_is_refused(wablock: Wablock) -> None:
    assert dev(wablock, "GET", "journal?after=x").status_code == 400


def test_the_journal_keeps_the_newest_entries_within_a_number_and_a_size() -> None:
    journal = Journal()

    for _ in range(10_050):
        journal.add(_entry("x"))
    many = journal.since(0)
    for _ in range(60):
        journal.add(_entry("x" * 1_000_000))

    assert (len(many), many[0].seq) == (10_000, 51)
    assert sum(entry.size for entry in journal.since(0)) <= 50_000_000
    assert journal.since(0)[-1].seq == 10_110


def _entry(body: str) -> JournalEntry:
    return JournalEntry(0, "", "GET", "/", "", {}, body, 200, "", 0.0)
