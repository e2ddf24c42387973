"""Real messages of businesses are forwarded byte for byte while another user is blocked.

`real_sends.jsonl` has the bodies of Meta's pages, with invented numbers; the multipart bodies are those that
public HTTP clients make.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import requests
from tests.running_server import ACCOUNT_ID, NUMBER, PHONE_NUMBER_ID
from tests.server.sending_gate import FORM, JSON, Message, SendingGate, sending_gate
from tests.server.test_webhooks import block

from wablock.block_list.ports import BusinessNumber
from wablock.settings import GateSettings

BODIES: Final = Path(__file__).parent / "real_sends.jsonl"
REAL: Final = {each["name"]: each for each in map(json.loads, BODIES.read_text().splitlines())}
ANNA: Final = "16505551234"
TO: Final = "16505550101"

# Businesses in 12 countries: the id of each number, and its wa_id.
BUSINESSES: Final = {
    "US": "16505550100",
    "BR": "5511961230100",
    "IN": "919812340100",
    "DE": "4915112340100",
    "MX": "525512340100",
    "ID": "628115550100",
    "NG": "2348031230100",
    "GB": "447700900100",
    "AR": "5491123450100",
    "ZA": "27711230100",
    "IT": "393121230100",
    "AE": "971501230100",
}
# A wa_id of each of 40 countries, as its numbering plan has mobile numbers; the last digits are invented.
USERS: Final = {
    "AU": "61412340101",
    "AT": "43664123401",
    "BD": "8801812340101",
    "BE": "32470120101",
    "BO": "59171234501",
    "CA": "15065550101",
    "CH": "41781230101",
    "CI": "2250123450101",
    "CL": "56961234501",
    "CM": "237671234501",
    "CN": "8613123450101",
    "CO": "573211230101",
    "CZ": "420601120101",
    "DK": "4532120101",
    "EC": "593991230101",
    "EG": "201001230101",
    "ES": "34612340101",
    "ET": "251911230101",
    "FI": "358412340101",
    "FR": "33612340101",
    "GH": "233231230101",
    "GR": "306912340101",
    "HK": "85251230101",
    "HU": "36201230101",
    "IE": "353850120101",
    "IL": "972502340101",
    "JP": "819012340101",
    "KE": "254712120101",
    "KR": "821020000101",
    "MA": "212650120101",
    "MY": "60123450101",
    "NL": "31612340101",
    "NO": "4740612101",
    "PE": "51912340101",
    "PH": "639051230101",
    "PK": "923012340101",
    "PL": "48512340101",
    "PT": "351912340101",
    "TR": "905012340101",
    "VN": "84912340101",
}


def phone_number_id(country: str) -> str:
    return str(int(PHONE_NUMBER_ID) + 1 + list(BUSINESSES).index(country))


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendingGate]:
    """A gate that forwards every path, and has blocked another user."""
    numbers = [
        BusinessNumber(phone_number_id(country), ACCOUNT_ID, BUSINESSES[country], country) for country in BUSINESSES
    ]
    gate_settings = GateSettings(pass_through=True)
    with sending_gate(tmp_path_factory.mktemp("innocent"), numbers=[NUMBER, *numbers], gate=gate_settings) as running:
        block(running.server, ANNA)
        yield running


@pytest.mark.parametrize("spaces", [(",", ":"), (", ", ": ")], ids=["compact", "spaced"])
@pytest.mark.parametrize("name", REAL)
def test_a_real_body_goes_on_byte_for_byte(gate: SendingGate, name: str, spaces: tuple[str, str]) -> None:
    body = json.dumps(REAL[name]["body"], separators=spaces, ensure_ascii=spaces[0] == ",").encode()

    answer = gate.send(Message(JSON, "", body), edge=REAL[name]["edge"])

    assert answer.status_code == 200
    assert gate.received[-1].body == body


@pytest.mark.parametrize(
    "content_type", [None, "application/json; charset=utf-8", "application/json;charset=UTF-8", FORM]
)
def test_json_goes_on_under_every_usual_content_type(gate: SendingGate, content_type: str | None) -> None:
    body = json.dumps(REAL["text"]["body"]).encode()

    answer = gate.send(Message(content_type, "", body))

    assert answer.status_code == 200
    assert gate.received[-1].body == body


@pytest.mark.parametrize(
    "body",
    [
        # as Python's urlencode, PHP's http_build_query and jQuery write a message
        f"messaging_product=whatsapp&to={TO}&type=text&text=%7B%22body%22%3A+%22a%3B+to%3D1%22%7D",
        f"messaging_product=whatsapp&recipient_type=individual&to=%2B{TO}&type=text&text%5Bbody%5D=a%26to%3D1",
        f"messaging_product=whatsapp&to={TO}&type=template&template[name]=a&template[components][0][type]=to",
    ],
)
def test_a_form_goes_on_byte_for_byte(gate: SendingGate, body: str) -> None:
    answer = gate.send(Message(FORM, "", body.encode()))

    assert answer.status_code == 200
    assert gate.received[-1].body == body.encode()


def _of_requests() -> tuple[str, bytes]:
    request = requests.Request(
        "POST",
        "http://127.0.0.1/",
        data={"messaging_product": "whatsapp", "type": "image/jpeg"},
        files={"file": ('a "b".jpg', b"\xff\xd8\r\n--x\r\n", "image/jpeg")},
    ).prepare()
    assert isinstance(request.body, bytes)
    return str(request.headers["Content-Type"]), request.body


def _of_httpx() -> tuple[str, bytes]:
    request = httpx2.Request(
        "POST",
        "http://127.0.0.1/",
        data={"messaging_product": "whatsapp", "to": TO},
        files={"file": ("Ä;name=to.jpg", b"\xff\xd8", "image/jpeg")},
    )
    return request.headers["content-type"], request.read()


def _written(boundary: str, *parts: str) -> tuple[str, bytes]:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    return f"multipart/form-data; boundary={boundary}", body.encode()


UPLOADS: Final[dict[str, tuple[str, bytes]]] = {
    "requests": _of_requests(),
    "httpx": _of_httpx(),
    "curl": _written(
        "------------------------d74496d66958873e",
        'Content-Disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp',
        'Content-Disposition: form-data; name="file"; filename="a\\"b.jpg"\r\nContent-Type: image/jpeg\r\n\r\nx',
    ),
    "a browser": _written(
        "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        'Content-Disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp',
        f'Content-Disposition: form-data; name="to"\r\n\r\n{TO}',
        'Content-Disposition: form-data; name="file"; filename="a%22b.jpg"\r\nContent-Type: image/jpeg\r\n\r\nx',
    ),
    "OkHttp": _written(
        "0d3a7b0e-8f3b-4a0e-9d3f-2b1c5a6d7e8f",
        'Content-Disposition: form-data; name="messaging_product"\r\nContent-Transfer-Encoding: binary\r\n'
        "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 8\r\n\r\nwhatsapp",
        'Content-Disposition: form-data; name="to"\r\nContent-Transfer-Encoding: binary\r\n'
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(TO)}\r\n\r\n{TO}",
    ),
    ".NET": _written(
        "6f1c3f0e-1111-4a0e-9d3f-2b1c5a6d7e8f",
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=to\r\n\r\n{TO}",
        "Content-Type: image/jpeg\r\n"
        "Content-Disposition: form-data; name=file; filename=a.jpg; filename*=utf-8''a.jpg\r\n\r\nx",
    ),
    "Guzzle": _written(
        "3f6e2d1c0b9a8f7e6d5c4b3a29181706f5e4d3c2",
        f'Content-Disposition: form-data; name="to"\r\nContent-Length: {len(TO)}\r\n\r\n{TO}',
        'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Length: 1\r\n'
        "Content-Type: image/jpeg\r\n\r\nx",
    ),
}


@pytest.mark.parametrize("client", UPLOADS)
@pytest.mark.parametrize("edge", ["media", "messages"])
def test_an_upload_of_an_http_client_is_forwarded_byte_for_byte(gate: SendingGate, edge: str, client: str) -> None:
    content_type, body = UPLOADS[client]

    answer = gate.send(Message(content_type, "", body), edge=edge)

    assert answer.status_code == 200
    assert gate.received[-1].body == body


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("country", BUSINESSES)
def test_a_business_sends_to_a_wa_id_of_another_country(gate: SendingGate, country: str, user: str) -> None:
    body: dict[str, Any] = {"messaging_product": "whatsapp", "to": USERS[user], "type": "text", "text": {"body": "Hi"}}

    assert gate.refusal(Message(JSON, "", json.dumps(body).encode()), phone_number_id(country)) == 0
