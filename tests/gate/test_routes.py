"""Routes: secrets are sealed when written, opened when read, and never shown; a change is soon known everywhere."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from tests.gate.memory_routes import MemoryRoutes
from tests.gate.process_routes import ACCOUNTS, KEY, NOW, OUR_OTHER, OURS, THEIRS, Clocks, routes_of_a_process
from tests.waiting import tasks_wait

from wablock.gate.account_store import Account, SealedAccount
from wablock.gate.ports import CannotUnseal, Downstream, SealedDownstream, SealedUpstream, Upstream
from wablock.gate.routes import RemovedRoutes, Routes
from wablock.gate.routes.downstreams import NewDownstream
from wablock.vault import AeadVault

URL = "https://crm.example/hooks"
NEW = NewDownstream(
    url=URL, secret="their-secret", headers={"authorization": "Bearer their-header"}, account_events=True
)
UPSTREAM = Upstream(
    OURS, "https://graph.facebook.com/v23.0", "their-token", timeout=12.5, may_be_inside=True, account_id="acme"
)


class SlowRoutes(MemoryRoutes):
    """Answers, once a test lets it, with what it had when the call came."""

    def __init__(self) -> None:
        super().__init__(ACCOUNTS)
        self.may_answer = asyncio.Event()

    async def downstreams(self, phone_number_id: str) -> Sequence[SealedDownstream]:
        rows = await super().downstreams(phone_number_id)
        await self.may_answer.wait()
        return rows


@pytest.fixture
def other_process(store: MemoryRoutes, clocks: Clocks) -> Routes:
    """The routes of another process on the same store."""
    return routes_of_a_process(store, clocks)


async def add_downstream(routes: Routes, phone_number_id: str = OURS, new: NewDownstream = NEW) -> str:
    sealed = await routes.downstreams.add(ACCOUNTS[phone_number_id], phone_number_id, new)
    assert sealed is not None
    return sealed.downstream_id


# -- accounts


async def test_an_app_secret_is_read_as_it_was_set(routes: Routes) -> None:
    await routes.accounts.set("acme", "our-secret", None)

    assert await routes.accounts.find("acme") == Account("acme", "our-secret")


async def test_an_account_may_have_no_app_secret(routes: Routes) -> None:
    await routes.accounts.set("acme", None, "verify-me")

    assert await routes.accounts.find("acme") == Account("acme", None)


async def test_an_unknown_account_is_none(routes: Routes) -> None:
    assert await routes.accounts.find("acme") is None


async def test_omitted_fields_of_an_account_stay(routes: Routes) -> None:
    await routes.accounts.set("acme", "our-secret", "verify-me")
    await routes.accounts.set("acme", None, "verify-me-now")

    assert await routes.accounts.find("acme") == Account("acme", "our-secret")


async def test_the_only_account_with_an_app_secret_signs(routes: Routes) -> None:
    await routes.accounts.set("acme", "our-secret", None)
    await routes.accounts.set("rival", None, "verify-me")

    assert await routes.accounts.only_signer() == Account("acme", "our-secret")


async def test_there_is_no_only_signer_if_no_account_has_an_app_secret(routes: Routes) -> None:
    await routes.accounts.set("acme", None, "verify-me")

    assert await routes.accounts.only_signer() is None


async def test_there_is_no_only_signer_if_two_accounts_have_an_app_secret(routes: Routes) -> None:
    await routes.accounts.set("acme", "our-secret", None)
    assert await routes.accounts.only_signer() is not None
    await routes.accounts.set("rival", "their-secret", None)

    assert await routes.accounts.only_signer() is None


async def test_an_account_without_a_name_is_not_the_only_signer(routes: Routes) -> None:
    await routes.accounts.set("acme", "our-secret", None)
    await routes.accounts.only_signer()

    assert await routes.accounts.find("") is None


@pytest.mark.parametrize(
    "token, is_good",
    [("verify-me", True), ("verify-m", False), ("verify-me ", False), ("VERIFY-ME", False), ("", False)],
)
async def test_a_verify_token_must_match_as_a_whole(routes: Routes, token: str, *, is_good: bool) -> None:
    await routes.accounts.set("acme", None, "verify-me")

    assert await routes.accounts.verifies(token) is is_good


async def test_an_empty_verify_token_verifies_nothing_even_if_it_was_set(routes: Routes) -> None:
    await routes.accounts.set("acme", None, "")

    assert not await routes.accounts.verifies("")


# -- downstreams


async def test_a_downstream_is_read_as_it_was_added(routes: Routes) -> None:
    new = NewDownstream(
        url=URL, secret="s", headers={"b": "2", "a": "é"}, timeout=2.5, required=False, may_be_inside=True
    )

    downstream_id = await add_downstream(routes, OURS, new)

    (downstream,) = await routes.downstreams.of_number(OURS)
    assert downstream == Downstream(
        downstream_id,
        OURS,
        URL,
        "s",
        {"b": "2", "a": "é"},
        timeout=2.5,
        required=False,
        may_be_inside=True,
        account_events=True,
        account_id="acme",
    )


async def test_a_downstream_may_have_neither_secret_nor_headers(routes: Routes) -> None:
    await add_downstream(routes, OURS, NewDownstream(url=URL))

    (downstream,) = await routes.downstreams.of_number(OURS)
    assert (downstream.secret, downstream.headers) == (None, {})


async def test_downstreams_have_short_ids_of_their_own(routes: Routes) -> None:
    ids = {await add_downstream(routes) for _ in range(20)}

    assert len(ids) == 20
    assert {len(bytes.fromhex(downstream_id)) for downstream_id in ids} == {4}


@pytest.mark.parametrize("phone_number_id", [THEIRS, "999"])
async def test_a_downstream_is_not_added_to_an_unknown_or_foreign_number(routes: Routes, phone_number_id: str) -> None:
    assert await routes.downstreams.add("acme", phone_number_id, NEW) is None
    assert not await routes.downstreams.of_number(phone_number_id)


async def test_a_numbers_downstreams_are_its_own_oldest_first(routes: Routes) -> None:
    ids = [await add_downstream(routes) for _ in range(5)]
    await add_downstream(routes, OUR_OTHER)

    assert [it.downstream_id for it in await routes.downstreams.of_number(OURS)] == ids


async def test_an_account_has_the_downstreams_of_its_numbers(routes: Routes) -> None:
    ids = [
        await add_downstream(routes, OURS),
        await add_downstream(routes, OUR_OTHER, NewDownstream(url=URL, account_events=True)),
    ]
    await add_downstream(routes, THEIRS, NewDownstream(url="https://rival.example"))

    assert [it.downstream_id for it in await routes.downstreams.for_account_events("acme")] == ids


async def test_a_receiver_of_several_numbers_is_one_in_its_account_the_oldest(routes: Routes) -> None:
    first = await add_downstream(
        routes, OURS, NewDownstream(url="https://a.example", headers={"x": "1", "y": "2"}, account_events=True)
    )
    second = await add_downstream(routes, OURS, NewDownstream(url="https://b.example", account_events=True))
    await add_downstream(
        routes, OUR_OTHER, NewDownstream(url="https://a.example", headers={"y": "2", "x": "1"}, account_events=True)
    )

    assert [it.downstream_id for it in await routes.downstreams.for_account_events("acme")] == [first, second]


@pytest.mark.parametrize(
    "other",
    [
        NewDownstream(url=f"{URL}/2", secret="s", headers={"x": "1"}, account_events=True),
        NewDownstream(url=URL, secret="t", headers={"x": "1"}, account_events=True),
        NewDownstream(url=URL, headers={"x": "1"}, account_events=True),
        NewDownstream(url=URL, secret="s", headers={"x": "2"}, account_events=True),
    ],
    ids=["url", "secret", "no secret", "headers"],
)
async def test_receivers_of_an_account_that_differ_are_several(routes: Routes, other: NewDownstream) -> None:
    await add_downstream(routes, OURS, NewDownstream(url=URL, secret="s", headers={"x": "1"}, account_events=True))
    await add_downstream(routes, OUR_OTHER, other)

    assert len(await routes.downstreams.for_account_events("acme")) == 2


async def test_remove_returns_whether_the_downstream_existed(routes: Routes) -> None:
    downstream_id = await add_downstream(routes)

    assert not await routes.downstreams.remove(OUR_OTHER, downstream_id)
    assert await routes.downstreams.remove(OURS, downstream_id)
    assert not await routes.downstreams.remove(OURS, downstream_id)


async def test_a_list_shows_all_of_a_downstream_except_its_secrets(routes: Routes, clocks: Clocks) -> None:
    downstream_id = await add_downstream(routes, OURS, msgspec.structs.replace(NEW, headers={"b": "2", "a": "1"}))

    (info,) = await routes.downstreams.infos(OURS)

    assert msgspec.to_builtins(info) == {
        "downstream_id": downstream_id,
        "url": URL,
        "has_secret": True,
        "header_names": ["a", "b"],
        "timeout": 5.0,
        "required": True,
        "may_be_inside": False,
        "account_events": True,
        "created_at": clocks.now,
    }


async def test_a_list_shows_that_a_downstream_has_no_secret(routes: Routes) -> None:
    await add_downstream(routes, OURS, NewDownstream(url=URL))

    (info,) = await routes.downstreams.infos(OURS)
    assert (info.has_secret, info.header_names) == (False, [])


async def test_downstreams_are_listed_and_removed_even_if_the_key_is_lost(
    routes: Routes, store: MemoryRoutes, clocks: Clocks
) -> None:
    downstream_id = await add_downstream(routes)
    keyless = routes_of_a_process(store, clocks, bytes(32))

    (info,) = await keyless.downstreams.infos(OURS)

    assert (info.downstream_id, info.has_secret, info.header_names) == (downstream_id, True, ["?"])
    assert await keyless.downstreams.remove(OURS, info.downstream_id)


# -- upstreams


async def test_an_upstream_is_read_as_it_was_set(routes: Routes) -> None:
    assert await routes.upstreams.set("acme", UPSTREAM)

    assert await routes.upstreams.find(OURS) == UPSTREAM


async def test_a_later_upstream_replaces_the_earlier_one(routes: Routes) -> None:
    await routes.upstreams.set("acme", UPSTREAM)
    assert await routes.upstreams.find(OURS) == UPSTREAM
    later = msgspec.structs.replace(UPSTREAM, token="another-token")
    await routes.upstreams.set("acme", later)

    assert await routes.upstreams.find(OURS) == later


async def test_an_upstream_is_not_set_for_a_number_of_another_account(routes: Routes) -> None:
    assert not await routes.upstreams.set("rival", UPSTREAM)
    assert await routes.upstreams.find(OURS) is None


async def test_a_removed_upstream_is_gone(routes: Routes) -> None:
    await routes.upstreams.set("acme", UPSTREAM)
    await routes.upstreams.find(OURS)

    assert await routes.upstreams.remove(OURS)
    assert await routes.upstreams.find(OURS) is None
    assert not await routes.upstreams.remove(OURS)


# -- secrets at rest


async def set_everything(routes: Routes) -> None:
    await routes.accounts.set("acme", "our-secret", "verify-me")
    await add_downstream(routes)
    await routes.upstreams.set("acme", UPSTREAM)


@pytest.mark.parametrize("secret", ["our-secret", "verify-me", "their-secret", "their-header", "their-token"])
async def test_nothing_in_the_store_contains_a_secret(routes: Routes, store: MemoryRoutes, secret: str) -> None:
    await set_everything(routes)

    fields = [value for row in store.rows() for value in msgspec.structs.astuple(row)]
    assert not [it for it in fields if isinstance(it, bytes) and secret.encode() in it]
    assert not [it for it in fields if isinstance(it, str) and secret in it]


@pytest.mark.parametrize("secret", ["our-secret", "verify-me", "their-secret", "their-header", "their-token"])
async def test_no_repr_contains_a_secret(routes: Routes, store: MemoryRoutes, secret: str) -> None:
    await set_everything(routes)
    opened = [
        await routes.accounts.find("acme"),
        await routes.accounts.only_signer(),
        await routes.upstreams.find(OURS),
    ]
    lists = [
        await routes.downstreams.of_number(OURS),
        await routes.downstreams.for_account_events("acme"),
        await routes.downstreams.infos(OURS),
    ]

    assert secret not in repr([*opened, *lists, *store.rows(), NEW, routes])


async def test_an_app_secret_that_was_moved_to_another_account_does_not_open(
    routes: Routes, store: MemoryRoutes
) -> None:
    await routes.accounts.set("acme", "our-secret", None)
    (ours,) = await store.signers(2)
    await store.set_account(SealedAccount("rival", ours.app_secret), NOW)

    with pytest.raises(CannotUnseal):
        await routes.accounts.find("rival")


@pytest.mark.parametrize(
    "change",
    [{"phone_number_id": OUR_OTHER}, {"downstream_id": "00000000"}, {"url": "https://evil.example"}],
    ids=["another number", "another downstream", "another url"],
)
@pytest.mark.parametrize(
    "new",
    [
        NewDownstream(url=URL, secret="s", account_events=True),
        NewDownstream(url=URL, headers={"x": "1"}, account_events=True),
    ],
)
async def test_the_secrets_of_a_downstream_that_were_moved_do_not_open(
    routes: Routes, store: MemoryRoutes, new: NewDownstream, change: dict[str, str]
) -> None:
    await add_downstream(routes, OURS, new)
    [sealed] = await store.downstreams(OURS)
    await store.add_downstream(msgspec.structs.replace(sealed, **change))

    with pytest.raises(CannotUnseal):
        await routes.downstreams.for_account_events("acme")


async def test_a_downstreams_secret_does_not_open_as_its_headers(routes: Routes, store: MemoryRoutes) -> None:
    await add_downstream(routes)
    [sealed] = await store.downstreams(OURS)
    await store.add_downstream(msgspec.structs.replace(sealed, headers=sealed.secret))

    with pytest.raises(CannotUnseal):
        await routes.downstreams.of_number(OURS)


async def test_a_token_that_was_moved_to_another_number_does_not_open(routes: Routes, store: MemoryRoutes) -> None:
    await routes.upstreams.set("acme", UPSTREAM)
    sealed = await store.find_upstream(OURS)
    assert sealed is not None
    await store.set_upstream(msgspec.structs.replace(sealed, phone_number_id=OUR_OTHER))

    with pytest.raises(CannotUnseal):
        await routes.upstreams.find(OUR_OTHER)


# -- memory


async def test_answers_come_from_memory_for_half_a_second(routes: Routes, store: MemoryRoutes, clocks: Clocks) -> None:
    await set_everything(routes)

    for seconds in (0.0, 0.25, 0.499):
        clocks.monotonic = 100.0 + seconds
        await routes.accounts.find("acme")
        await routes.accounts.only_signer()
        await routes.downstreams.of_number(OURS)
        await routes.downstreams.for_account_events("acme")
        await routes.upstreams.find(OURS)

    assert store.lookups == 5


async def test_a_removal_by_another_process_is_seen_after_half_a_second(
    routes: Routes, other_process: Routes, clocks: Clocks
) -> None:
    downstream_id = await add_downstream(routes)
    await routes.upstreams.set("acme", UPSTREAM)
    before = [
        await routes.downstreams.of_number(OURS),
        await routes.downstreams.for_account_events("acme"),
        await routes.upstreams.find(OURS),
    ]
    await other_process.downstreams.remove(OURS, downstream_id)
    await other_process.upstreams.remove(OURS)

    clocks.monotonic += 0.5

    assert all(before)
    assert not await routes.downstreams.of_number(OURS)
    assert not await routes.downstreams.for_account_events("acme")
    assert not await routes.upstreams.find(OURS)


async def test_a_change_by_another_process_is_seen_after_half_a_second(
    routes: Routes, other_process: Routes, clocks: Clocks
) -> None:
    await routes.accounts.set("acme", "our-secret", None)
    await routes.accounts.find("acme")
    await routes.accounts.only_signer()
    await other_process.accounts.set("acme", "our-new-secret", None)

    clocks.monotonic += 0.5

    assert await routes.accounts.find("acme") == Account("acme", "our-new-secret")
    assert await routes.accounts.only_signer() == Account("acme", "our-new-secret")


async def test_a_change_is_known_to_its_own_process_at_once(routes: Routes) -> None:
    await set_everything(routes)
    (first,) = await routes.downstreams.of_number(OURS)
    await routes.downstreams.for_account_events("acme")
    await routes.accounts.find("acme")
    await routes.accounts.only_signer()

    await routes.downstreams.remove(OURS, first.downstream_id)
    await routes.accounts.set("acme", "our-new-secret", None)

    assert not await routes.downstreams.of_number(OURS)
    assert not await routes.downstreams.for_account_events("acme")
    assert (
        await routes.accounts.find("acme") == await routes.accounts.only_signer() == Account("acme", "our-new-secret")
    )


async def test_a_read_that_ran_during_a_change_is_not_cached(clocks: Clocks) -> None:
    store = SlowRoutes()
    routes = routes_of_a_process(store, clocks)
    downstream_id = await add_downstream(routes)
    asking = asyncio.ensure_future(routes.downstreams.of_number(OURS))
    await tasks_wait()
    await routes.downstreams.remove(OURS, downstream_id)
    store.may_answer.set()

    stale = await asking

    assert len(stale) == 1
    assert not await routes.downstreams.of_number(OURS)


async def test_unknown_numbers_take_no_memory(routes: Routes, store: MemoryRoutes) -> None:
    await routes.accounts.find("made-up")
    before = store.lookups
    await store.set_account(SealedAccount("made-up"), NOW)

    assert await routes.accounts.find("made-up") == Account("made-up")
    assert store.lookups == before + 1


async def test_memory_is_bounded(routes: Routes, store: MemoryRoutes) -> None:
    for index in range(10_001):
        await store.set_account(SealedAccount(f"account-{index}"), NOW)
        await routes.accounts.find(f"account-{index}")
    before = store.lookups

    await routes.accounts.find("account-10000")
    await routes.accounts.find("account-0")

    assert store.lookups == before + 1


async def test_an_upstreams_token_does_not_open_beside_another_url(routes: Routes, store: MemoryRoutes) -> None:
    await routes.upstreams.set("acme", UPSTREAM)
    sealed = await store.find_upstream(OURS)
    assert sealed is not None
    await store.set_upstream(msgspec.structs.replace(sealed, url="https://evil.example"))

    with pytest.raises(CannotUnseal):
        await routes.upstreams.find(OURS)


async def test_secrets_that_an_older_version_sealed_still_open(routes: Routes, store: MemoryRoutes) -> None:
    vault = AeadVault([KEY])
    place = f"downstream/{OURS}/5f0c"
    secret, headers = vault.seal("s", f"{place}/secret"), vault.seal('{"x":"1"}', f"{place}/headers")
    await store.add_downstream(SealedDownstream("5f0c", OURS, "acme", URL, secret, headers, 5_000, True, False, NOW))
    token = vault.seal("their-token", f"upstream/{OURS}/token")
    await store.set_upstream(SealedUpstream(OURS, "acme", UPSTREAM.url, token, 12_500, True, NOW))

    (downstream,) = await routes.downstreams.of_number(OURS)
    assert (downstream.secret, downstream.headers) == ("s", {"x": "1"})
    assert await routes.upstreams.find(OURS) == UPSTREAM


# -- the account's own events


async def test_a_receiver_set_for_one_number_gets_none_of_the_accounts_own_events(routes: Routes) -> None:
    await add_downstream(routes, OURS, NewDownstream(url=URL, set_by=b"a token of one number"))

    assert [it.url for it in await routes.downstreams.of_number(OURS)] == [URL]
    assert not await routes.downstreams.for_account_events("acme")


async def test_a_receiver_that_the_operator_set_with_an_older_version_gets_account_events(routes: Routes) -> None:
    await add_downstream(routes, OURS, NewDownstream(url=URL, may_be_inside=True))

    assert [it.url for it in await routes.downstreams.for_account_events("acme")] == [URL]


async def test_the_upstreams_that_a_token_set_are_removed(routes: Routes) -> None:
    for number, set_by in ((OURS, b"one"), (OUR_OTHER, None)):
        await routes.upstreams.set("acme", msgspec.structs.replace(UPSTREAM, phone_number_id=number), set_by)

    assert await routes.remove_set_by("acme", {b"one"}) == RemovedRoutes([], [OURS])
    assert [await routes.upstreams.find(number) is not None for number in (OURS, OUR_OTHER)] == [False, True]


async def test_the_receivers_that_a_token_set_are_removed(routes: Routes) -> None:
    theirs = await add_downstream(routes, OURS, NewDownstream(url=URL, set_by=b"one"))
    kept = [await add_downstream(routes, OURS, NewDownstream(url=URL, set_by=it)) for it in (b"two", None)]

    assert await routes.remove_set_by("acme", {b"one"}) == RemovedRoutes([theirs], [])
    assert [it.downstream_id for it in await routes.downstreams.of_number(OURS)] == kept


async def test_a_receiver_that_is_set_twice_gets_account_events_if_one_of_both_may(routes: Routes) -> None:
    await add_downstream(routes, OURS, NewDownstream(url=URL))
    await add_downstream(routes, OUR_OTHER, NewDownstream(url=URL, account_events=True))

    assert [it.phone_number_id for it in await routes.downstreams.for_account_events("acme")] == [OUR_OTHER]
    assert [it.phone_number_id for it in await routes.downstreams.of_account("acme")] == [OURS]
