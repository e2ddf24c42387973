"""The parser of multipart bodies. It accepts only the narrow grammar that all parsers read in the same way.

Parsers differ on folded lines, repeated parameters, quotes, escapes, character sets and encodings. Syntax that could
hide a name is refused in every part. Syntax that could hide a value is refused in the parts whose names are in `ONCE`.
"""

import re
from collections.abc import Iterator
from typing import Final

from python_multipart.multipart import parse_options_header

from wablock.contract.errors import InvalidParameter
from wablock.gate.send_request.names import ONCE, plain_name
from wablock.gate.send_request.request import MULTIPART

_MOST: Final = 1_000
_LONGEST_HEAD: Final = 4_096  # PHP starts a new line when its buffer of 5 KiB is full
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")  # RFC 2046, without the space
_HEADER = re.compile(r"([A-Za-z0-9-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_TOKEN: Final = r"[A-Za-z0-9._~-]+"
# The name must come first: a parser that searches for `name=` would find it in a filename. A filename with an escape
# must not have a semicolon, since parsers differ on its end.
_NAME: Final = rf'name *= *(?:"([^"\\;%]*)"|({_TOKEN}))'
_FILENAME: Final = rf'filename *= *(?:"[^"\\]*"|"(?:[^"\\;]|\\[^;])*"|{_TOKEN})'
_EXTENDED_FILENAME: Final = r"filename\*=[A-Za-z0-9'%._~!#$&+^`|-]+"
_DISPOSITION = re.compile(rf"form-data *; *{_NAME}( *; *{_FILENAME})?( *; *{_EXTENDED_FILENAME})?[ \t]*", re.IGNORECASE)
_PLAIN_ENCODINGS: Final = frozenset(("7bit", "8bit", "binary"))
_PLAIN_TEXT = re.compile(r'text/plain[ \t]*(?:;[ \t]*charset="?(?:utf-8|us-ascii|iso-8859-1)"?)?[ \t]*', re.IGNORECASE)


def boundary(content_type: str | None) -> str:
    """The boundary in `content_type`. Raises `InvalidParameter` if parsers may differ on it."""
    parameter = parse_options_header(content_type)[1].get(b"boundary", b"").decode("latin-1")
    if not _BOUNDARY.fullmatch(parameter):
        raise _unreadable("it needs a boundary of up to 70 letters and digits")
    return parameter


def parts(body: bytes, boundary: str) -> Iterator[tuple[str, str | None]]:
    """The names and texts of the parts. The text is None if the name is not in `ONCE`.

    Raises `InvalidParameter`, also for a file with a name in `ONCE`.
    """
    first, *rest = body.split(b"--" + boundary.encode())
    if first or not rest or rest.pop() not in (b"--", b"--\r\n"):
        raise _unreadable("it must begin and end with its boundary")
    if len(rest) > _MOST:
        raise InvalidParameter(f"A request may have up to {_MOST} parameters.")
    for part in rest:
        if not (part.startswith(b"\r\n") and part.endswith(b"\r\n")):
            raise _unreadable("each boundary must be on a line of its own")
        yield _part(part[2:])


def _part(part: bytes) -> tuple[str, str | None]:
    head, blank_line, content = part.partition(b"\r\n\r\n")
    if not blank_line or len(head) > _LONGEST_HEAD:
        raise _unreadable(f"a part has no headers, or more than {_LONGEST_HEAD} bytes of them")
    if not content.endswith(b"\r\n"):  # PHP would read an empty text to the next boundary
        raise _unreadable("there must be a line break after the text of each part")
    headers = _headers(_text(head))
    disposition = _DISPOSITION.fullmatch(headers.get("content-disposition", ""))
    if disposition is None:
        raise _unreadable('each part needs: Content-Disposition: form-data; name="…"')
    name = disposition[1] if disposition[2] is None else disposition[2]
    plain = plain_name(name)
    if plain not in ONCE:
        return name, None
    if disposition[3] or disposition[4]:
        raise InvalidParameter(f"Param {plain} must be a string.", "In this request it is a file.")
    if not _is_plain_text(headers):
        raise InvalidParameter(f"Param {plain} must be plain text.", "Send it without an encoding, as UTF-8.")
    try:
        return name, content[:-2].decode()
    except UnicodeDecodeError:
        raise InvalidParameter(details="Parameters must be UTF-8 text.") from None


def _text(head: bytes) -> str:
    try:
        return head.decode()
    except UnicodeDecodeError:
        return head.decode("latin-1")


def _headers(head: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in head.split("\r\n"):
        match = _HEADER.fullmatch(line)  # a folded line does not match
        if match is None or match[1].lower() in headers:
            raise _unreadable("a part has a header that is not one plain line, or that occurs twice")
        headers[match[1].lower()] = match[2]
    return headers


def _is_plain_text(headers: dict[str, str]) -> bool:
    encoding = headers.get("content-transfer-encoding", "binary").strip().lower()
    return encoding in _PLAIN_ENCODINGS and bool(_PLAIN_TEXT.fullmatch(headers.get("content-type", "text/plain")))


def _unreadable(reason: str) -> InvalidParameter:
    return InvalidParameter(f"The {MULTIPART} body cannot be read.", f"Two programs may read it differently: {reason}.")
