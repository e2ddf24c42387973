"""Access rights: tokens, scopes, and the numbers that a token may use."""

import msgspec
import pytest
from tests.memory_directory import MemoryDirectory

from wablock import access
from wablock.access import ALL_SCOPES, Access, AccessToken, Scope
from wablock.block_list.ports import BusinessNumber
from wablock.contract import errors

NOW = 1_737_679_688_383_584
HOUR = 3_600 * 1_000_000
OURS = BusinessNumber("106540352242922", "acme", "16505550100", "US")
OUR_OTHER = BusinessNumber("106540352242923", "acme")
THEIRS = BusinessNumber("106540352242924", "rival")


class Clocks:
    """The time of day and the time that only grows, both turned by a test."""

    def __init__(self) -> None:
        self.now = NOW
        self.monotonic = 100.0

    def turn(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000)
        self.monotonic += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def directory() -> MemoryDirectory:
    return MemoryDirectory(numbers=[OURS, OUR_OTHER, THEIRS])


@pytest.fixture
def guard(directory: MemoryDirectory, clocks: Clocks) -> Access:
    return Access(directory, lambda: clocks.now, lambda: clocks.monotonic)


def a_token(
    text: str = "secret",
    account_id: str = "acme",
    scopes: frozenset[Scope] = ALL_SCOPES,
    phone_number_ids: frozenset[str] | None = None,
    expires_at: int | None = None,
) -> AccessToken:
    return AccessToken(access.digest(text), account_id, "test", scopes, phone_number_ids, NOW, expires_at)


@pytest.mark.parametrize("text", [None, ""])
async def test_a_request_without_a_token_is_refused(guard: Access, text: str | None) -> None:
    with pytest.raises(errors.MissingAccessToken):
        await guard.token(text)


async def test_a_known_token_is_good(guard: Access, directory: MemoryDirectory) -> None:
    await directory.add_token(a_token("secret"))

    assert await guard.token("secret") == a_token("secret")


async def test_an_unknown_token_cannot_be_parsed(guard: Access) -> None:
    with pytest.raises(errors.InvalidAccessToken) as refused:
        await guard.token("secret")

    assert refused.value.message == "Invalid OAuth access token - Cannot parse access token"


@pytest.mark.parametrize(
    "text", ["x" * 1_025, "x" * 1_000_000, "s\u00e9cret", "\u0661", "sec\x00ret", "secret\n", "\ud800", "\U0001f512"]
)
async def test_a_text_that_cannot_be_a_token_is_refused_without_a_lookup(
    guard: Access, directory: MemoryDirectory, text: str
) -> None:
    with pytest.raises(errors.InvalidAccessToken):
        await guard.token(text)

    assert directory.lookups == 0


async def test_a_token_may_have_1024_characters(guard: Access, directory: MemoryDirectory) -> None:
    await directory.add_token(a_token("x" * 1_024))

    assert await guard.token("x" * 1_024) == a_token("x" * 1_024)


async def test_a_revoked_token_gets_the_error_of_an_unknown_one(guard: Access, directory: MemoryDirectory) -> None:
    await directory.add_token(a_token("secret"))
    await directory.revoke_token(access.digest("secret"), NOW)

    with pytest.raises(errors.InvalidAccessToken) as refused:
        await guard.token("secret")

    assert refused.value.subcode is None


async def test_the_error_of_an_expired_token_has_its_time_of_expiry(guard: Access, directory: MemoryDirectory) -> None:
    await directory.add_token(a_token("secret", expires_at=NOW - HOUR))

    with pytest.raises(errors.ExpiredAccessToken) as refused:
        await guard.token("secret")

    assert (refused.value.code, refused.value.subcode) == (190, 463)
    assert refused.value.message == (
        "Error validating access token: Session has expired on Thursday, 23-Jan-25 23:48:08 GMT. "
        "The current time is Friday, 24-Jan-25 00:48:08 GMT."
    )


async def test_an_expired_and_revoked_token_gets_the_error_of_an_unknown_one(
    guard: Access, directory: MemoryDirectory
) -> None:
    await directory.add_token(a_token("secret", expires_at=NOW - HOUR))
    await directory.revoke_token(access.digest("secret"), NOW)

    with pytest.raises(errors.InvalidAccessToken) as refused:
        await guard.token("secret")

    assert refused.value.subcode is None


async def test_a_cached_token_expires_at_its_time(guard: Access, directory: MemoryDirectory, clocks: Clocks) -> None:
    await directory.add_token(a_token("secret", expires_at=NOW + 1_000))
    await guard.token("secret")
    clocks.turn(0.001)

    with pytest.raises(errors.ExpiredAccessToken):
        await guard.token("secret")


async def test_a_token_is_looked_up_once_in_half_a_second(
    guard: Access, directory: MemoryDirectory, clocks: Clocks
) -> None:
    await directory.add_token(a_token("secret"))

    for _ in range(4):
        await guard.token("secret")
        clocks.turn(0.125)
    await guard.token("secret")

    assert directory.lookups == 2


async def test_a_revocation_by_another_process_is_known_after_half_a_second(
    guard: Access, directory: MemoryDirectory, clocks: Clocks
) -> None:
    await directory.add_token(a_token("secret"))
    await guard.token("secret")
    await directory.revoke_token(access.digest("secret"), NOW)
    clocks.turn(0.5)

    with pytest.raises(errors.InvalidAccessToken):
        await guard.token("secret")


async def test_an_unknown_token_is_good_as_soon_as_it_is_made(guard: Access, directory: MemoryDirectory) -> None:
    with pytest.raises(errors.InvalidAccessToken):
        await guard.token("secret")

    await directory.add_token(a_token("secret"))

    assert await guard.token("secret") == a_token("secret")


async def test_a_number_of_the_tokens_account_is_found(guard: Access) -> None:
    assert await guard.number(a_token(), OURS.phone_number_id, Scope.READ, "GET") == OURS


async def test_a_number_of_another_account_gets_the_error_of_an_unknown_one(guard: Access) -> None:
    with pytest.raises(errors.UnknownObject) as theirs:
        await guard.number(a_token(), THEIRS.phone_number_id, Scope.READ, "GET")
    with pytest.raises(errors.UnknownObject) as unknown:
        await guard.number(a_token(), "999999999999999", Scope.READ, "GET")

    assert vars(theirs.value) | {"message": ""} == vars(unknown.value) | {"message": ""}
    assert theirs.value.message.replace(THEIRS.phone_number_id, "X") == unknown.value.message.replace(
        "999999999999999", "X"
    )


async def test_a_number_of_another_account_is_unknown_also_without_the_scope(guard: Access) -> None:
    with pytest.raises(errors.UnknownObject):
        await guard.number(a_token(scopes=frozenset()), THEIRS.phone_number_id, Scope.WRITE, "POST")


async def test_a_restricted_token_finds_its_numbers_only(guard: Access) -> None:
    restricted = a_token(phone_number_ids=frozenset({OURS.phone_number_id, THEIRS.phone_number_id}))

    assert await guard.number(restricted, OURS.phone_number_id, Scope.READ, "GET") == OURS
    for number in (OUR_OTHER, THEIRS):
        with pytest.raises(errors.UnknownObject):
            await guard.number(restricted, number.phone_number_id, Scope.READ, "GET")


async def test_a_number_made_by_one_token_is_hidden_from_another(guard: Access) -> None:
    await guard.number(a_token(account_id="rival"), THEIRS.phone_number_id, Scope.READ, "GET")

    with pytest.raises(errors.UnknownObject):
        await guard.number(a_token(), THEIRS.phone_number_id, Scope.READ, "GET")


@pytest.mark.parametrize("scope", Scope)
async def test_a_token_without_the_scope_is_refused_and_the_scope_is_named(guard: Access, scope: Scope) -> None:
    lacking = a_token(scopes=ALL_SCOPES - {scope})

    with pytest.raises(errors.PermissionDenied) as refused:
        await guard.number(lacking, OURS.phone_number_id, scope, "GET")

    assert refused.value.message == "(#10) Application does not have permission for this action"
    assert f"the scope {scope}" in (refused.value.details or "")


@pytest.mark.parametrize("object_id", ["", "me", "1" * 33, "\u0661\u0662", "-1", "1.0", "1\x00", "' OR 1=1"])
async def test_an_invalid_phone_number_id_is_unknown_without_a_lookup(
    guard: Access, directory: MemoryDirectory, object_id: str
) -> None:
    with pytest.raises(errors.UnknownObject):
        await guard.number(a_token(), object_id, Scope.READ, "GET")

    assert directory.lookups == 0


async def test_the_refusal_of_an_unknown_number_names_the_method_and_the_id(guard: Access) -> None:
    with pytest.raises(errors.UnknownObject) as refused:
        await guard.number(a_token(), "1", Scope.READ, "DELETE")

    assert refused.value.message.startswith("Unsupported delete request. Object with ID '1' does not exist")


async def test_a_number_that_was_removed_is_unknown_after_half_a_second(
    guard: Access, directory: MemoryDirectory, clocks: Clocks
) -> None:
    await guard.number(a_token(), OURS.phone_number_id, Scope.READ, "GET")
    await directory.remove_number(OURS.phone_number_id)

    clocks.turn(0.4)
    remembered = await guard.number(a_token(), OURS.phone_number_id, Scope.READ, "GET")
    clocks.turn(0.1)

    assert remembered == OURS
    with pytest.raises(errors.UnknownObject):
        await guard.number(a_token(), OURS.phone_number_id, Scope.READ, "GET")


async def test_a_dev_server_creates_unknown_numbers_for_its_account(directory: MemoryDirectory, clocks: Clocks) -> None:
    guard = Access(directory, lambda: clocks.now, lambda: clocks.monotonic, account_of_new_numbers="acme")

    assert await guard.number(a_token(), "5", Scope.WRITE, "POST") == BusinessNumber("5", "acme")
    assert await guard.number(a_token(), OURS.phone_number_id, Scope.WRITE, "POST") == OURS


@pytest.mark.parametrize("object_id", [THEIRS.phone_number_id, "me", ""])
async def test_a_dev_server_creates_no_number_of_another_account_and_no_invalid_number(
    directory: MemoryDirectory, clocks: Clocks, object_id: str
) -> None:
    guard = Access(directory, lambda: clocks.now, lambda: clocks.monotonic, account_of_new_numbers="acme")

    with pytest.raises(errors.UnknownObject):
        await guard.number(a_token(), object_id, Scope.WRITE, "POST")


async def test_a_dev_server_remembers_only_so_many_numbers(directory: MemoryDirectory, clocks: Clocks) -> None:
    guard = Access(directory, lambda: clocks.now, lambda: clocks.monotonic, account_of_new_numbers="acme")

    for phone_number_id in range(10_001):
        await guard.number(a_token(), str(phone_number_id), Scope.READ, "GET")
    await guard.number(a_token(), "0", Scope.READ, "GET")

    assert directory.lookups == 10_002


async def test_a_display_number_is_learned_once_and_the_next_request_sees_it(
    guard: Access, directory: MemoryDirectory
) -> None:
    number = await guard.find_number(OUR_OTHER.phone_number_id)
    assert number is not None

    await guard.learn_display_number(number, "15550783881", "US")
    learned = await guard.find_number(OUR_OTHER.phone_number_id)
    assert learned is not None
    await guard.learn_display_number(learned, "15550783881", "US")

    assert (learned.wa_id, learned.country) == ("15550783881", "US")
    assert await directory.find_number(OUR_OTHER.phone_number_id) == learned
    assert directory.completed == 1


async def test_a_webhook_without_news_writes_nothing(guard: Access, directory: MemoryDirectory) -> None:
    of_no_country = msgspec.structs.replace(OUR_OTHER, wa_id="88213000000")

    await guard.learn_display_number(OURS, "15550783881", "US")
    await guard.learn_display_number(of_no_country, "88213000000", None)

    assert directory.completed == 0


async def test_a_number_that_was_removed_meanwhile_is_not_remembered(guard: Access, directory: MemoryDirectory) -> None:
    await directory.remove_number(OUR_OTHER.phone_number_id)

    await guard.learn_display_number(OUR_OTHER, "15550783881", "US")

    assert await guard.find_number(OUR_OTHER.phone_number_id) is None
