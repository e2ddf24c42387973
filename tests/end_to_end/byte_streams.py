"""Byte streams for a server: real requests, whole or damaged, and the users that each may change. A seed makes them."""

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from itertools import pairwise
from typing import Final
from urllib.parse import unquote_plus

import h11
import msgspec
from tests.end_to_end.deployment import BLOCK_USERS, PHONE_NUMBER_ID
from tests.end_to_end.graph import body
from tests.server.test_webhooks import message, signed, webhook

_USERS: Final = ("16505550101", "16505550102", "16505550103")
_MOST_REQUESTS: Final = 4
_MOST_MUTATIONS: Final = 6
_MOST_PIECES: Final = 8
_INSERTED: Final = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"%00",
    b"\xff",
    b"0\r\n\r\n",
)
_NUMBERS: Final = (
    b"0",
    b"1",
    b"-1",
    b"+5",
    b"0x10",
    b"5, 5",
    b"007",
    b"1e3",
    b"99999999999999999999",
    b"4294967296",
    b"",
)
_SIZES: Final = (
    b"0",
    b"1",
    b"-1",
    b"0x5",
    b"fffffffffffffffff",
    b"5 ",
    b";x=y",
    b"2;" + b"x" * 200,
    b"g",
    b"",
    b"00000002",
)


class End(Enum):
    """What the sender does after its last byte."""

    WAITS = auto()
    HALF_CLOSES = auto()
    RESETS = auto()


class Stream(msgspec.Struct, frozen=True):
    """Bytes in the pieces in which they are sent. `names`: the requests, where all of them are whole, else None."""

    pieces: list[bytes]
    end: End
    names: list[str] | None

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


def requests(token: str) -> dict[str, bytes]:
    """Real requests by name; they block and unblock a few users."""
    page, check = f"{BLOCK_USERS}?limit=10", f"/v1/numbers/{PHONE_NUMBER_ID}/check"
    post, delete = (json.dumps(body(users)).encode() for users in (_USERS, _USERS[:2]))
    form = b"messaging_product=whatsapp&block_users=%5B%7B%22user%22%3A%22%2B16505550101%22%7D%5D"
    in_form = form + f"&access_token={token}".encode()
    is_form = "Content-Type: application/x-www-form-urlencoded"
    delivery = webhook(message("16505550197"))
    signature = f"X-Hub-Signature-256: {signed(delivery)}"
    h2c = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    wanted = f"Authorization: Bearer {token}"
    old = _request("POST", BLOCK_USERS, post, wanted).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    return {
        "page": _request("GET", page, None, wanted),
        "page by query": _request("GET", f"{page}&access_token={token}", None),
        "not modified": _request("GET", page, None, wanted, "If-None-Match: *"),
        "block": _request("POST", BLOCK_USERS, post, wanted),
        "unblock": _request("DELETE", BLOCK_USERS, delete, wanted),
        "block in chunks": _chunked("POST", BLOCK_USERS, post, wanted),
        "unblock in chunks": _chunked("DELETE", BLOCK_USERS, delete, wanted, "Trailer: X-Last"),
        "block by form": _request("POST", BLOCK_USERS, in_form, is_form),
        "block, expecting": _request("POST", BLOCK_USERS, post, wanted, "Expect: 100-continue"),
        "block, offering": _request("POST", BLOCK_USERS, post, wanted, *h2c),
        "block, old": old,
        "block and close": _request("POST", BLOCK_USERS, post, wanted, "Connection: close"),
        "absolute": _request("GET", f"http://wablock.test{page}", None, wanted),
        "options": _request("OPTIONS", BLOCK_USERS, None, "Origin: https://a.test"),
        "webhook": _request("POST", "/webhooks/whatsapp", delivery, signature),
        "webhook in chunks": _chunked("POST", "/webhooks/whatsapp", delivery, signature),
        "handshake": _request("GET", "/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x", None),
        "check": _request("POST", check, json.dumps({"users": ["+16505550101"]}).encode(), wanted),
        "check one": _request("GET", f"{check}/%2B16505550101", None, wanted),
        "message": _request("POST", f"/v25.0/{PHONE_NUMBER_ID}/messages", b'{"to":"16505550101"}', wanted),
        "no token": _request("POST", BLOCK_USERS, post),
        "health": _request("GET", "/healthz", None),
        "document": _request("GET", "/openapi.json", None),
        "reference": _request("GET", "/docs", None),
        "unknown": _request("PATCH", "/v25.0/nothing/here", b"{}", wanted),
    }


def _request(method: str, target: str, content: bytes | None, *headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: wablock.test", *headers]
    if content is not None:
        if not any(line.startswith("Content-Type") for line in lines):
            lines.append("Content-Type: application/json")
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + (content or b"")


def _chunked(method: str, target: str, content: bytes, *headers: str) -> bytes:
    head = _request(method, target, None, "Content-Type: application/json", "Transfer-Encoding: chunked", *headers)
    chunks = [content[start : start + 50] for start in range(0, len(content), 50)]
    last = b"0\r\nX-Last: 1\r\n\r\n" if any(line.startswith("Trailer") for line in headers) else b"0\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + last


def stream(whole: dict[str, bytes], seed: int, number: int) -> Stream:
    """The stream of this number; a tenth of all streams are whole."""
    chance = random.Random(f"{seed}/{number}")
    names = chance.choices(list(whole), k=chance.randint(1, _MOST_REQUESTS))
    data = b"".join(whole[name] for name in names)
    mutations = 0 if chance.random() < 0.1 else chance.randint(1, _MOST_MUTATIONS)
    for _ in range(mutations):
        data = chance.choice(_MUTATIONS)(data, chance, whole)
    ends = chance.choices(list(End), weights=(60, 25, 15))
    return Stream(list(_pieces(data, chance)), ends[0], None if mutations else names)


def _pieces(data: bytes, chance: random.Random) -> Iterator[bytes]:
    count = chance.randint(1, _MOST_PIECES)
    cuts = sorted({0, len(data), *(chance.randint(0, len(data)) for _ in range(count - 1))})
    return (data[start:end] for start, end in pairwise(cuts))


_Mutation = Callable[[bytes, random.Random, dict[str, bytes]], bytes]


def _flip(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    start, end = _range(data, chance)
    return data[:start] + data[end:]


def _end_early(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def _repeat(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    start, end = _range(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 1, 2, 20)) + data[end:]


def _splice(data: bytes, chance: random.Random, whole: dict[str, bytes]) -> bytes:
    other = chance.choice(list(whole.values()))
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _insert(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_INSERTED) + data[at:]


def _insert_within(data: bytes, chance: random.Random, whole: dict[str, bytes]) -> bytes:
    """A whole request in the middle of another, as in request smuggling."""
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(list(whole.values())) + data[at:]


def _change_length(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    return _substitute(rb"(?<=Content-Length: )\d+", chance.choice(_NUMBERS), data, chance)


def _change_chunk(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    return _substitute(rb"(?<=\r\n)[0-9a-f]{1,2}(?=\r\n)", chance.choice(_SIZES), data, chance)


def _add_framing(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    """Add a second header that states where the body ends."""
    line = chance.choice(
        (
            b"Content-Length: 5",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding:\tchunked",
            b"Transfer-Encoding : chunked",
            b"Transfer-Encoding: identity",
            b"Content-Length : 5",
            b"X: a\r\n Content-Length: 5",
        )
    )
    return _substitute(rb"(?<=\r\n)(?=Host: )", line + b"\r\n", data, chance)


def _change_line_end(data: bytes, chance: random.Random, _: dict[str, bytes]) -> bytes:
    return _substitute(rb"\r\n", chance.choice((b"\n", b"\r", b"\n\r", b"\r\r\n", b"")), data, chance)


_MUTATIONS: Final[tuple[_Mutation, ...]] = (
    _flip,
    _flip,
    _cut,
    _end_early,
    _repeat,
    _splice,
    _insert,
    _insert,
    _insert_within,
    _change_length,
    _change_chunk,
    _add_framing,
    _change_line_end,
)


def _range(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.choice((1, 2, 10, 100, 1_000)))


def _substitute(pattern: bytes, by: bytes, data: bytes, chance: random.Random) -> bytes:
    """Replace one of the matches, if there is one."""
    places = list(re.finditer(pattern, data))
    if not places:
        return data
    place = chance.choice(places)
    return data[: place.start()] + by + data[place.end() :]


def named_users(data: bytes) -> set[str]:
    """The digits of every text in the requests that h11, another HTTP parser, reads in a stream.

    The stream may block or unblock only these: a request names users only in its own target and body.
    """
    users: set[str] = set()
    for target, content in _read(data):
        text = unquote_plus((target + b'"' + content).decode("latin-1"))
        users.update(digits for part in text.split('"') if len(digits := re.sub(r"\D", "", part)) >= 7)
    return users


def _read(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The target and body of each whole request."""
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1_000_000)
    reader.receive_data(data.lstrip(b"\r\n"))
    target, content = b"", b""
    while True:
        try:
            event = reader.next_event()
            if isinstance(event, h11.Request):
                target, content = event.target, b""
            elif isinstance(event, h11.Data):
                content += event.data
            elif isinstance(event, h11.EndOfMessage):
                yield target, content
                reader.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                reader.send(h11.EndOfMessage())
                reader.start_next_cycle()
            else:
                return
        except h11.ProtocolError:
            return


def is_named(wa_id: str, all_digits: Iterable[str]) -> bool:
    """Whether some of these digits may mean this user, with or without a country code or a prefix."""
    return any(wa_id.endswith(digits) or digits.endswith(wa_id) for digits in all_digits)


class NoAnswer(Exception):
    """Bytes that are no HTTP answers."""


class Answer(msgspec.Struct, frozen=True):
    """`is_last`: it says that the connection closes."""

    status: int
    is_last: bool


def answers(received: bytes) -> Iterator[Answer]:
    """The final answers. Raises `NoAnswer` for anything else, also for a part of an answer."""
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        match = re.fullmatch(rb"HTTP/1\.1 ([1-5]\d\d) [ -~]*", first)
        if not end or match is None or not all(re.fullmatch(rb"[!-9;-~]+: [\t -~]*", line) for line in lines):
            raise NoAnswer(f"{received[:200]!r}")
        headers = dict(line.lower().split(b": ", 1) for line in lines)
        status = int(match[1])
        if status < 200:
            received = rest
            continue
        length = 0 if status in (204, 304) else int(headers[b"content-length"])
        if len(rest) < length:
            raise NoAnswer(f"{len(rest)} of {length} bytes after {head!r}")
        yield Answer(status, headers.get(b"connection") == b"close")
        received = rest[length:]
