"""The parameters of a request: from its query, its form, its JSON object, or its multipart parts."""

import json
import re
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from wablock.contract.errors import InvalidParameter
from wablock.gate.broken_json import broken_json, not_an_object
from wablock.gate.send_request import multipart
from wablock.gate.send_request.names import BATCH, ONCE, PROTOTYPE, plain_name
from wablock.gate.send_request.request import FORM, JSON, SendRequest, json_text, media_type
from wablock.gate.value_count import TooManyValues, check_value_count

_MOST: Final = 1_000
_MOST_PIECES: Final = 10_000
_NAME_IN_BRACKETS = re.compile(rb"(?:\]|%5[Dd])=")
_NOT_JSON: Final = (ValueError, RecursionError)  # errors of JSON and UTF-8 are ValueErrors


class Parameter(NamedTuple):
    """A parameter with its plain name, see `plain_name`. A JSON integer is a text. The value of `to[0]` is a list."""

    name: str
    value: Any


def read_parameters(request: SendRequest) -> list[Parameter]:
    """All parameters of `request`, those of its query first.

    Raises `InvalidParameter` if it cannot be read, or if an upstream could read it as another request.
    """
    parameters = [*_of_form(request.query), *_of_body(request)] if request.query else _of_body(request)
    for name, _ in parameters:
        if name == BATCH:
            raise InvalidParameter("Batch requests are not passed on.", "Send each request by itself.")
        if name == PROTOTYPE:
            raise InvalidParameter(f"Param {PROTOTYPE} is not passed on.")
    return parameters


def field_name(field: bytes) -> str:
    """The plain name of a form field. `field`: the bytes between two `&`."""
    return plain_name(unquote_plus(field.partition(b"=")[0].decode(errors="replace")))


def unreadable_json(error: Exception | None = None) -> InvalidParameter:
    """The error for a JSON body that is not an object. `error`: why it is not even JSON."""
    details = broken_json("The body", error) if error else not_an_object("The body")
    return InvalidParameter(f"The {JSON} body must be a JSON object.", details)


def _of_body(request: SendRequest) -> list[Parameter]:
    kind = media_type(request)
    if kind is None:
        return []
    if kind == JSON:
        return _of_json(request.body)
    if kind == FORM:
        return _of_form(request.body)
    parts = multipart.parts(request.body, multipart.boundary(request.content_type))
    return [_parameter(name, value) for name, value in parts]


def _parameter(name: str, value: Any) -> Parameter:
    plain = plain_name(name)
    return Parameter(plain, [value] if "[" in name and plain in ONCE else value)


# -- forms and queries


def _of_form(text: bytes) -> list[Parameter]:
    if b";" in text or _NAME_IN_BRACKETS.search(text):
        if text.count(b"&") + text.count(b";") > _MOST_PIECES:
            raise InvalidParameter(
                "A form has too many semicolons to check each of them.",
                "Write ; in a value as %3B, as form encoders do.",
            )
        for field in text.split(b"&"):
            _check_field(field)
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=_MOST, errors="strict")
    except UnicodeDecodeError:
        raise InvalidParameter(details="Parameters must be UTF-8 text.") from None
    except ValueError:
        raise _too_many() from None
    return [_parameter(name, value) for name, value in pairs]


def _check_field(field: bytes) -> None:
    """Refuse a field that parsers split differently: older ones end it at a semicolon, and qs ends a name at `]=`."""
    for piece in field.split(b";")[1:]:
        name = field_name(piece)
        if name in ONCE:
            raise InvalidParameter(
                f"Param {name} follows a semicolon.", "Separate parameters with &, and write ; in a value as %3B."
            )
    before, *after = _NAME_IN_BRACKETS.split(field, maxsplit=1)
    if after and b"=" in before and field_name(before.replace(b"=", b"%3D")) in ONCE:
        raise InvalidParameter("A parameter's name has a =.", "Write = in a name as %3D.")


# -- JSON


def _of_json(body: bytes) -> list[Parameter]:
    """The members of a JSON object. A name in `ONCE` may occur only once, because parsers differ on its value."""
    text = json_text(body)
    try:
        check_value_count(text)
        pairs = _reader.decode(text.decode())
    except TooManyValues as error:
        raise InvalidParameter(str(error)) from None
    except _NOT_JSON as error:
        raise unreadable_json(error) from None
    if not text.startswith(b"{"):
        raise unreadable_json()
    if len(pairs) > _MOST:
        raise _too_many()
    parameters = [_parameter(name, value) for name, value in pairs]
    names = [name for name, _ in parameters if name in ONCE]
    if len(set(names)) < len(names):
        repeated_name = next(name for name in names if names.count(name) > 1)
        raise InvalidParameter(f"Param {repeated_name} is given twice.")
    return parameters


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


# Numbers with a fraction or an exponent are not converted: a megabyte of 1e308 would take half a second.
_reader: Final = json.JSONDecoder(
    object_pairs_hook=list, parse_int=str, parse_float=lambda _: 0.5, parse_constant=_refuse_constant
)


def _too_many() -> InvalidParameter:
    return InvalidParameter(f"A request may have up to {_MOST} parameters.")
