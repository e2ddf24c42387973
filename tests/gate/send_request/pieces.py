"""Requests in each media type that a send may have."""

from typing import Final

from wablock.gate.send_request.parameters import read_parameters
from wablock.gate.send_request.recipients import recipients_of
from wablock.gate.send_request.request import JSON, MULTIPART, SendRequest

TO: Final = "16505551234"
BOUNDARY: Final = f"{MULTIPART}; boundary=xYz"


def json_request(body: str) -> SendRequest:
    return SendRequest(JSON, b"", body.encode())


def part(name: str, value: str, more: str = "") -> str:
    return f'--xYz\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def part_with(header: str, name: str = "to", value: str = TO) -> str:
    return f'--xYz\r\nContent-Disposition: form-data; name="{name}"\r\n{header}\r\n\r\n{value}\r\n'


def multipart(*parts: str) -> SendRequest:
    return SendRequest(BOUNDARY, b"", ("".join(parts) + "--xYz--\r\n").encode())


def recipients_in(request: SendRequest) -> list[str]:
    """Every text in `request` that is a recipient."""
    return [value for name, value in read_parameters(request) if name in ("to", "recipient") and value]


def wa_ids(request: SendRequest, country: str | None = None) -> list[str | None]:
    return [member.wa_id for member in recipients_of(read_parameters(request), country).members]
