"""Each name is looked up once at a time, and a tenant's slow names delay no other tenant."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest
from tests.waiting import tasks_wait

from wablock.outgoing.name_lookups import NameLookups, NotFoundInTime, on_behalf_of

FOUND: Final = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0))]
ADDRESS: Final = ("192.0.2.7", 443)
LONG: Final = 30.0  # seconds, longer than any test


class Names:
    """A resolver: names that begin with "slow" are answered when `may_answer` is set, with "no" never found."""

    def __init__(self) -> None:
        self.lookups: list[str] = []
        self.may_answer = threading.Event()

    def __call__(self, host: str) -> Sequence[Any]:
        self.lookups.append(host)
        if host.startswith("slow"):
            self.may_answer.wait(LONG)
        if host.startswith("no"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return FOUND


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def names() -> Iterator[Names]:
    made = Names()
    yield made
    made.may_answer.set()


async def sockaddr(lookups: NameLookups, host: str, port: int = 443) -> Any:
    ((*_, address),) = await lookups(host, port)
    return address


async def test_a_name_gets_the_requested_port(names: Names) -> None:
    lookups = NameLookups(names)
    assert [await sockaddr(lookups, "a", port) for port in (443, 80)] == [("192.0.2.7", 443), ("192.0.2.7", 80)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_is_not_looked_up(names: Names, host: str) -> None:
    assert (await sockaddr(NameLookups(names), host))[:2] == (host, 443)
    assert names.lookups == []


async def test_a_name_that_many_requests_need_is_looked_up_once(names: Names) -> None:
    lookups = NameLookups(names, within=LONG)
    wanting = [asyncio.create_task(sockaddr(lookups, "slow")) for _ in range(50)]
    await tasks_wait()
    names.may_answer.set()

    assert await asyncio.gather(*wanting) == [ADDRESS] * 50
    assert names.lookups == ["slow"]


async def test_an_address_is_remembered_for_five_seconds(names: Names) -> None:
    clock = Clock()
    lookups = NameLookups(names, monotonic=clock)
    for clock.now in (100.0, 104.9, 105.1):
        await sockaddr(lookups, "a")
    assert names.lookups == ["a", "a"]


async def test_a_missing_name_is_remembered_for_a_second(names: Names) -> None:
    clock = Clock()
    lookups = NameLookups(names, monotonic=clock)
    for clock.now in (100.0, 100.9, 101.1):
        with pytest.raises(socket.gaierror, match="not known"):
            await sockaddr(lookups, "no")
    assert names.lookups == ["no", "no"]


async def test_a_lookup_without_an_answer_times_out(names: Names) -> None:
    with pytest.raises(NotFoundInTime, match=r"within 0\.01 s"):
        await sockaddr(NameLookups(names, within=0.01), "slow")


async def test_a_name_whose_lookup_timed_out_is_not_looked_up_twice_at_once(names: Names) -> None:
    lookups = NameLookups(names, within=0.01)
    for _ in range(3):
        with pytest.raises(NotFoundInTime):
            await sockaddr(lookups, "slow")
    assert names.lookups == ["slow"]


async def test_one_tenants_slow_names_delay_no_other_tenant(names: Names) -> None:
    lookups = NameLookups(names, within=LONG)
    with on_behalf_of("one"):
        slow = [asyncio.create_task(sockaddr(lookups, f"slow{number}")) for number in range(50)]
    await tasks_wait()

    with on_behalf_of("other"):
        assert await sockaddr(lookups, "a") == ADDRESS

    assert not any(task.done() for task in slow)
    names.may_answer.set()
    assert await asyncio.gather(*slow) == [ADDRESS] * 50


async def test_a_name_that_waits_behind_one_tenants_slow_names_is_looked_up_for_another(names: Names) -> None:
    lookups = NameLookups(names, within=LONG)
    with on_behalf_of("one"):
        slow = [asyncio.create_task(sockaddr(lookups, host)) for host in ("slow1", "slow2", "slow3", "slow4", "a")]
    await tasks_wait()

    with on_behalf_of("other"):
        assert await sockaddr(lookups, "a") == ADDRESS

    names.may_answer.set()
    assert await asyncio.gather(*slow) == [ADDRESS] * 5
    assert names.lookups.count("a") == 1


async def test_a_name_that_is_looked_up_for_another_tenant_is_waited_for(names: Names) -> None:
    lookups = NameLookups(names, within=LONG)
    looking = []
    for account in ("one", "other"):
        with on_behalf_of(account):
            looking.append(asyncio.create_task(sockaddr(lookups, "slow")))
    await tasks_wait()
    names.may_answer.set()

    assert await asyncio.gather(*looking) == [ADDRESS] * 2
    assert names.lookups == ["slow"]


async def test_a_tenant_has_four_threads(names: Names) -> None:
    lookups = NameLookups(names, within=LONG)
    slow = [asyncio.create_task(sockaddr(lookups, f"slow{number}")) for number in range(50)]
    await tasks_wait()

    assert sum(thread.name == "wablock-name" for thread in threading.enumerate()) == 4
    names.may_answer.set()
    await asyncio.gather(*slow)


async def test_a_tenants_waiting_lookups_are_limited(names: Names) -> None:
    lookups = NameLookups(names, within=LONG)
    slow = [asyncio.create_task(sockaddr(lookups, f"slow{number}")) for number in range(104)]
    await tasks_wait()

    with pytest.raises(NotFoundInTime, match="too many"):
        await sockaddr(lookups, "a")
    names.may_answer.set()
    await asyncio.gather(*slow)


async def test_a_cancelled_caller_ends_no_lookup_of_others(names: Names) -> None:
    lookups = NameLookups(names, within=LONG)
    first, second = (asyncio.create_task(sockaddr(lookups, "slow")) for _ in range(2))
    await tasks_wait()
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    names.may_answer.set()

    assert await second == ADDRESS


def test_a_lookup_that_outlives_its_event_loop_does_no_harm(names: Names) -> None:
    with pytest.raises(NotFoundInTime):
        asyncio.run(sockaddr(NameLookups(names, within=0.01), "slow"))
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "wablock-name")
    names.may_answer.set()
    thread.join(LONG)
    assert not thread.is_alive()


async def test_a_lookup_without_a_free_thread_is_retried(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    lookups = NameLookups(names, monotonic=clock)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(NotFoundInTime, match="no thread"):
            await sockaddr(lookups, "a")

    clock.now = 1.1
    assert await sockaddr(lookups, "a") == ADDRESS


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
