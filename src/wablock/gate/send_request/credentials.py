"""The caller's token in a request, and the request without it for the upstream."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from wablock.contract.errors import InvalidParameter
from wablock.gate.send_request import multipart
from wablock.gate.send_request.names import CREDENTIALS, plain_name
from wablock.gate.send_request.parameters import Parameter, field_name, read_parameters, unreadable_json
from wablock.gate.send_request.request import FORM, JSON, MULTIPART, SendRequest, json_text, media_type
from wablock.gate.token_finder import TokenFinder

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def access_token(request: SendRequest) -> str | None:
    """The caller's token, if it is a parameter with only one value. Raises the same errors as `read_parameters`."""
    values = [value for name, value in read_parameters(request) if name == "access_token"]
    token = values[0] if values and all(value == values[0] for value in values) else None
    return token if isinstance(token, str) else None


def without_credentials(request: SendRequest, parameters: Sequence[Parameter]) -> SendRequest:
    """`request` without a token. It has the media type with which it was read. `parameters`: those of `request`."""
    kind = media_type(request)
    query, body = request.query, request.body
    if any(name in CREDENTIALS for name, _ in parameters):
        query, body = _fields_without(query), _body_without(request, kind)
    content_type = f'{MULTIPART}; boundary="{multipart.boundary(request.content_type)}"' if kind == MULTIPART else kind
    return SendRequest(content_type, query, body)


def check_without_token(path: str, request: SendRequest, token: TokenFinder) -> None:
    """Raises `InvalidParameter` if the request to the upstream still contains the caller's token."""
    for place, text in (("path", path.encode()), ("query", request.query), ("body", request.body)):
        if text and token.is_in(text):
            raise InvalidParameter(
                f"The access token is in the request's {place}.",
                "It would reach the upstream, which has its own token. Send it as: Authorization: Bearer TOKEN",
            )


def headers_without_token(headers: Iterable[tuple[bytes, bytes]], token: TokenFinder) -> list[tuple[bytes, bytes]]:
    """The `headers` that do not contain the caller's token. Their names are in lower case."""
    others = [header for header in headers if header[0] != b"authorization"]  # it is never sent to the upstream
    if not token.is_in_header(b" ".join(name for name, _ in others), b"\n".join(value for _, value in others)):
        return others  # nearly always
    return [(name, value) for name, value in others if not token.is_in_header(name, value)]


def _body_without(request: SendRequest, kind: str | None) -> bytes:
    if kind == JSON:
        return _json_without(request.body)
    if kind == FORM:
        return _fields_without(request.body)
    if kind == MULTIPART:
        parts = multipart.parts(request.body, multipart.boundary(request.content_type))
        if any(plain_name(name) in CREDENTIALS for name, _ in parts):
            raise InvalidParameter(
                "access_token must not be a part of a multipart body.", "Send it as: Authorization: Bearer TOKEN"
            )
    return request.body


def _json_without(body: bytes) -> bytes:
    try:
        members = _members.decode(json_text(body))
    except msgspec.ValidationError:
        raise unreadable_json() from None
    except (ValueError, RecursionError) as error:  # msgspec is stricter than json
        raise unreadable_json(error) from None
    others = {name: raw for name, raw in members.items() if plain_name(name) not in CREDENTIALS}
    return body if len(others) == len(members) else msgspec.json.encode(others)


def _fields_without(text: bytes) -> bytes:
    fields = text.split(b"&")
    others = [field for field in fields if field_name(field) not in CREDENTIALS]
    return text if len(others) == len(fields) else b"&".join(others)
