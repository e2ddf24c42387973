"""Tokens that create, list and revoke tokens: no token has more rights than its maker."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.memory_directory import MemoryDirectory

from wablock import access
from wablock.access import ALL_SCOPES, Access, AccessToken, Scope
from wablock.block_list.ports import BusinessNumber
from wablock.contract import errors

NOW = 1_737_679_688_383_584
NUMBERS = [BusinessNumber(number, account) for number, account in [("1", "acme"), ("2", "acme"), ("3", "rival")]]
MOMENTS = range(NOW, NOW + 5)

tokens = st.builds(
    AccessToken,
    digest=st.binary(min_size=32, max_size=32),
    account_id=st.sampled_from(["acme", "rival"]),
    label=st.just("test"),
    scopes=st.frozensets(st.sampled_from(Scope)),
    phone_number_ids=st.none() | st.frozensets(st.sampled_from(["1", "2", "3", "4"])),
    created_at=st.just(NOW),
    expires_at=st.none() | st.integers(min_value=NOW, max_value=NOW + 5),
)


def a_token(
    text: str,
    scopes: frozenset[Scope] = ALL_SCOPES,
    phone_number_ids: frozenset[str] | None = None,
    account_id: str = "acme",
    created_at: int = NOW,
    expires_at: int | None = None,
) -> AccessToken:
    return AccessToken(access.digest(text), account_id, text, scopes, phone_number_ids, created_at, expires_at)


def powers(token: AccessToken) -> set[tuple[str, Scope, int]]:
    """All rights of a token: number, scope, and time."""
    return {
        (number.phone_number_id, scope, moment)
        for number in NUMBERS
        for scope in token.scopes
        for moment in MOMENTS
        if token.may_touch(number) and (token.expires_at is None or moment < token.expires_at)
    }


def guard_of(directory: MemoryDirectory) -> Access:
    return Access(directory, lambda: NOW, lambda: 100.0)


@given(one=tokens, other=tokens)
def test_a_token_that_covers_another_can_do_all_that_it_can(one: AccessToken, other: AccessToken) -> None:
    covers = one.covers(other)

    assert not covers or powers(other) <= powers(one)


@given(token=tokens)
def test_every_token_covers_itself(token: AccessToken) -> None:
    assert token.covers(token)


@given(one=tokens, two=tokens, three=tokens)
def test_a_token_covered_by_a_covered_token_is_covered_too(
    one: AccessToken, two: AccessToken, three: AccessToken
) -> None:
    chain = one.covers(two) and two.covers(three)

    assert not chain or one.covers(three)


@given(maker=tokens, made=tokens, last=tokens)
async def test_no_chain_of_grants_leads_to_a_token_that_can_do_more_than_the_first(
    maker: AccessToken, made: AccessToken, last: AccessToken
) -> None:
    directory = MemoryDirectory(tokens=[maker])
    guard = guard_of(directory)

    for giver, given_token in ((maker, made), (made, last)):
        if giver in await directory.tokens():
            try:
                await guard.grant(giver, given_token)
            except errors.GraphError:
                continue

    assert all(powers(token) <= powers(maker) for token in await directory.tokens())


async def test_a_token_that_was_granted_is_good() -> None:
    guard = guard_of(MemoryDirectory())
    made = a_token("made", frozenset({Scope.READ}))

    granted = await guard.grant(a_token("maker"), made)

    assert await guard.token("made") == granted == msgspec.structs.replace(made, made_by=access.digest("maker"))


async def test_a_token_without_the_manage_scope_creates_no_tokens() -> None:
    directory = MemoryDirectory()
    maker = a_token("maker", frozenset({Scope.READ, Scope.WRITE}))

    with pytest.raises(errors.PermissionDenied):
        await guard_of(directory).grant(maker, a_token("made", frozenset({Scope.READ})))

    assert await directory.tokens() == []


LIMITED = a_token("maker", frozenset({Scope.MANAGE, Scope.READ}), frozenset({"1"}), expires_at=NOW + 5)


@pytest.mark.parametrize(
    "made",
    [
        msgspec.structs.replace(LIMITED, account_id="rival"),
        msgspec.structs.replace(LIMITED, scopes=ALL_SCOPES),
        msgspec.structs.replace(LIMITED, phone_number_ids=frozenset({"1", "2"})),
        msgspec.structs.replace(LIMITED, phone_number_ids=None),
        msgspec.structs.replace(LIMITED, expires_at=NOW + 6),
        msgspec.structs.replace(LIMITED, expires_at=None),
    ],
)
async def test_a_token_creates_no_token_with_more_rights_or_a_later_expiry(made: AccessToken) -> None:
    directory = MemoryDirectory()

    with pytest.raises(errors.PermissionDenied, match=r"\(#10\)"):
        await guard_of(directory).grant(LIMITED, made)

    assert await directory.tokens() == []


async def test_a_token_that_exists_already_is_not_granted_again() -> None:
    directory = MemoryDirectory(tokens=[a_token("made", frozenset())])

    with pytest.raises(errors.InvalidParameter):
        await guard_of(directory).grant(a_token("maker"), a_token("made"))

    assert await directory.tokens() == [a_token("made", frozenset())]


async def test_a_token_lists_only_tokens_without_more_rights_oldest_first() -> None:
    asker = a_token("asker", phone_number_ids=frozenset({"1"}), created_at=NOW + 2)
    lesser = a_token("lesser", frozenset({Scope.READ}), frozenset({"1"}), created_at=NOW + 1)
    greater = a_token("greater")
    foreign = a_token("theirs", frozenset(), frozenset(), account_id="rival")
    directory = MemoryDirectory(tokens=[asker, lesser, greater, foreign])

    tokens = await guard_of(directory).tokens(asker)

    assert tokens == [lesser, asker]


async def test_a_token_without_the_manage_scope_lists_no_tokens() -> None:
    asker = a_token("asker", frozenset({Scope.READ, Scope.WRITE}))

    with pytest.raises(errors.PermissionDenied):
        await guard_of(MemoryDirectory(tokens=[asker])).tokens(asker)


async def test_a_revocation_is_known_to_its_own_process_at_once() -> None:
    asker, other = a_token("asker"), a_token("other")
    guard = guard_of(MemoryDirectory(tokens=[asker, other]))
    await guard.token("other")

    revoked = await guard.revoke(asker, other.token_id)

    assert revoked
    with pytest.raises(errors.InvalidAccessToken):
        await guard.token("other")


async def test_a_token_can_revoke_itself() -> None:
    asker = a_token("asker")
    guard = guard_of(MemoryDirectory(tokens=[asker]))

    assert await guard.revoke(asker, asker.token_id)
    with pytest.raises(errors.InvalidAccessToken):
        await guard.token("asker")


async def test_revoking_a_token_twice_is_reported() -> None:
    asker, other = a_token("asker"), a_token("other")
    guard = guard_of(MemoryDirectory(tokens=[asker, other]))
    await guard.revoke(asker, other.token_id)

    assert not await guard.revoke(asker, other.token_id)


@pytest.mark.parametrize("account_id", ["acme", "rival"])
async def test_a_token_with_more_rights_or_of_another_account_cannot_be_revoked(account_id: str) -> None:
    asker = a_token("asker", frozenset({Scope.MANAGE}))
    other = a_token("other", account_id=account_id)
    guard = guard_of(MemoryDirectory(tokens=[asker, other]))

    assert not await guard.revoke(asker, other.token_id)
    assert await guard.token("other") == other


def test_a_random_token_is_long_and_has_the_projects_prefix() -> None:
    made = {access.random_token() for _ in range(100)}

    assert len(made) == 100
    assert all(text.startswith("wablock_") and len(text) == 51 for text in made)


async def test_a_random_token_can_be_looked_up() -> None:
    text = access.random_token()
    guard = guard_of(MemoryDirectory(tokens=[a_token(text)]))

    assert await guard.token(text) == a_token(text)


def test_only_the_sha256_of_a_token_is_stored() -> None:
    token = a_token("secret")

    assert token.digest.hex() == "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    assert token.token_id == "2bb80d537b1d"


async def test_revoking_with_made_revokes_all_descendants() -> None:
    directory = MemoryDirectory(tokens=[a_token("root"), a_token("other")])
    guard = guard_of(directory)
    await guard.grant(a_token("root"), a_token("child"))
    await guard.grant(a_token("child"), a_token("grandchild"))
    await guard.grant(a_token("other"), a_token("cousin"))

    revoked = await guard.revoke_with_made(a_token("other"), a_token("root").token_id)

    assert {it.label for it in revoked} == {"root", "child", "grandchild"}
    good = {it.label for it in await directory.tokens() if it.revoked_at is None}
    assert good == {"other", "cousin"}


async def test_a_token_made_by_a_revoked_token_can_be_revoked_later() -> None:
    directory = MemoryDirectory(tokens=[a_token("root")])
    guard = guard_of(directory)
    await guard.grant(a_token("root"), a_token("child"))
    await guard.revoke(a_token("other"), a_token("root").token_id)

    await guard.revoke_with_made(a_token("other"), a_token("root").token_id)

    assert all(it.revoked_at is not None for it in await directory.tokens())


async def test_a_revoked_token_creates_no_tokens_while_it_is_cached() -> None:
    directory = MemoryDirectory(tokens=[a_token("root")])
    guard = guard_of(directory)
    remembered = await guard.token("root")
    await directory.revoke_token(access.digest("root"), NOW)

    with pytest.raises(errors.InvalidAccessToken):
        await guard.grant(remembered, a_token("child"))
