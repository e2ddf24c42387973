"""Requests of an attacker who wants to stop a server: bodies that cost as much work as possible.

They are wide, deep or long, with many numbers and the ids of many accounts, as webhooks and as the parameters of
requests without a token. A seed makes them, so that all tests send the same bodies.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import msgspec

LARGEST_WEBHOOK: Final = 3_000_000
LARGEST_BODY: Final = 1_000_000

_ELEMENTS: Final = [b"1", b"{}", b"[]", b'""', b"null", b"1e308", b"9" * 300, b'"\\ud800"', b'{"id":"1"}', b'"\\u00e9"']
_ARRAYS: Final = [b"entry", b"changes", b"messages", b"contacts", b"statuses", b"history", b"x"]


class PostedBody(msgspec.Struct, frozen=True):
    content_type: str
    body: bytes


def webhooks(count: int, accounts: Sequence[str], seed: int = 0) -> Iterator[bytes]:
    """`accounts`: the ids of real accounts, which are not secret."""
    random = Random(seed)
    for _ in range(count):
        yield _webhook(random, random.choice([1_000, 30_000, 500_000, LARGEST_WEBHOOK]), accounts)


def requests(count: int, seed: int = 0) -> Iterator[PostedBody]:
    random = Random(seed)
    for _ in range(count):
        yield random.choice([_json, _form, _multipart])(random, random.choice([1_000, 30_000, LARGEST_BODY]))


def _webhook(random: Random, size: int, accounts: Sequence[str]) -> bytes:
    kind = random.randrange(6)
    if kind == 0:
        return _wide(random, size, b'{"entry":[{"id":"%s","changes":[{"value":{"%s":[', b"]}}]}]}", accounts)
    if kind == 1:
        return _wide(random, size, b'{"object":"%s","%s":[', b"]}", accounts)
    if kind == 2:
        return _deep(random, size)
    if kind == 3:  # every account, again and again
        every = b",".join(b'{"id":"%s"}' % account.encode() for account in random.sample(accounts, len(accounts)))
        return _cut(b'{"entry":[' + (every + b",") * (size // len(every) + 1), size)
    if kind == 4:  # unassigned numbers
        first = random.randrange(10**15)
        numbers = (b'{"value":{"metadata":{"phone_number_id":"%d"}}}' % (first + place) for place in range(size // 60))
        return b'{"entry":[{"changes":[' + b",".join(numbers) + b"]}]}"
    return (
        random.choice([b'{"entry":"%s"}', b'{"%s":1}', b'{"entry":%s}', b"%s"])
        % (random.choice([b"9", b"\\\\", b"_", b",", b" ", b'"', b'"id":"1",', b'"phone_number_id":"']) * size)[:size]
    )


def _wide(random: Random, size: int, before: bytes, after: bytes, accounts: Sequence[str]) -> bytes:
    element = random.choice(_ELEMENTS)
    head = before % (random.choice(accounts).encode(), random.choice(_ARRAYS))
    return head + b",".join([element] * max(1, size // (len(element) + 1) - 40)) + after


def _deep(random: Random, size: int) -> bytes:
    opening, closing = random.choice([(b"[", b"]"), (b'{"entry":', b"}"), (b'{"standby":', b"}"), (b'{"a":[', b"]}")])
    depth = size // (len(opening) + len(closing))
    return opening * depth + b"1" + closing * depth


def _cut(body: bytes, size: int) -> bytes:
    return body[:size]


def _json(random: Random, size: int) -> PostedBody:
    element = random.choice(_ELEMENTS)
    count = size // (len(element) + 12)
    if random.random() < 0.2:
        return PostedBody("application/json", _deep(random, size))
    if random.random() < 0.5:
        members = b",".join(b'"k%d":%s' % (place, element) for place in range(count))
        return PostedBody("application/json", b"{" + members + b"}")
    name = random.choice([b"block_users", b"to", b"x", b"access_token", b"messaging_product"])
    return PostedBody("application/json", b'{"%s":[' % name + b",".join([element] * count) + b"]}")


def _form(random: Random, size: int) -> PostedBody:
    unit = random.choice(
        [b";", b"&", b"a=1&", b"a;b=1&", b"%41", b"+", b"[]", b"%5B", b"a]=", b"access_token=1&", b"access_token"]
    )
    return PostedBody("application/x-www-form-urlencoded", _cut(b"a" + unit * (size // len(unit)), size))


def _multipart(random: Random, size: int) -> PostedBody:
    unit = random.choice(
        [
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n',
            b'--x\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n1\r\n',
            b"--x\r\n" + b"a: b\r\n" * 100,
            b"--x",
            b"\r\n--",
        ]
    )
    return PostedBody("multipart/form-data; boundary=x", unit * (size // len(unit)) + b"--x--")
