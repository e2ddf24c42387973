"""What a business sends on: whom it is for, and what of it may go to the upstream. Values in, values out, no I/O.

Whoever reads it upstream may read it otherwise. So names are understood as loosely as PHP, Go and Graph do, all values
of a name count, what has two readings is refused, and what goes on names the one media type it was read as.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from python_multipart.multipart import parse_options_header

from wablock.block_list.ports import Member
from wablock.contract import identity
from wablock.contract.errors import InvalidParameter, NotAWhatsAppUser

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

_RECIPIENTS: Final = frozenset(("to", "recipient"))
_CREDENTIALS: Final = frozenset(("access_token", "appsecret_proof"))
_BATCH: Final = "batch"  # other requests inside this one, with recipients of their own
_READ: Final = _RECIPIENTS | _CREDENTIALS | {"recipient_type", _BATCH}

_MOST_FIELDS: Final = 1_000
_NOT_JSON: Final = (ValueError, RecursionError)  # a ValueError: msgspec's, json's and UTF-8's
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.~:-]+)+")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")  # RFC 2046, without the space
_MANGLED: Final = str.maketrans(" .", "__")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Sent(msgspec.Struct, frozen=True):
    """What a request says, as it came: its media type, its query without the `?`, its body."""

    content_type: str | None = None
    query: bytes = b""
    body: bytes = b""


def upstream_path(path: str) -> str | None:
    """`path`, as it stood in the request line, if everybody reads it alike; else None."""
    plain = path.removesuffix("/")
    return plain if _PATH.fullmatch(plain) else None


def recipients(sent: Sent) -> list[str]:
    """Every user that `sent` names as its recipient, as typed; none for what has none, or is for a group.

    Raises `InvalidParameter` for what cannot be read, or could be read as somebody else.
    """
    said = [*_pairs(sent.query), *_body(sent)]
    if any(name == _BATCH for name, _ in said):
        raise InvalidParameter("Batch requests are not passed on.", "Send each request by itself.")
    types = [value for name, value in said if name == "recipient_type"]
    users = {"recipient"} if types and all(kind == "group" for kind in types) else _RECIPIENTS
    texts = [_text(name, value) for name, value in said if name in users and value is not None]
    return [text for text in texts if text]


def access_token(sent: Sent) -> str | None:
    """The caller's token, where it came as one parameter; raises what `recipients` raises."""
    found = {value for name, value in [*_pairs(sent.query), *_body(sent)] if name == "access_token"}
    text = found.pop() if len(found) == 1 else None
    return text if isinstance(text, str) else None


def members(texts: Iterable[str], country: str | None) -> list[Member]:
    """Who is meant by `texts`. What names nobody cannot be blocked: it is left out, and the upstream judges it."""
    found = (_member(text, country) for text in texts)
    return [member for member in found if member is not None]


def without_credentials(sent: Sent) -> Sent:
    """What may go on: without the caller's token, under the media type that it was read as."""
    query = _without_credentials(sent.query)
    media_type = _media_type(sent)
    if media_type == JSON:
        return Sent(JSON, query, _json_without_credentials(sent.body))
    if media_type == FORM:
        return Sent(FORM, query, _without_credentials(sent.body))
    if media_type == MULTIPART:
        if any(name in _CREDENTIALS for name, _ in _parts(sent)):
            raise InvalidParameter(
                "access_token cannot be a part of a multipart body.", "Send it as: Authorization: Bearer TOKEN"
            )
        return Sent(f'{MULTIPART}; boundary="{_boundary(sent)}"', query, sent.body)
    return Sent(sent.content_type if sent.body else None, query, sent.body)


def _text(name: str, value: Any) -> str:
    # Graph reads JSON in a form's values, too.
    if not isinstance(value, str) or value.lstrip().startswith(("[", "{")):
        raise InvalidParameter(f"Param {name} must be a string.", "A message has one recipient.")
    return value.strip().strip('"').strip()


def _member(text: str, country: str | None) -> Member | None:
    # By either reading, whichever parameter it stood in: an upstream may not be strict about that.
    try:
        who = identity.of_user(text, country)
    except NotAWhatsAppUser:
        try:
            who = identity.of_user_id(text)
        except NotAWhatsAppUser:
            return None
    return Member(who.key, who.wa_id, who.user_id, text)


# -- reading


def _media_type(sent: Sent) -> str | None:
    """How the body is read; None where there is nothing to read."""
    if not sent.body:
        return None
    named = (sent.content_type or "").partition(";")[0].strip().lower()
    if named in (FORM, MULTIPART) and _plain_json(sent.body).startswith(b"{"):
        return JSON
    return named or JSON


def _body(sent: Sent) -> list[tuple[str, Any]]:
    media_type = _media_type(sent)
    if media_type is None:
        return []
    if media_type == JSON:
        return _json_pairs(sent.body)
    if media_type == FORM:
        return _pairs(sent.body)
    if media_type == MULTIPART:
        return _parts(sent)
    raise InvalidParameter(f"Content-Type must be one of {JSON}, {FORM}, {MULTIPART}.")


def _named(name: str, value: Any) -> tuple[str, Any]:
    """A parameter by the name that somebody may understand: PHP mangles ` to`, `to[0]`, `access.token`; Go takes `To`.

    What stands in an array is given as one.
    """
    plain, bracket, _ = name.lstrip().partition("[")
    return plain.translate(_MANGLED).casefold(), [value] if bracket else value


def _pairs(text: bytes) -> list[tuple[str, Any]]:
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise InvalidParameter(details="Parameters are UTF-8 text") from None
    except ValueError:
        raise InvalidParameter(f"A request may have up to {_MOST_FIELDS} parameters.") from None
    return [_named(name, value) for name, value in pairs]


def _without_credentials(text: bytes) -> bytes:
    fields = text.split(b"&")
    kept = [field for field in fields if _field_name(field) not in _CREDENTIALS]
    return text if len(kept) == len(fields) else b"&".join(kept)


def _field_name(field: bytes) -> str:
    return _named(unquote_plus(field.partition(b"=")[0].decode(errors="replace")), None)[0]


def _plain_json(body: bytes) -> bytes:
    return body.removeprefix(_BYTE_ORDER_MARK).strip()


def _json_pairs(body: bytes) -> list[tuple[str, Any]]:
    """The members of a JSON object. Of two members a parser may take either: what matters here may stand there once."""
    if not _plain_json(body).startswith(b"{"):
        raise _no_object()
    try:
        said = json.loads(
            _plain_json(body).decode(),
            object_pairs_hook=list,
            parse_int=str,
            parse_float=_number_text,
            parse_constant=_refuse_constant,
        )
    except _NOT_JSON:
        raise _no_object() from None
    pairs = [_named(name, value) for name, value in said]
    for name, times in Counter(name for name, _ in pairs).items():
        if name in _READ and times > 1:
            raise InvalidParameter(f"Param {name} is given twice.")
    return pairs


def _number_text(text: str) -> str:
    """1.6505551234E10 is 16505551234 to many."""
    number = float(text)
    return str(int(number)) if number.is_integer() else text


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


def _no_object() -> InvalidParameter:
    return InvalidParameter(f"The {JSON} body must be a JSON object.")


def _json_without_credentials(body: bytes) -> bytes:
    if not any(name in _CREDENTIALS for name, _ in _json_pairs(body)):
        return body
    try:
        members_as_sent = _members.decode(_plain_json(body))
    except _NOT_JSON:
        raise _no_object() from None
    kept = {name: raw for name, raw in members_as_sent.items() if _named(name, None)[0] not in _CREDENTIALS}
    return msgspec.json.encode(kept)


# -- multipart: as narrow as can be, since no two parsers agree on its corners


def _parts(sent: Sent) -> list[tuple[str, Any]]:
    """Names and values; a file's value is None, unless its name is one of those that matter here: that is refused."""
    mark = b"--" + _boundary(sent).encode()
    first, *parts = sent.body.split(mark)
    if first or not parts or parts.pop() not in (b"--", b"--\r\n") or len(parts) > _MOST_FIELDS:
        raise _unreadable()
    if not all(part.startswith(b"\r\n") and part.endswith(b"\r\n") for part in parts):
        raise _unreadable()
    return [_part(part) for part in parts]


def _part(part: bytes) -> tuple[str, Any]:
    # Small letters: PHP takes `NAME=`, and of names only those of letters without regard to case matter here.
    head, blank_line, rest = part[2:].partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    dispositions = [line.partition(":")[2] for line in lines if line.partition(":")[0].strip() == "content-disposition"]
    if not blank_line or any(set(line) & {"\r", "\n", "\0"} for line in lines) or len(dispositions) != 1:
        raise _unreadable()
    options = parse_options_header(dispositions[0].strip())[1]
    if b"name" not in options:
        raise _unreadable()
    is_file = b"filename" in options or "filename*" in dispositions[0]
    name, value = _named(options[b"name"].decode("latin-1"), None)
    if name not in _READ:
        return name, None
    try:
        text = rest[:-2].decode()
    except UnicodeDecodeError:
        raise InvalidParameter(details="Parameters are UTF-8 text") from None
    if is_file or value is not None:
        raise InvalidParameter(f"Param {name} must be a string.")
    return name, text


def _boundary(sent: Sent) -> str:
    found = parse_options_header(sent.content_type)[1].get(b"boundary", b"").decode("latin-1")
    if not _BOUNDARY.fullmatch(found):
        raise _unreadable()
    return found


def _unreadable() -> InvalidParameter:
    return InvalidParameter(f"The {MULTIPART} body cannot be read.")
