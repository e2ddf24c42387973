import msgspec
import pytest

from wablock.block_list.event_chain import ChainCheck, ChainEnd, EventLog, Fault, commitment_of, event
from wablock.block_list.events import EventKind, StoredEvent, place_in_chain
from wablock.block_list.list_rows import Head
from wablock.block_list.ports import Listed

LIST = "106540352242922"
NOW = 1_737_679_688_383_584


def row(seq: int) -> Listed:
    return Listed(
        f"1650555010{seq % 10}", seq, f"1650555010{seq % 10}", None, "+1650", NOW, "maria", "spam", None, None
    )


@pytest.fixture
def head() -> Head:
    return Head("acme")


@pytest.fixture
def events(head: Head) -> list[StoredEvent]:
    """Five events of one list, the third of a batch."""
    log = EventLog(LIST, head)
    for place in range(5):
        log.add(event(EventKind.BLOCK, "maria"), NOW, [((), row(NOW + place))], "batch 7" if place == 2 else None)
    return log.written


def faults(events: list[StoredEvent], head: Head, oldest: ChainEnd | None = None) -> list[tuple[str, Fault]]:
    check = ChainCheck(LIST, oldest or ChainEnd())
    found = [check.fault_of(it) for it in events]
    found.append(check.fault_at_end(ChainEnd(head.event_at, head.event_hash)))
    return [(fault.event_id, fault.fault) for fault in found if fault is not None]


def test_events_of_one_moment_have_times_that_grow(events: list[StoredEvent]) -> None:
    assert [it.at for it in events] == [NOW, NOW + 1, NOW + 2, NOW + 3, NOW + 4]


def test_a_chain_as_it_was_written_has_no_fault(events: list[StoredEvent], head: Head) -> None:
    assert faults(events, head) == []


def _with_one_bit(value: object) -> list[object]:
    """Values that differ from `value` in one bit; of texts, in one character."""
    if isinstance(value, bytes):
        return [bytes([*value[:at], value[at] ^ 1, *value[at + 1 :]]) for at in range(len(value))]
    if isinstance(value, str):
        return [value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :] for at in range(len(value))]
    return [] if value is None else [int(str(value)) ^ 1]


def test_any_byte_of_any_event_that_changed_is_found_and_its_event_named(events: list[StoredEvent], head: Head) -> None:
    for place, stored in enumerate(events):
        for name in ("text", "hash", "batch_id", "at"):
            for value in _with_one_bit(getattr(stored, name)):
                changed = msgspec.structs.replace(stored, **{name: value})
                named = [event_id for event_id, _ in faults([*events[:place], changed, *events[place + 1 :]], head)]
                assert changed.event_id in named, (name, value)


def test_a_changed_event_is_the_only_one_named(events: list[StoredEvent], head: Head) -> None:
    events[1] = msgspec.structs.replace(events[1], text=(events[1].text or "").replace("spam", "scam"))

    assert faults(events, head) == [(events[1].event_id, Fault.CHANGED)]


def test_a_changed_hash_names_its_own_event_alone(events: list[StoredEvent], head: Head) -> None:
    events[1] = msgspec.structs.replace(events[1], hash=bytes(32))

    assert faults(events, head) == [(events[1].event_id, Fault.CHANGED)]


def test_the_event_after_a_missing_one_is_named(events: list[StoredEvent], head: Head) -> None:
    del events[2]

    assert faults(events, head) == [(events[2].event_id, Fault.CHANGED)]


def test_every_event_of_a_chain_that_is_wrong_throughout_is_named(events: list[StoredEvent], head: Head) -> None:
    wrong = [msgspec.structs.replace(it, text="{}", hash=bytes(32)) for it in events]

    assert [event_id for event_id, _ in faults(wrong, head)][:5] == [it.event_id for it in events]


def test_missing_newest_events_are_found(events: list[StoredEvent], head: Head) -> None:
    assert faults(events[:3], head) == [(events[2].event_id, Fault.MISSING)]


def test_a_list_without_any_of_its_events_has_a_fault(head: Head, events: list[StoredEvent]) -> None:
    assert events
    assert faults([], head) == [("", Fault.MISSING)]


def test_events_in_another_order_are_found(events: list[StoredEvent], head: Head) -> None:
    events[1], events[2] = events[2], events[1]

    assert faults(events, head) != []


def test_an_event_of_another_list_is_found(events: list[StoredEvent], head: Head) -> None:
    log = EventLog("106540352242923", Head("acme"))
    log.add(event(EventKind.BLOCK), NOW + 2)
    events[2] = log.written[0]

    assert events[3].event_id in [event_id for event_id, _ in faults(events, head)]


def test_a_chain_whose_oldest_events_were_deleted_has_no_fault(events: list[StoredEvent], head: Head) -> None:
    assert faults(events[2:], head, ChainEnd(events[1].at, events[1].hash)) == []


def test_an_event_whose_text_was_deleted_has_no_fault(events: list[StoredEvent], head: Head) -> None:
    commitment = commitment_of(events[3].text or "")
    events[3] = msgspec.structs.replace(events[3], text=None, commitment=commitment)

    assert faults(events, head) == []


def test_a_text_beside_the_hash_of_a_deleted_one_is_a_fault(events: list[StoredEvent], head: Head) -> None:
    events[3] = msgspec.structs.replace(events[3], commitment=bytes(32))

    assert faults(events, head) == [(events[3].event_id, Fault.CHANGED)]


def test_an_event_without_text_and_its_hash_is_a_fault(events: list[StoredEvent], head: Head) -> None:
    events[3] = msgspec.structs.replace(events[3], text=None)

    assert faults(events, head) == [(events[3].event_id, Fault.CHANGED)]


def test_equal_events_have_different_hashes_so_that_none_can_be_guessed() -> None:
    logs = EventLog(LIST, Head("acme")), EventLog(LIST, Head("acme"))
    for log in logs:
        log.add(event(EventKind.BLOCK, "maria"), NOW)

    assert logs[0].written[0].hash != logs[1].written[0].hash


@pytest.mark.parametrize(
    "event_id, place",
    [
        (f"{LIST}-{NOW}", (LIST, NOW)),
        ("list_5f2c9a10b7e34d86-7", ("list_5f2c9a10b7e34d86", 7)),
        ("a-b-7", None),
        (LIST, None),
        ("-7", None),
        (f"{LIST}-", None),
        (f"{LIST}-x", None),
        (f"{LIST}-\N{ARABIC-INDIC DIGIT ONE}", None),
        (f"{LIST}-{10**18}0", None),
    ],
)
def test_the_id_of_an_event_names_its_list_and_time(event_id: str, place: tuple[str, int] | None) -> None:
    assert place_in_chain(event_id) == place
