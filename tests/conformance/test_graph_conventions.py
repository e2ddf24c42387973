"""The conventions of all Graph clients: the places and styles of parameters and the token."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest
from tests.conformance.caller import Caller, calling, users_body
from tests.conformance.raw import exchange, request
from tests.running_server import TOKEN, running_server

from wablock.settings import AnswerSettings

USER = "+16505551234"
USERS_TEXT = json.dumps([{"user": USER}])
DONE = [{"input": USER, "wa_id": "16505551234"}]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def bare(caller: Caller) -> Caller:
    """The same caller without an Authorization header."""
    del caller.http.headers["Authorization"]
    return caller


def added(answer: httpx2.Response) -> Any:
    return answer.json()["block_users"]["added_users"]


# -- the token


def test_the_token_may_be_in_the_query(bare: Caller) -> None:
    answer = bare.send("POST", users_body([USER]), params={"access_token": TOKEN})

    assert added(answer) == DONE


@pytest.mark.parametrize("files", [None, {}])
def test_the_token_may_be_in_a_form(bare: Caller, files: Any) -> None:
    fields = {"access_token": TOKEN, "messaging_product": "whatsapp", "block_users": USERS_TEXT}

    answer = bare.send("POST", data=fields, files=files)

    assert added(answer) == DONE


def test_the_token_may_be_a_member_of_the_json(bare: Caller) -> None:
    answer = bare.send("POST", users_body([USER]) | {"access_token": TOKEN})

    assert added(answer) == DONE


@pytest.mark.parametrize("in_query", [TOKEN, "wrong"])
@pytest.mark.parametrize("in_header, status", [(TOKEN, 200), ("wrong", 401)])
def test_the_header_overrides_a_token_in_the_query(caller: Caller, in_query: str, in_header: str, status: int) -> None:
    answer = caller.send("GET", params={"access_token": in_query}, headers={"Authorization": f"Bearer {in_header}"})

    assert answer.status_code == status


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "OAuth"])
def test_the_scheme_is_bearer_or_oauth_in_any_letters(caller: Caller, scheme: str) -> None:
    answer = caller.send("GET", headers={"Authorization": f"{scheme} {TOKEN}"})

    assert answer.status_code == 200


def test_a_cookie_is_no_token(bare: Caller) -> None:
    answer = bare.send("GET", headers={"Cookie": f"access_token={TOKEN}"})

    assert answer.json()["error"]["code"] == 104


def test_tokens_in_parameters_can_be_switched_off(tmp_path: Path) -> None:
    answers = AnswerSettings(token_in_parameters=False)
    with running_server(tmp_path, answers=answers) as server, calling(server) as caller:
        del caller.http.headers["Authorization"]

        in_query = caller.get(access_token=TOKEN)
        in_form = caller.send("POST", data={"access_token": TOKEN, "messaging_product": "whatsapp"})

    assert [answer.json()["error"]["code"] for answer in (in_query, in_form)] == [104, 104]


# -- the parameters


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/json; charset=utf-8", FORM, "", "Application/JSON"]
)
def test_json_is_read_without_a_content_type_and_under_curls_default(caller: Caller, content_type: str | None) -> None:
    headers = () if content_type is None else (f"Content-Type: {content_type}",)
    body = json.dumps(users_body([USER])).encode()

    answer = exchange(caller.server, request(caller.server, "POST", caller.path, *headers, body=body))

    assert json.loads(answer.body)["block_users"]["added_users"] == DONE


def test_a_form_has_the_users_as_json_text(caller: Caller) -> None:
    answer = caller.send("POST", data={"messaging_product": "whatsapp", "block_users": USERS_TEXT})

    assert added(answer) == DONE


def test_multipart_has_the_users_as_json_text(caller: Caller) -> None:
    fields = {"messaging_product": (None, "whatsapp"), "block_users": (None, USERS_TEXT)}

    answer = caller.send("POST", files=fields)

    assert added(answer) == DONE


@pytest.mark.parametrize("method, key", [("POST", "added_users"), ("DELETE", "removed_users")])
def test_every_parameter_may_be_in_the_query(caller: Caller, method: str, key: str) -> None:
    query = {"messaging_product": "whatsapp", "block_users": USERS_TEXT, "access_token": TOKEN}
    del caller.http.headers["Authorization"]

    answer = caller.send(method, params=query)

    assert answer.json() == {"block_users": {key: DONE}, "messaging_product": "whatsapp"}


@pytest.mark.parametrize("empty", [b"{}", b"", b" {} "])
def test_an_empty_body_does_not_override_the_query(caller: Caller, empty: bytes) -> None:
    query = {"messaging_product": "whatsapp", "block_users": USERS_TEXT}

    answer = caller.send("DELETE", params=query, content=empty)

    assert answer.json()["block_users"]["removed_users"] == DONE


def test_the_body_overrides_the_query(caller: Caller) -> None:
    query = {"messaging_product": "telegram", "block_users": '[{"user":"+14155559876"}]'}

    answer = caller.send("POST", users_body([USER]), params=query)

    assert added(answer) == DONE


@pytest.mark.parametrize("where", ["data", "params"])
def test_users_may_be_written_with_brackets(caller: Caller, where: str) -> None:
    fields = {
        "messaging_product": "whatsapp",
        "block_users[1][user]": "+14155559876",
        "block_users[0][user]": USER,
    }

    answer = caller.send("POST", **{where: fields})

    assert [user["input"] for user in added(answer)] == [USER, "+14155559876"]


def test_brackets_without_an_index_append(caller: Caller) -> None:
    body = urlencode(
        [("messaging_product", "whatsapp"), ("block_users[][user]", USER), ("block_users[][user]", "+14155559876")]
    )

    answer = caller.send("POST", content=body, headers={"Content-Type": FORM})

    assert [user["input"] for user in added(answer)] == [USER, "+14155559876"]


@pytest.mark.parametrize("method", ["delete", "DELETE", "Delete"])
def test_a_post_may_name_another_method(caller: Caller, method: str) -> None:
    caller.block(USER)

    answer = caller.send("POST", users_body([USER]), params={"method": method})

    assert answer.json()["block_users"] == {"removed_users": DONE}
    assert caller.listed() == []


def test_a_post_may_read_the_list(caller: Caller) -> None:
    caller.block(USER)

    answer = caller.send("POST", data={"method": "get", "limit": "1"})

    assert [item["wa_id"] for item in answer.json()["data"]] == ["16505551234"]


def test_a_named_method_that_does_not_exist_is_refused(caller: Caller) -> None:
    answer = caller.send("POST", users_body([USER]), params={"method": "patch"})

    assert answer.json()["error"]["message"] == "Unsupported request - method type: patch"


def test_the_last_of_a_repeated_parameter_counts(caller: Caller) -> None:
    twice = f"messaging_product=telegram&messaging_product=whatsapp&block_users={quote(USERS_TEXT)}"

    answer = caller.send("POST", content=twice, headers={"Content-Type": FORM})

    assert added(answer) == DONE


def test_an_unknown_parameter_is_ignored(caller: Caller) -> None:
    answer = caller.send("POST", users_body([USER]) | {"status": "block"}, params={"appsecret_proof": "f00"})

    assert added(answer) == DONE


def test_a_trailing_slash_is_ignored(caller: Caller) -> None:
    answer = caller.send("GET", path=caller.path + "/")

    assert answer.json() == {"data": []}


@pytest.mark.parametrize("content_type", [None, "application/json", FORM, "multipart/form-data"])
def test_a_get_may_have_an_empty_object_as_its_body(caller: Caller, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}

    answer = caller.send("GET", content=b"{}", headers=headers)

    assert answer.json() == {"data": []}


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "json", "application/octet-stream"])
def test_another_media_type_is_refused_and_changes_nothing(caller: Caller, content_type: str) -> None:
    answer = caller.send("POST", content=json.dumps(users_body([USER])), headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert caller.listed() == []
