"""The parameters of a request, wherever they stand: in its query, its form, its JSON object, its multipart parts."""

import json
import re
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from wablock.contract.errors import InvalidParameter
from wablock.gate.send_request import multipart
from wablock.gate.send_request.names import BATCH, ONCE, PROTOTYPE, plain_name
from wablock.gate.send_request.request import FORM, JSON, SendRequest, json_text, media_type
from wablock.gate.value_count import TooManyValues, check_value_count

_MOST: Final = 1_000
_MOST_PIECES: Final = 10_000
_NAME_IN_BRACKETS = re.compile(rb"(?:\]|%5[Dd])=")
_NOT_JSON: Final = (ValueError, RecursionError)  # a ValueError: json's and UTF-8's


class Parameter(NamedTuple):
    """A parameter by its plain name, see `plain_name`. A JSON integer is its digits; the value of `to[0]` is a list."""

    name: str
    value: Any


def read_parameters(request: SendRequest) -> list[Parameter]:
    """All parameters of `request`, in its query first.

    Raises `InvalidParameter` for what cannot be read, or could be read as another request.
    """
    parameters = [*_of_form(request.query), *_of_body(request)] if request.query else _of_body(request)
    for name, _ in parameters:
        if name == BATCH:
            raise InvalidParameter("Batch requests are not passed on.", "Send each request by itself.")
        if name == PROTOTYPE:
            raise InvalidParameter(f"Param {PROTOTYPE} is not passed on.")
    return parameters


def field_name(field: bytes) -> str:
    """The plain name of a form's field, given as it stands between two `&`."""
    return plain_name(unquote_plus(field.partition(b"=")[0].decode(errors="replace")))


def no_object() -> InvalidParameter:
    return InvalidParameter(f"The {JSON} body must be a JSON object.")


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
                "A form has too many semicolons to look behind each.", "Write ; in a value as %3B, as form encoders do."
            )
        for field in text.split(b"&"):
            _check_field(field)
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=_MOST, errors="strict")
    except UnicodeDecodeError:
        raise InvalidParameter(details="Parameters are UTF-8 text") from None
    except ValueError:
        raise _too_many() from None
    return [_parameter(name, value) for name, value in pairs]


def _check_field(field: bytes) -> None:
    """Older parsers end a field at a semicolon as well; qs ends a name at its first `]=`, not at its first `=`."""
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
    """The members of a JSON object. A parser may take either of two equal members, so a name of `ONCE` comes once."""
    text = json_text(body)
    if not text.startswith(b"{"):
        raise no_object()
    try:
        check_value_count(text)
        pairs = _reader.decode(text.decode())
    except TooManyValues as fault:
        raise InvalidParameter(str(fault)) from None
    except _NOT_JSON:
        raise no_object() from None
    if len(pairs) > _MOST:
        raise _too_many()
    parameters = [_parameter(name, value) for name, value in pairs]
    names = [name for name, _ in parameters if name in ONCE]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidParameter(f"Param {twice} is given twice.")
    return parameters


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


# Of a number with a fraction or exponent it counts that it is one: a megabyte of 1e308 would take half a second.
_reader: Final = json.JSONDecoder(
    object_pairs_hook=list, parse_int=str, parse_float=lambda _: 0.5, parse_constant=_refuse_constant
)


def _too_many() -> InvalidParameter:
    return InvalidParameter(f"A request may have up to {_MOST} parameters.")
