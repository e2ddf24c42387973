"""Parameters of a Block API request: JSON, form, multipart and query, decoded to one type."""

import math
import re
from collections.abc import Iterable
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, FormParser, parse_options_header

from wablock.block_list.rules import DEFAULT_LIMIT, LARGEST_LIMIT, MOST_USERS_PER_REQUEST
from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, MissingParameter, TooManyUsers, WrongMessagingProduct
from wablock.gate.broken_json import broken_json, not_an_object
from wablock.gate.large_bodies import off_the_loop
from wablock.gate.send_request.request import BYTE_ORDER_MARK, FORM, JSON, MULTIPART
from wablock.gate.value_count import TooManyValues, check_value_count
from wablock.server.expiries import refuse_loose_times
from wablock.server.near_names import refuse_near_misses
from wablock.server.schema_errors import invalid

NOT_JSON: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""The exceptions from decoding a text that is not JSON, is not UTF-8, or is nested too deeply."""

_LARGE = 150_000  # bytes; a smaller body cannot have too many values
_MOST_FIELDS = 5_100  # 1,000 users with all their members
_NOTHING_TO_DECODE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~&=-"
_BRACKETS = re.compile(r"block_users\[(\d{0,6})\]\[([^\[\]]{1,64})\]")
_EXTRA_FIELDS: Final = frozenset(wire.BlockedUser.__struct_fields__) - {"messaging_product", "wa_id"}
_OWN_FIELDS: Final = frozenset(("messaging_product", "wa_id"))
FIELDS: Final = _EXTRA_FIELDS | _OWN_FIELDS
"""The names that `fields` may contain."""


class Parameters(msgspec.Struct):
    """All parameters of a request, as they were sent. The methods check and convert them."""

    messaging_product: Any = None
    block_users: list[wire.User] | None = None
    access_token: str | None = None
    method: str | None = None
    limit: str | int | None = None
    after: str | None = None
    before: str | None = None
    fields: str | None = None

    def users(self) -> list[wire.User]:
        """The users to block or unblock. Raises `InvalidParameter`."""
        if self.messaging_product is None or self.messaging_product == "":
            raise MissingParameter("messaging_product")
        if self.messaging_product != wire.WHATSAPP:
            raise WrongMessagingProduct(str(self.messaging_product)[:100])
        if self.block_users is None:
            raise MissingParameter("block_users")
        if len(self.block_users) > MOST_USERS_PER_REQUEST:
            raise TooManyUsers(len(self.block_users), MOST_USERS_PER_REQUEST)
        for index, user in enumerate(self.block_users):
            if not wire.names_user(user):
                raise MissingParameter(f"block_users[{index}][user]")
        return self.block_users

    def page_size(self) -> int:
        """The number of rows on a page. A `limit` above the largest is capped; one below 1 is refused."""
        if self.limit is None or self.limit == "":
            return DEFAULT_LIMIT
        digits = str(self.limit)
        if not digits.isascii() or not digits.isdigit() or int(digits[:20]) < 1:
            raise InvalidParameter("Param limit must be an integer of 1 or more.")
        return min(int(digits[:20]), LARGEST_LIMIT)

    def extra_fields(self) -> frozenset[str]:
        """The names in `fields`, without those that every row has."""
        if not self.fields:
            return frozenset()
        names = frozenset(name.strip() for name in self.fields.split(","))
        unknown = names - FIELDS - {""}
        if unknown:
            raise InvalidParameter(
                f"Tried accessing nonexisting field ({min(unknown)[:100]})",
                f"fields may have these names: {', '.join(sorted(FIELDS))}.",
            )
        return names & _EXTRA_FIELDS


class _WithoutBody(Parameters):
    """Parameters of a request whose body is not a JSON object. The body may be unnecessary, so only a missing parameter
    is an error, which then says what is wrong with the body.
    """

    body_error: str = ""

    def users(self) -> list[wire.User]:
        try:
            return super().users()
        except MissingParameter as error:
            error.details = self.body_error
            raise


class _KnownItem(wire.User, forbid_unknown_fields=True):
    """An item without unknown members."""


class _KnownItems(Parameters):
    """Parameters whose items have no unknown members. Decoding is fast; if it fails, the body is decoded again."""

    block_users: list[_KnownItem] | None = None  # type: ignore[assignment]  # it is only read


def _finite(text: str) -> float:
    """The number that msgspec would return. msgspec takes 14 µs for 1e308, so 1 MB of them would take 2 seconds."""
    number = float(text)
    if math.isinf(number):
        raise ValueError("number out of range")
    return number


_decoder = msgspec.json.Decoder(_KnownItems, float_hook=_finite)
_any_decoder = msgspec.json.Decoder(float_hook=_finite)


async def read(query: bytes, content_type: str | None, body: bytes) -> Parameters:
    """The parameters of the query and the body. The body overrides the query. Raises `InvalidParameter`."""
    if not query and not body:
        return Parameters()
    body = body.removeprefix(BYTE_ORDER_MARK)
    try:
        if len(body) > _LARGE:
            await off_the_loop(body, partial(check_value_count, body))
    except TooManyValues as error:
        raise InvalidParameter(str(error)) from None
    media_type = _media_type(content_type, body)
    if not query and media_type in (None, JSON):
        return _from_json(body) if body else Parameters()  # it was only a byte order mark
    values, body_error = _nested(_pairs(query)), ""
    if media_type == JSON:
        members, body_error = _json_object(body)
        values |= members
    elif media_type == FORM:
        values |= _nested(_pairs(body))
    elif media_type == MULTIPART:
        values |= _nested(_multipart(content_type or "", body))
    return _convert(values, body_error)


def _media_type(content_type: str | None, body: bytes) -> str | None:
    """The media type to read the body as; None if it is empty."""
    if not body:
        return None
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type in (FORM, MULTIPART):
        # A form never begins with a brace: this is JSON with curl's default type, or the `{}` of a GET with any type.
        return JSON if body.lstrip()[:1] == b"{" else media_type
    if media_type in ("", JSON):
        return JSON
    raise InvalidParameter(f"Content-Type must be one of {JSON}, {FORM}, {MULTIPART}.")


def _from_json(body: bytes) -> Parameters:
    try:
        return _decoder.decode(body)
    except NOT_JSON:
        return _convert(*_json_object(body))  # decodes the body again, to raise its most important error


def _json_object(body: bytes) -> tuple[dict[str, Any], str]:
    """The body's members. If it is not a JSON object: none, and what is wrong with it."""
    try:
        parsed = _any_decoder.decode(body)
    except NOT_JSON as error:
        return {}, broken_json("The body", error)
    return (parsed, "") if isinstance(parsed, dict) else ({}, not_an_object("The body"))


def _convert(values: dict[str, Any], body_error: str = "") -> Parameters:
    try:
        converted = msgspec.convert(values, Parameters, strict=False)
        refuse_near_misses(values.get("block_users"))
        refuse_loose_times(values.get("block_users"))
    except (msgspec.ValidationError, InvalidParameter) as error:
        # An error in messaging_product comes first, whatever else is wrong.
        if "block_users" in values:
            Parameters(values.get("messaging_product"), []).users()
        if isinstance(error, InvalidParameter):
            raise
        raise invalid(str(error)) from None
    return _WithoutBody(**msgspec.structs.asdict(converted), body_error=body_error) if body_error else converted


def _pairs(text: bytes) -> list[tuple[str, str]]:
    if not text.translate(None, _NOTHING_TO_DECODE) and text.count(b"&") < _MOST_FIELDS:  # paging links are like this
        fields = text.decode().split("&")
        return [(name, value) for name, _, value in (field.partition("=") for field in fields if field)]
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise InvalidParameter(details="Parameters must be UTF-8 text.") from None
    except ValueError:
        raise InvalidParameter(f"A request may have up to {_MOST_FIELDS} parameters.") from None


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The object that form fields describe. If a field is repeated, the last one counts, as in PHP."""
    values: dict[str, Any] = {}
    users: dict[int, dict[str, str]] = {}
    for name, value in pairs:
        match = _BRACKETS.fullmatch(name)
        if match is None:
            values[name] = value
        else:
            index = int(match[1]) if match[1] else max(users, default=-1) + 1
            users.setdefault(index, {})[match[2]] = value
    if users:
        values["block_users"] = [users[index] for index in sorted(users)]
    elif isinstance(values.get("block_users"), str):
        values["block_users"] = _json_text(values["block_users"])
    return values


def _json_text(text: str) -> Any:
    try:
        return _any_decoder.decode(text)
    except NOT_JSON as error:
        raise InvalidParameter("Param block_users must be an array.", broken_json("Its text", error)) from None


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []

    def on_field(field: Field) -> None:
        if len(fields) == _MOST_FIELDS:
            raise _NotReadable(f"A request may have up to {_MOST_FIELDS} parameters.")
        if field.field_name is None:
            raise _NotReadable("Each part needs a name.")
        fields.append((field.field_name.decode(), (field.value or b"").decode()))

    def on_file(_: object) -> None:
        raise _NotReadable("A part is a file, which is not allowed.")

    # Only the boundary is used. The charset is ignored: a caller could choose one that takes very long to decode.
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        raise InvalidParameter(f"The {MULTIPART} body cannot be read.", "Its Content-Type has no boundary.")
    try:
        parser = FormParser(MULTIPART, on_field, on_file, boundary=boundary, config={"MAX_MEMORY_FILE_SIZE": len(body)})
        try:
            parser.write(body)
            parser.finalize()
        finally:
            parser.parser = None  # its callbacks refer to `parser`: the cycle would keep the fields in memory
    except (FormParserError, UnicodeError) as error:
        raise InvalidParameter(f"The {MULTIPART} body cannot be read.", str(error)) from None
    return fields


class _NotReadable(FormParserError):
    """A part that the parser accepts, but that cannot be a parameter."""
