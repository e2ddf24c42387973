"""Every example request of Meta's reference page, as curl sends it, gets the page's answer byte for byte."""

import pytest
from tests.conformance.caller import Caller
from tests.conformance.raw import exchange

USER = "+16505551234"
BODY = b'{"block_users":[{"user":"+16505551234"}],"messaging_product":"whatsapp"}'
# As the page prints it.
PRINTED = b"""{
  "block_users": [
    {
      "user": "+16505551234"
    }
  ],
  "messaging_product": "whatsapp"
}"""
FORM = b"block_users=%5B%7B%22user%22%3A%22%2B16505551234%22%7D%5D&messaging_product=whatsapp"
MULTIPART = (
    b'--limit\r\nContent-Disposition: form-data; name="block_users"\r\n\r\n[{"user":"+16505551234"}]\r\n'
    b'--limit\r\nContent-Disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp\r\n--limit--\r\n'
)
BODIES = {
    "application/json": BODY,
    "application/x-www-form-urlencoded": FORM,
    "multipart/form-data; boundary=limit": MULTIPART,
}

BLOCKED = (
    b'{"block_users":{"added_users":[{"input":"+16505551234","wa_id":"16505551234"}]},"messaging_product":"whatsapp"}'
)
UNBLOCKED = BLOCKED.replace(b"added_users", b"removed_users")
LISTED = (
    b'{"data":[{"messaging_product":"whatsapp","wa_id":"16505551234"}],"paging":{"cursors":{'
    b'"after":"eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD",'
    b'"before":"eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD"}}}'
)

versions = pytest.mark.parametrize("version", ["/v23.0", "/v24.0", "/v25.0", ""])
media_types = pytest.mark.parametrize("content_type", BODIES)


def as_curl_sends(caller: Caller, method: str, version: str, content_type: str, body: bytes) -> bytes:
    """The bytes that curl 8 sends for one of the page's commands."""
    head = (
        f"{method} {version}/{caller.phone_number_id}/block_users HTTP/1.1\r\n"
        f"Host: {caller.server.host}:{caller.server.port}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"
        f"Authorization: Bearer {caller.server.token}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@versions
@media_types
def test_the_pages_post_gets_the_pages_answer(caller: Caller, version: str, content_type: str) -> None:
    data = as_curl_sends(caller, "POST", version, content_type, BODIES[content_type])

    answer = exchange(caller.server, data)

    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/json", BLOCKED)


@versions
@media_types
def test_the_pages_delete_gets_the_pages_answer(caller: Caller, version: str, content_type: str) -> None:
    caller.block(USER)

    answer = exchange(caller.server, as_curl_sends(caller, "DELETE", version, content_type, BODIES[content_type]))

    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/json", UNBLOCKED)
    assert caller.get().content == b'{"data":[]}'


@versions
@media_types
def test_the_pages_get_gets_the_pages_answer_cursors_included(caller: Caller, version: str, content_type: str) -> None:
    caller.block(USER)

    answer = exchange(caller.server, as_curl_sends(caller, "GET", version, content_type, b"{}"))

    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/json", LISTED)


@pytest.mark.parametrize("method, expected", [("POST", BLOCKED), ("DELETE", UNBLOCKED)])
def test_a_body_printed_over_many_lines_means_the_same(caller: Caller, method: str, expected: bytes) -> None:
    data = as_curl_sends(caller, method, "/v25.0", "application/json", PRINTED)

    answer = exchange(caller.server, data)

    assert answer.body == expected


def test_the_pages_cursor_is_accepted(caller: Caller) -> None:
    caller.block(USER)
    cursor = "eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD"

    answer = caller.get(after=cursor)

    assert (answer.status_code, answer.content) == (200, b'{"data":[]}')
