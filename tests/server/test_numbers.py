"""`/v1/numbers`: the numbers of an account, for its tokens."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, PHONE_NUMBER_ID, RunningServer, running_server
from tests.waiting import wait_until

from wablock import account_numbers
from wablock.access import ALL_SCOPES, AccessToken, Scope, digest
from wablock.block_list.ports import BusinessNumber, Rules
from wablock.gate.account_store import SealedBusinessAccount
from wablock.server.metrics import Metrics
from wablock.storage import open_store

SECOND, FOREIGN, UNKNOWN = "106540352242923", "777", "106540352242999"
NOON: Final = 1_760_000_400_000_000
NUMBERS: Final = (
    BusinessNumber(PHONE_NUMBER_ID, ACCOUNT_ID, "16505550100", "US", Rules.META, "Sales", "102290129340500"),
    BusinessNumber(SECOND, ACCOUNT_ID),
    BusinessNumber(FOREIGN, "other", name="Theirs"),
)
TOKENS: Final = [
    AccessToken(digest("limited"), ACCOUNT_ID, "limited", ALL_SCOPES, frozenset({PHONE_NUMBER_ID}), 0),
    AccessToken(digest("stranger"), "other", "stranger", ALL_SCOPES, None, 0),
    *(AccessToken(digest(scope), ACCOUNT_ID, scope, frozenset({scope}), None, 0) for scope in Scope),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, numbers=NUMBERS, tokens=TOKENS, clock=lambda: NOON) as running:
        yield running


def call(server: RunningServer, method: str, path: str = "", token: str = "", **body: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token or server.token}"}
    return httpx2.request(method, f"{server.url}/v1/numbers{path}", headers=headers, json=body or None)


def error_of(answer: httpx2.Response) -> tuple[int, int, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def ids_of(server: RunningServer, token: str = "") -> list[str]:
    return [number["phone_number_id"] for number in call(server, "GET", token=token).json()["data"]]


THEIR_WABA = "102290129340777"


async def _add_business_account(path: Path, waba_id: str) -> None:
    store = open_store(f"sqlite:///{path}", Metrics())
    assert await store.set_business_account(SealedBusinessAccount(waba_id, "other"), NOON)
    await store.close()


def test_a_business_account_of_another_account_is_refused(server: RunningServer, tmp_path: Path) -> None:
    asyncio.run(_add_business_account(tmp_path / "wablock.db", THEIR_WABA))

    added = call(server, "POST", phone_number_id="106540352242950", waba_id=THEIR_WABA)
    changed = call(server, "PATCH", f"/{SECOND}", waba_id=THEIR_WABA)

    refusal = (400, 100, "(#100) Param waba_id is a WhatsApp Business Account of another account.")
    assert error_of(added) == error_of(changed) == refusal
    assert call(server, "GET", "/106540352242950").status_code == 400


def test_an_account_with_the_id_of_anothers_business_account_gets_no_number(tmp_path: Path) -> None:
    token = AccessToken(digest("sixth"), THEIR_WABA, "sixth", ALL_SCOPES, None, 0)
    with running_server(tmp_path, tokens=[token]) as server:
        asyncio.run(_add_business_account(tmp_path / "wablock.db", THEIR_WABA))

        added = call(server, "POST", token="sixth", phone_number_id="106540352242950")

    assert error_of(added)[2] == "(#100) The id of the account is a WhatsApp Business Account of another account."


def test_a_number_is_shown_with_all_that_is_known(server: RunningServer) -> None:
    shown = call(server, "GET", f"/{PHONE_NUMBER_ID}")

    assert shown.status_code == 200
    assert shown.json() == {
        "phone_number_id": PHONE_NUMBER_ID,
        "name": "Sales",
        "wa_id": "16505550100",
        "country": "US",
        "rules": "meta",
        "waba_id": "102290129340500",
        "created_at": NOON // 1_000_000,
    }
    assert call(server, "GET", f"/{SECOND}").json() == {"phone_number_id": SECOND, "created_at": NOON // 1_000_000}


def test_a_list_has_the_numbers_of_the_account_that_the_token_covers(server: RunningServer) -> None:
    assert ids_of(server) == [PHONE_NUMBER_ID, SECOND]
    assert ids_of(server, "limited") == [PHONE_NUMBER_ID]
    assert ids_of(server, "stranger") == [FOREIGN]


_NO_SCOPE: Final = (403, 10)
_NO_OBJECT: Final = (400, 100)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(
    "method, path, needed, body",
    [
        ("GET", "", Scope.READ, {}),
        ("POST", "", Scope.MANAGE, {"phone_number_id": UNKNOWN}),
        ("GET", f"/{PHONE_NUMBER_ID}", Scope.READ, {}),
        ("PATCH", f"/{PHONE_NUMBER_ID}", Scope.MANAGE, {"name": "New"}),
    ],
)
def test_each_operation_needs_its_scope(
    server: RunningServer, method: str, path: str, needed: Scope, body: dict[str, Any], scope: Scope
) -> None:
    answer = call(server, method, path, token=scope, **body)

    if scope is needed:
        assert answer.status_code in (200, 201)
    else:
        assert error_of(answer)[:2] == _NO_SCOPE
        assert f"lacks the scope {needed}" in answer.json()["error"]["error_data"]["details"]


@pytest.mark.parametrize("method, body", [("GET", {}), ("PATCH", {"name": "New"})])
@pytest.mark.parametrize(
    "token, number", [("", FOREIGN), ("", UNKNOWN), ("limited", SECOND), ("stranger", PHONE_NUMBER_ID)]
)
def test_a_number_that_the_token_does_not_cover_is_as_one_that_does_not_exist(
    server: RunningServer, method: str, body: dict[str, Any], token: str, number: str
) -> None:
    status, code, message = error_of(call(server, method, f"/{number}", token=token, **body))

    assert (status, code) == _NO_OBJECT
    assert message.startswith(f"Unsupported {method.lower()} request. Object with ID '{number}' does not exist")


@pytest.mark.parametrize("path", ["", f"/{PHONE_NUMBER_ID}"])
def test_a_request_without_a_token_is_refused(server: RunningServer, path: str) -> None:
    assert httpx2.get(f"{server.url}/v1/numbers{path}").json()["error"]["code"] == 104


def test_an_added_number_can_be_used_immediately(server: RunningServer) -> None:
    members = {"name": " Support ", "display_number": "+1 650 555 0199", "rules": "open", "waba_id": "9"}
    before = call(server, "GET", f"/{UNKNOWN}").status_code

    added = call(server, "POST", phone_number_id=UNKNOWN, **members)

    expected = {
        "phone_number_id": UNKNOWN,
        "name": "Support",
        "wa_id": "16505550199",
        "country": "US",
        "rules": "open",
        "waba_id": "9",
        "created_at": NOON // 1_000_000,
    }
    assert (before, added.status_code, added.json()) == (400, 201, expected)
    assert call(server, "GET", f"/{UNKNOWN}").json() == expected
    headers = {"authorization": f"Bearer {server.token}"}
    assert httpx2.get(f"{server.url}/v25.0/{UNKNOWN}/block_users", headers=headers).json() == {"data": []}


def test_an_added_number_belongs_to_the_tokens_account(server: RunningServer) -> None:
    assert call(server, "POST", phone_number_id=UNKNOWN, token="stranger").status_code == 201

    assert UNKNOWN not in ids_of(server)
    assert ids_of(server, "stranger") == [UNKNOWN, FOREIGN]


def test_a_token_for_some_numbers_adds_none(server: RunningServer) -> None:
    answer = call(server, "POST", token="limited", phone_number_id=UNKNOWN)

    assert error_of(answer)[:2] == _NO_SCOPE
    assert "for some numbers only" in answer.json()["error"]["error_data"]["details"]
    assert UNKNOWN not in ids_of(server)


def test_a_number_of_another_account_is_refused_like_one_of_the_own_account(server: RunningServer) -> None:
    own, foreign = (call(server, "POST", phone_number_id=number) for number in (SECOND, FOREIGN))

    assert error_of(own) == (400, 100, f"(#100) The number {SECOND} is registered already.")
    assert error_of(foreign) == (400, 100, f"(#100) The number {FOREIGN} is registered already.")
    assert own.json()["error"]["error_data"] == foreign.json()["error"]["error_data"]
    assert "other" not in foreign.text
    assert "Theirs" not in foreign.text


@pytest.mark.parametrize("method, path", [("POST", ""), ("PATCH", f"/{SECOND}")])
def test_a_name_that_another_number_of_the_account_has_is_refused(
    server: RunningServer, method: str, path: str
) -> None:
    more = {"phone_number_id": UNKNOWN} if method == "POST" else {}

    answer = call(server, method, path, name="SALES", **more)

    assert error_of(answer) == (400, 100, "(#100) Another number of the account has the name 'SALES'.")
    assert ids_of(server) == [PHONE_NUMBER_ID, SECOND]


def test_a_name_of_another_account_is_free(server: RunningServer) -> None:
    assert call(server, "PATCH", f"/{SECOND}", name="Theirs").json()["name"] == "Theirs"


def test_a_change_changes_only_what_it_names(server: RunningServer) -> None:
    before = call(server, "GET", f"/{PHONE_NUMBER_ID}").json()

    changed = call(server, "PATCH", f"/{PHONE_NUMBER_ID}", name="Shop")

    assert changed.status_code == 200
    assert changed.json() == before | {"name": "Shop"}
    assert call(server, "GET", f"/{PHONE_NUMBER_ID}").json() == changed.json()


def test_null_removes_a_value(server: RunningServer) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("name", "display_number", "country", "rules", "waba_id"))

    changed = call(server, "PATCH", f"/{PHONE_NUMBER_ID}", **nothing)

    assert changed.json() == {"phone_number_id": PHONE_NUMBER_ID, "created_at": NOON // 1_000_000}


def test_a_change_without_members_changes_nothing(server: RunningServer) -> None:
    before = call(server, "GET", f"/{PHONE_NUMBER_ID}").json()
    headers = {"authorization": f"Bearer {server.token}"}

    changed = httpx2.patch(f"{server.url}/v1/numbers/{PHONE_NUMBER_ID}", headers=headers, content=b"{}")

    assert (changed.status_code, changed.json()) == (200, before)


def test_a_change_without_a_body_is_refused(server: RunningServer) -> None:
    assert error_of(call(server, "PATCH", f"/{PHONE_NUMBER_ID}")) == (400, 100, "(#100) The request has no body.")


def test_every_value_can_be_changed(server: RunningServer) -> None:
    members = {"name": "London", "country": "gb", "rules": "open", "waba_id": "9"}

    changed = call(server, "PATCH", f"/{PHONE_NUMBER_ID}", display_number="+442071838750", **members)

    assert changed.json().items() >= (members | {"country": "GB", "wa_id": "442071838750"}).items()


def test_changed_rules_apply_immediately(server: RunningServer) -> None:
    headers = {"authorization": f"Bearer {server.token}"}
    body = {"messaging_product": "whatsapp", "block_users": [{"user": "+16505551234"}]}
    before = httpx2.post(server.url + server.block_users, headers=headers, json=body)

    call(server, "PATCH", f"/{PHONE_NUMBER_ID}", rules="open")

    after = httpx2.post(server.url + server.block_users, headers=headers, json=body)
    assert "failed_users" in before.json()["block_users"]
    assert "added_users" in after.json()["block_users"]


@pytest.mark.parametrize(
    "members, message",
    [
        (
            {"name": ""},
            'Param name must have 1 to 64 printable characters, and not only digits, as an id has - got "".',
        ),
        ({"name": "1065"}, 'not only digits, as an id has - got "1065".'),
        ({"name": "x" * 65}, "Param name must have 1 to 64"),
        ({"name": "a\nb"}, "printable"),
        ({"name": 7}, "Param name must be"),
        ({"display_number": "call me"}, 'such as +16505550100 - got "call me".'),
        ({"country": "ZZ"}, 'Param country must be two letters of a country, such as US - got "ZZ".'),
        ({"rules": "metas"}, "Param rules must be one of"),
        ({"waba_id": "my waba"}, 'Param waba_id must be up to 32 digits, as Graph writes ids - got "my waba".'),
        ({"title": "x"}, "title"),
    ],
)
@pytest.mark.parametrize("method, path", [("POST", ""), ("PATCH", f"/{PHONE_NUMBER_ID}")])
def test_a_bad_value_is_named_and_nothing_changes(
    server: RunningServer, method: str, path: str, members: dict[str, Any], message: str
) -> None:
    before = call(server, "GET").json()
    more = {"phone_number_id": UNKNOWN} if method == "POST" else {}

    answer = call(server, method, path, **more, **members)

    assert error_of(answer)[:2] == (400, 100)
    assert message in error_of(answer)[2]
    assert call(server, "GET").json() == before


@pytest.mark.parametrize("phone_number_id", ["", "+16505550100", "1" * 33, "sales", "\u0663"])
def test_an_id_that_is_none_is_refused(server: RunningServer, phone_number_id: str) -> None:
    answer = call(server, "POST", phone_number_id=phone_number_id)

    assert error_of(answer)[:2] == (400, 100)
    assert "Param phone_number_id must be up to 32 digits" in error_of(answer)[2]


def test_a_number_without_an_id_is_refused(server: RunningServer) -> None:
    assert "phone_number_id" in error_of(call(server, "POST", name="x"))[2]


def test_an_account_has_a_limited_number_of_numbers(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_numbers, "MOST_NUMBERS", 2)

    answer = call(server, "POST", phone_number_id=UNKNOWN)

    assert error_of(answer) == (400, 100, "(#100) The account has 2 numbers already.")


def test_a_number_that_is_removed_meanwhile_does_not_change(server: RunningServer) -> None:
    call(server, "GET", f"/{SECOND}")  # the server knows it for half a second
    asyncio.run(server.wired.store.remove_number(SECOND))

    wait_until(lambda: call(server, "PATCH", f"/{SECOND}", name="x").status_code == 400, "the number is still known")

    assert ids_of(server) == [PHONE_NUMBER_ID]


def test_a_number_is_not_removed_over_http(server: RunningServer) -> None:
    assert error_of(call(server, "DELETE", f"/{SECOND}"))[2] == "Unsupported request - method type: delete"

    assert SECOND in ids_of(server)
