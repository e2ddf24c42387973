"""JSON, form, multipart and query -> one request type. After this nobody asks again what the caller sent."""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers as StarletteHeaders
from starlette.formparsers import MultiPartException, MultiPartParser

from wablock.block_list.rules import DEFAULT_LIMIT, LARGEST_LIMIT, MOST_USERS_PER_REQUEST
from wablock.contract import wire
from wablock.contract.errors import (
    InvalidParameter,
    MissingParameter,
    TooManyUsers,
    WrongMessagingProduct,
)

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

NOT_JSON: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding JSON raises for a text that is none: bytes that are not UTF-8 and endless nesting are told apart."""

_MOST_FIELDS = 10_000
_BRACKETS = re.compile(r"block_users\[(\d{0,6})\]\[(\w{1,32})\]")
_ERROR_PLACE = re.compile(r" - at `\$(.*)`$")
_PLACE_PART = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_EXTRA_FIELDS: Final = frozenset(("input", "user_id", "reason", "note", "blocked_at", "blocked_by", "expires_at"))
_OWN_FIELDS: Final = frozenset(("messaging_product", "wa_id"))
FIELDS: Final = _EXTRA_FIELDS | _OWN_FIELDS
"""What `fields` may name."""


class Parameters(msgspec.Struct):
    """Everything that a request may say, as it came: the checks below give each its meaning."""

    messaging_product: Any = None
    block_users: list[wire.User] | None = None
    access_token: str | None = None
    method: str | None = None
    limit: str | int | None = None
    after: str | None = None
    before: str | None = None
    fields: str | None = None

    def users(self) -> list[wire.User]:
        """The users of a POST or DELETE."""
        if self.messaging_product is None or self.messaging_product == "":
            raise MissingParameter("messaging_product")
        if self.messaging_product != wire.WHATSAPP:
            raise WrongMessagingProduct(str(self.messaging_product)[:100])
        if self.block_users is None:
            raise MissingParameter("block_users")
        if len(self.block_users) > MOST_USERS_PER_REQUEST:
            raise TooManyUsers(len(self.block_users), MOST_USERS_PER_REQUEST)
        for index, user in enumerate(self.block_users):
            if user.user is None and user.user_id is None:
                raise MissingParameter(f"block_users[{index}][user]")
        return self.block_users

    def page_size(self) -> int:
        """How many rows a page may have: above the largest is capped, below 1 refused."""
        if self.limit is None or self.limit == "":
            return DEFAULT_LIMIT
        digits = str(self.limit)
        if not digits.isascii() or not digits.isdigit() or int(digits[:20]) < 1:
            raise InvalidParameter("Param limit must be an integer of 1 or more.")
        return min(int(digits[:20]), LARGEST_LIMIT)

    def extra_fields(self) -> frozenset[str]:
        """What `fields` asks for beyond what a row has anyway."""
        if not self.fields:
            return frozenset()
        asked = frozenset(name.strip() for name in self.fields.split(","))
        unknown = asked - FIELDS - {""}
        if unknown:
            raise InvalidParameter(
                f"Tried accessing nonexisting field ({min(unknown)[:100]})",
                f"fields may name {', '.join(sorted(FIELDS))}",
            )
        return asked & _EXTRA_FIELDS


_decoder = msgspec.json.Decoder(Parameters)
_any_decoder = msgspec.json.Decoder()


async def read(query: bytes, content_type: str | None, body: bytes) -> Parameters:
    """What the query and the body say together: the body wins where both say it. Raises `InvalidParameter`."""
    media_type = _media_type(content_type, body)
    if not query and media_type in (None, JSON):
        return _from_json(body) if body else Parameters()
    said = _nested(_pairs(query.decode("latin-1")))
    if media_type == JSON:
        said |= _json_object(body)
    elif media_type == FORM:
        said |= _nested(_pairs(body.decode("latin-1")))
    elif media_type == MULTIPART:
        said |= _nested(await _multipart(content_type or "", body))
    return _convert(said)


def _media_type(content_type: str | None, body: bytes) -> str | None:
    """How to read the body; None where there is nothing to read."""
    if not body:
        return None
    named = (content_type or "").partition(";")[0].strip().lower()
    if named in (FORM, MULTIPART):
        # No form begins like this: people send JSON under curl's default type, and `{}` with GET under any.
        return JSON if body.lstrip()[:1] == b"{" else named
    if named in ("", JSON):
        return JSON
    raise InvalidParameter(f"Content-Type must be one of {JSON}, {FORM}, {MULTIPART}.")


def _from_json(body: bytes) -> Parameters:
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        return _convert(_json_object(body))  # finds the same fault, in the order in which faults are told
    except NOT_JSON:
        return Parameters()


def _json_object(body: bytes) -> dict[str, Any]:
    """A body that is not a JSON object says nothing: the first missing parameter is then the caller's answer."""
    try:
        parsed = _any_decoder.decode(body)
    except NOT_JSON:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _convert(said: dict[str, Any]) -> Parameters:
    try:
        return msgspec.convert(said, Parameters, strict=False)
    except msgspec.ValidationError as fault:
        # The product is asked for first, whatever else is wrong.
        if "block_users" in said:
            Parameters(said.get("messaging_product"), []).users()
        raise invalid(str(fault)) from None


def invalid(fault: str) -> InvalidParameter:
    """A fault in msgspec's words, in Graph's: `$.block_users[3].user` is `block_users[3][user]`."""
    match = _ERROR_PLACE.search(fault)
    place, problem = (match[1], fault[: match.start()]) if match else ("", fault)
    parts = [name or index for name, index in _PLACE_PART.findall(place)]
    name = "".join([parts[0], *(f"[{part}]" for part in parts[1:])]) if parts else "the request"
    wanted = problem.removeprefix("Expected ").partition(", got")[0]
    for theirs, ours in (("`", ""), (" | null", ""), ("null | ", ""), ("str", "string"), ("int", "integer")):
        wanted = wanted.replace(theirs, ours)
    return InvalidParameter(f"Param {name} must be {'an' if wanted[:1] in 'aio' else 'a'} {wanted}.")


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="surrogateescape")
    except ValueError:
        raise InvalidParameter(f"A request may have up to {_MOST_FIELDS} parameters.") from None


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Form fields as the object they mean; of a repeated one the last counts, as in PHP."""
    said: dict[str, Any] = {}
    users: dict[str, dict[str, str]] = {}
    for name, value in pairs:
        match = _BRACKETS.fullmatch(name)
        if match is None:
            said[name] = value
        else:
            index = match[1] or str(len(users))
            users.setdefault(index, {})[match[2]] = value
    if users:
        said["block_users"] = [users[index] for index in sorted(users, key=int)]
    elif isinstance(said.get("block_users"), str):
        said["block_users"] = _json_text(said["block_users"])
    return said


def _json_text(text: str) -> Any:
    try:
        return _any_decoder.decode(text)
    except NOT_JSON:
        raise InvalidParameter("Param block_users must be an array.", "It is not JSON") from None


async def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    async def chunks() -> Any:
        yield body

    parser = MultiPartParser(
        StarletteHeaders({"content-type": content_type}),
        chunks(),
        max_files=0,
        max_fields=_MOST_FIELDS,
        max_part_size=len(body),
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as fault:
        raise InvalidParameter(f"The {MULTIPART} body cannot be read.", str(fault)) from None
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
