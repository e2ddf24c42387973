"""Hostile and broken requests: the answer is that of the table, nothing changes, and the server continues."""

import gzip
import json
from collections.abc import Iterator

import pytest
from tests.conformance.caller import Caller, users_body
from tests.conformance.raw import exchange, request

USER = "+16505551234"
BODY = json.dumps(users_body([USER])).encode()
FILE = b'--x\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n1\r\n--x--\r\n'
START = b'{"messaging_product":"whatsapp","block_users":'


@pytest.fixture
def unharmed(caller: Caller) -> Iterator[Caller]:
    """A caller whose list is empty at the end, while the server answers."""
    yield caller
    assert caller.get().content == b'{"data":[]}'


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_ten_megabytes_get_413(unharmed: Caller, method: str) -> None:
    answer = unharmed.send(method, content=b" " * 10_000_000)

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, 100)


def test_ten_megabytes_in_chunks_of_unknown_number_get_413(unharmed: Caller) -> None:
    chunk = b"20000\r\n" + b" " * 0x20000 + b"\r\n"
    head = request(unharmed.server, "POST", unharmed.path, "Transfer-Encoding: chunked")

    answer = exchange(unharmed.server, head + chunk * 9)

    assert (answer.status, answer.error["message"]) == (413, "(#100) Request body too large")


@pytest.mark.parametrize(
    "body, message",
    [
        (b"[" * 100_000 + b"]" * 100_000, "(#100) The parameter messaging_product is required."),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "(#100) The parameter messaging_product is required."),
        (START + b"[" * 100_000 + b"]" * 100_000 + b"}", "(#100) The parameter messaging_product is required."),
        (b"\xff\xfe" + BODY, "(#100) The parameter messaging_product is required."),
        (START + b'[{"user":"+1650555\xff"}]}', "(#100) The parameter messaging_product is required."),
        (START + b'[{"user":"\\ud800"}]}', "(#100) The parameter messaging_product is required."),
        (gzip.compress(BODY, mtime=0), "(#100) The parameter messaging_product is required."),
        (BODY + BODY, "(#100) The parameter messaging_product is required."),
        (START + b'[{"user":16505551234}]}', "(#100) Param block_users[0][user] must be a string."),
        (START + b"[NaN]}", "(#100) The parameter messaging_product is required."),
        (START + b"1e400}", "(#100) The parameter messaging_product is required."),
    ],
)
@pytest.mark.parametrize("query", ["", "?limit=5"])
def test_a_body_of_another_shape_is_refused(unharmed: Caller, body: bytes, message: str, query: str) -> None:
    answer = unharmed.send(
        "POST", path=unharmed.path + query, content=body, headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def test_a_compressed_body_is_not_read(unharmed: Caller) -> None:
    answer = unharmed.send("POST", content=gzip.compress(BODY, mtime=0), headers={"Content-Encoding": "gzip"})

    assert answer.json()["error"]["message"] == "(#100) The parameter messaging_product is required."


@pytest.mark.parametrize(
    "user", ["\x00", "+1650\x005551234", "\x1b[2J+16505551234", "+1650555123\u2074", "a" * 100_000, "💥"]
)
def test_a_user_with_strange_characters_fails(unharmed: Caller, user: str) -> None:
    answer = unharmed.block(user)

    failed = answer.json()["block_users"]["failed_users"]
    assert [(item["input"], item["errors"][0]["code"]) for item in failed] == [(user, 131047)]


def test_the_last_of_two_equal_keys_counts(caller: Caller) -> None:
    answer = caller.send("POST", content=b'{"messaging_product":"telegram",' + BODY[1:])

    assert answer.status_code == 200
    assert caller.listed() == ["16505551234"]


@pytest.mark.parametrize(
    "content_type, body",
    [
        ("application/x-www-form-urlencoded", b"&" * 200_000),
        ("application/x-www-form-urlencoded", b"a=1&" * 20_000),
        ("application/x-www-form-urlencoded", b"messaging_product=whatsapp&block_users=%FF%00"),
        ("application/x-www-form-urlencoded", b"messaging_product=whatsapp&block_users=[[[["),
        ("application/x-www-form-urlencoded", b"messaging_product=whatsapp&block_users=" + b"[" * 100_000),
        ("application/x-www-form-urlencoded", b"messaging_product=whatsapp&block_users[9999999][user]=1"),
        ("application/x-www-form-urlencoded", b"messaging_product=whatsapp&block_users[0][user][x]=1"),
        ("multipart/form-data", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b"no boundary here"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "x" * 5_000, b"--x"),
        (
            "multipart/form-data; boundary=x; charset=nonsense",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=x", FILE),
    ],
)
def test_a_broken_form_is_refused(unharmed: Caller, content_type: str, body: bytes) -> None:
    answer = unharmed.send("POST", content=body, headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize(
    "lines",
    [
        [f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"],
        [f"Content-Length: {len(BODY)}", f"Content-Length: {len(BODY)}"],
        [f"Content-Length: {len(BODY)}", "Content-Length: 5"],
        [f"Content-Length: {len(BODY)}", "X-Folded: one\r\n two"],
        [f"Content-Length: +{len(BODY)}"],
        [f"Content-Length: {len(BODY)}", "Bad Name: x"],
        [f"Content-Length: {len(BODY)}", "Nul: \x00"],
        ["Transfer-Encoding: gzip, chunked, identity"],
        ["Content-Length: 18446744073709551617"],
    ],
)
def test_a_head_that_two_readers_could_read_differently_changes_nothing(unharmed: Caller, lines: list[str]) -> None:
    answer = exchange(unharmed.server, request(unharmed.server, "POST", unharmed.path, *lines, body=BODY, sized=False))

    assert (answer.status, answer.error["code"]) in {(400, 100), (413, 100)}
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("second", ["Bearer wrong", "Bearer wablock-test-token"])
def test_two_authorization_headers_are_refused(unharmed: Caller, second: str) -> None:
    data = request(unharmed.server, "POST", unharmed.path, f"Authorization: {second}", body=BODY)

    answer = exchange(unharmed.server, data)

    assert (answer.status, answer.error["code"]) == (401, 190)


@pytest.mark.parametrize(
    "target",
    [
        "/v25.0/a%0d%0aSet-Cookie:%20x=y/block_users",
        "/v25.0/%0d%0aX-Evil:%20y/foo",
        "/%0d%0aSet-Cookie:%20x=y",
        "/v25.0/1/block_users?fields=%0d%0aSet-Cookie:%20x=y",
        "/v25.0/1/block_users?method=%0d%0aSet-Cookie:%20x=y",
        "/v25.0/1/block_users?messaging_product=%0d%0aSet-Cookie:%20x=y",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_line_break_in_a_path_or_parameter_stays_out_of_the_headers(
    unharmed: Caller, method: str, target: str
) -> None:
    answer = exchange(unharmed.server, request(unharmed.server, method, target))

    assert "set-cookie" not in answer.headers
    assert "x-evil" not in answer.headers
    assert answer.status in {200, 400}


@pytest.mark.parametrize(
    "target",
    [
        "//block_users",
        "/v25.0//block_users",
        "/v25.0/../block_users",
        "/v25.0/..%2f..%2fetc/block_users",
        "/v25.0/%00/block_users",
        "/v25.0/%ff%fe/block_users",
        "/v25.0/" + "9" * 10_000 + "/block_users",
        "http://other.example/v25.0/1/foo",
    ],
)
def test_a_strange_path_is_an_unknown_object_or_path(unharmed: Caller, target: str) -> None:
    answer = exchange(unharmed.server, request(unharmed.server, "POST", target, body=BODY))

    assert answer.status == 400
    assert answer.error["code"] in {100, 2500}


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_bytes_that_are_not_http_get_400(unharmed: Caller, data: bytes) -> None:
    answer = exchange(unharmed.server, data)

    assert (answer.status, answer.error["code"]) == (400, 100)
