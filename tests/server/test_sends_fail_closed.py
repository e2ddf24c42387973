"""Requests that some upstream may read as a message to a blocked user: the gate forwards none of them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.running_server import ACCOUNT_ID, NUMBER
from tests.server.sending_gate import FORM, JSON, MULTIPART, Message, SendingGate, sending_gate
from tests.server.test_webhooks import block

from wablock.block_list.ports import BusinessNumber
from wablock.settings import GateSettings

ANNA, BEN = "16505551234", "16505550101"
USER_ID: Final = "US.13491208655302741918"
GROUP_ID: Final = "Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD"
NO_COUNTRY: Final = "106540352242933"


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendingGate]:
    """A gate that has blocked Anna by her number, and another user by user_id alone."""
    numbers = [NUMBER, BusinessNumber(NO_COUNTRY, ACCOUNT_ID)]
    with sending_gate(tmp_path_factory.mktemp("sends"), numbers=numbers) as running:
        block(running.server, ANNA)
        block(running.server, USER_ID)
        yield running


def json_body(members: str) -> Message:
    return Message(JSON, "", members.encode())


def part(name: str, value: str = ANNA, more: str = "") -> str:
    return f"--xYz\r\nContent-Disposition: form-data; {name}{more}\r\n\r\n{value}\r\n"


def multipart(*parts: str) -> Message:
    return Message(MULTIPART, "", ("".join(parts) + "--xYz--\r\n").encode())


CALLED_A_GROUP: Final[dict[str, Message]] = {
    "recipient_type": json_body(f'{{"recipient_type":"group","to":"{ANNA}"}}'),
    "capitals": json_body(f'{{"Recipient_Type":"group","to":"{ANNA}"}}'),
    "blank": json_body(f'{{"recipient type":"group","to":"{ANNA}"}}'),
    "dot": json_body(f'{{"recipient.type":"group","to":"{ANNA}"}}'),
    "query": Message(JSON, "Recipient_Type=group", f'{{"to":"{ANNA}"}}'.encode()),
    "form": Message(FORM, "", f"RECIPIENT_TYPE=group&to={ANNA}".encode()),
    "brackets": Message(FORM, "", f"recipient_type[]=group&to={ANNA}".encode()),
    "multipart": multipart(part('name="recipient_type"', "group"), part('name="to"')),
    "and a JID of a group's server": json_body(f'{{"recipient_type":"group","to":"{ANNA}@g.us"}}'),
}


@pytest.mark.parametrize("message", CALLED_A_GROUP.values(), ids=CALLED_A_GROUP)
def test_a_user_who_is_called_a_group_is_a_user(gate: SendingGate, message: Message) -> None:
    assert gate.refusal(message) in (130403, 100)


ANOTHER_READING: Final[dict[str, Message]] = {
    "national digits": json_body('{"to":"6505551234"}'),
    "national, punctuated": json_body('{"to":"(650) 555-1234"}'),
    "trunk prefix": json_body('{"to":"1 650 555 1234"}'),
    "00 before it": json_body('{"to":"0016505551234"}'),
    "011 before it": json_body('{"to":"01116505551234"}'),
    "a leading zero": json_body('{"to":"016505551234"}'),
    "an integer": json_body(f'{{"to":{ANNA}}}'),
    "direction marks": json_body('{"to":"\\u202a+1 650 555 1234\\u202c"}'),
    "a no-break space": json_body('{"to":"+1\\u00a0650\\u00a0555\\u00a01234"}'),
    "Arabic digits": json_body('{"to":"+١٦٥٠٥٥٥١٢٣٤"}'),
    "fullwidth digits": json_body(
        '{"to":"\\uff11\\uff16\\uff15\\uff10\\uff15\\uff15\\uff15\\uff11\\uff12\\uff13\\uff14"}'
    ),
    "tel:": json_body('{"to":"tel:+1-650-555-1234"}'),
    "whatsapp:": json_body(f'{{"to":"whatsapp:+{ANNA}"}}'),
    "a JID": json_body(f'{{"to":"{ANNA}@s.whatsapp.net"}}'),
    "an older JID": json_body(f'{{"recipient":"{ANNA}@c.us"}}'),
    "JSON in a form": Message(FORM, "", f"to=%22{ANNA}%22".encode()),
    "an empty to beside it": json_body(f'{{"to":"","recipient":"{USER_ID}"}}'),
    "null beside it": json_body(f'{{"to":null,"recipient":"{ANNA}"}}'),
    "a group beside it": json_body(f'{{"to":"{GROUP_ID}","recipient":"{ANNA}"}}'),
    "a number that cannot be read beside it": json_body(f'{{"to":"unknown","recipient":"{ANNA}"}}'),
}


@pytest.mark.parametrize("message", ANOTHER_READING.values(), ids=ANOTHER_READING)
def test_a_blocked_user_is_recognised_in_every_reading_of_a_recipient(gate: SendingGate, message: Message) -> None:
    assert gate.refusal(message) == 130403


NO_TEXT: Final[dict[str, Message]] = {
    "a list": json_body(f'{{"to":["{ANNA}"]}}'),
    "an object": json_body(f'{{"to":{{"phone":"{ANNA}"}}}}'),
    "JSON text": json_body(f'{{"to":"[\\"{ANNA}\\"]"}}'),
    "a float": json_body(f'{{"to":{ANNA}.0}}'),
    "an exponent": json_body('{"to":1.6505551234E10}'),
    "a boolean": json_body('{"to":true}'),
    "brackets": Message(FORM, "", f"to[]={ANNA}".encode()),
    "an index": Message(FORM, "", f"to[0]={ANNA}".encode()),
    "an index in the query": Message(None, f"to%5B0%5D={ANNA}", b""),
    "brackets in JSON": json_body(f'{{"to[]":"{ANNA}"}}'),
    "nothing before the brackets": Message(FORM, "", f"[to]={ANNA}".encode()),
    "a file": multipart(part('name="to"', more='; filename="to.txt"')),
}


@pytest.mark.parametrize("message", NO_TEXT.values(), ids=NO_TEXT)
def test_a_recipient_that_is_not_text_is_refused(gate: SendingGate, message: Message) -> None:
    assert gate.refusal(message) == 100


NAMED_OTHERWISE: Final[dict[str, Message]] = {
    "percent signs": Message(FORM, "", f"%74%6f={ANNA}".encode()),
    "a blank before it": Message(FORM, "", f"+to={ANNA}".encode()),
    "a blank behind it": Message(FORM, "", f"to+={ANNA}".encode()),
    "a dot": Message(FORM, "", f"to.={ANNA}".encode()),
    "quotes": Message(FORM, "", f"%22to%22={ANNA}".encode()),
    "an underscore": json_body(f'{{"_to":"{ANNA}"}}'),
    "fullwidth letters": json_body(f'{{"\\uff54\\uff4f":"{ANNA}"}}'),
    "an invisible mark": json_body(f'{{"to\\u200b":"{ANNA}"}}'),
    "an escape": json_body(f'{{"\\u0074\\u006f":"{ANNA}"}}'),
    "an object's prototype": json_body(f'{{"__proto__":{{"to":"{ANNA}"}}}}'),
    "NUL behind it": Message(FORM, "", f"to%00={ANNA}".encode()),
    "NUL and more behind it": Message(FORM, "", f"to%00x={ANNA}".encode()),
    "a bare NUL": Message(FORM, "", f"to\0x={ANNA}".encode()),
    "NUL in JSON": json_body(f'{{"to\\u0000x":"{ANNA}"}}'),
    "NUL in the query": Message(None, f"to%00x={ANNA}", b""),
    "a semicolon": Message(FORM, "", f"a=1;to={ANNA}".encode()),
    "a semicolon in the query": Message(None, f"a=1;to={ANNA}", b""),
    "a semicolon and blanks": Message(FORM, "", f"a=1;+recipient%00x={ANNA}".encode()),
    "twice": json_body(f'{{"to":"{BEN}","to":"{ANNA}"}}'),
    "twice, once in capitals": json_body(f'{{"to":"{BEN}","TO":"{ANNA}"}}'),
    "twice in a form": Message(FORM, "", f"to={BEN}&to={ANNA}".encode()),
    "_method beside it": Message(FORM, "_method=PUT", f"_method=POST&to={ANNA}".encode()),
    "in single quotes": multipart(part("name='to'")),
    "bare": multipart(part("name=to")),
    "an extended name": multipart(part("name*=utf-8''to")),
    "an extended name beside one": multipart(part("name=\"a\"; name*=utf-8''to")),
    "two names": multipart(part('name="a"; name="to"')),
    "a folded name": multipart(part('name="a";\r\n name="to"')),
    "a folded second name": multipart(part('name="a"\r\n ; name="to"')),
    "a name in the filename": multipart(part('name="a"; filename="b\\"; name="to"; x="')),
    "a name behind the filename": multipart(part('filename="b"; name="to"')),
    "an escaped name": multipart(part('name="t\\o"')),
    "no line break of its own": multipart(
        '--xYz\r\nContent-Disposition: form-data; name="to"\r\n\r\n', part('name="a"')
    ),
    "a long header before it": multipart(
        "--xYz\r\nX: " + "x" * 5_117 + 'Content-Disposition: form-data; name="to"\r\n'
        f'Content-Disposition: form-data; name="a"\r\n\r\n{ANNA}\r\n'
    ),
}


@pytest.mark.parametrize("message", NAMED_OTHERWISE.values(), ids=NAMED_OTHERWISE)
def test_a_name_that_some_parser_reads_as_to_is_a_recipient(gate: SendingGate, message: Message) -> None:
    assert gate.refusal(message) in (130403, 100)


def part_with(header: str, value: str) -> Message:
    return multipart(f'--xYz\r\nContent-Disposition: form-data; name="to"\r\n{header}\r\n\r\n{value}\r\n')


ENCODED: Final[dict[str, Message]] = {
    "base64": part_with("Content-Transfer-Encoding: base64", base64.b64encode(ANNA.encode()).decode()),
    "base64 that is another number": part_with("Content-Transfer-Encoding: base64", "4915112345678901"),
    "quoted-printable": part_with("Content-Transfer-Encoding: quoted-printable", "=31=36505551234"),
    "UTF-7 in a part": part_with("Content-Type: text/plain; charset=utf-7", f"+{BEN}"),
    "UTF-16 in a part": part_with("Content-Type: text/plain; charset=utf-16le", BEN),
    "JSON in a part": part_with("Content-Type: application/json", BEN),
    "UTF-16": Message(JSON, "", f'{{"to":"{ANNA}"}}'.encode("utf-16")),
    "UTF-16 without a mark": Message(JSON, "", f'{{"to":"{ANNA}"}}'.encode("utf-16-le")),
    "UTF-16 that says so": Message(f"{JSON}; charset=utf-16", "", f'{{"to":"{ANNA}"}}'.encode("utf-16")),
    "EBCDIC": Message(f"{JSON}; charset=ibm037", "", f'{{"to":"{ANNA}"}}'.encode("cp037")),
    "a form in EBCDIC": Message(f"{FORM}; charset=ibm037", "", f"to={ANNA}".encode("cp037")),
    "UTF-7": Message(f"{JSON}; charset=utf-7", "", f'{{"+AHQAbw-":"{ANNA}"}}'.encode()),
    "a form in UTF-7": Message(f"{FORM}; charset=UTF-7", "", f"%2BAHQAbw-={ANNA}".encode()),
    "a quoted charset": Message(f'{FORM}; charset="utf-7"', "", f"a=b&to={BEN}".encode()),
    "gzip": Message(f"{JSON}; charset=gzip", "", f'{{"to":"{BEN}"}}'.encode()),
}


@pytest.mark.parametrize("message", ENCODED.values(), ids=ENCODED)
def test_text_that_may_be_decoded_twice_is_refused(gate: SendingGate, message: Message) -> None:
    assert gate.refusal(message) == 100


UNREADABLE: Final[dict[str, str]] = {
    "a word": "unknown",
    "too short": "+1650555",
    "two numbers": f"+{BEN},+{ANNA}",
    "two numbers with a blank": f"+{BEN} +{ANNA}",
    "a decimal": f"{ANNA}.0",
    "an exponent": "1.65055E+10",
    "an extension": f"+{BEN} ext. 5",
    "letters behind it": f"{ANNA}abc",
    "NUL behind it": f"{ANNA}\0",
    "the trunk zero": "+44 (0)7700 900101",
    "no country code": "+9995550101",
    "a user_id in small letters": USER_ID.lower(),
    "a hidden id": "123456789012345@lid",
    "marks alone": "\u202a\u202c",
    "a template's placeholder": "{{phone}}"[1:],
    "undefined": "undefined",
}


@pytest.mark.parametrize("to", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("name", ["to", "recipient"])
def test_a_message_with_an_unreadable_recipient_is_not_sent(gate: SendingGate, name: str, to: str) -> None:
    message = Message(JSON, "", json.dumps({name: to}).encode())

    assert gate.refusal(message) == 100


def test_the_refusal_shows_the_value_and_what_to_write(gate: SendingGate) -> None:
    to = 'no "number"\r\nx: y\u202e\x1b[31m' + "é" * 2_000

    answer = gate.send(Message(JSON, "", json.dumps({"to": to}).encode()))

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, 100)
    assert error["message"].startswith(
        "(#100) Param to cannot be read as a recipient: \"no 'number'\\r\\nx: y\\u202e\\x1b"
    )
    assert error["message"].isascii()
    assert len(error["message"]) < 300
    assert "+16505551234" in error["error_data"]["details"]


@pytest.mark.parametrize("to", ["(650) 555-1234", "0049 30 5550101", "006505551234"])
def test_a_punctuated_number_without_plus_is_refused_if_no_country_is_known(gate: SendingGate, to: str) -> None:
    message = Message(JSON, "", json.dumps({"to": to}).encode())

    assert gate.refusal(message, NO_COUNTRY) == 100


@pytest.mark.parametrize(
    "message",
    [
        json_body(f'{{"recipient_type":"group","to":"{GROUP_ID}"}}'),
        json_body(f'{{"to":"{GROUP_ID}"}}'),
        json_body('{"recipient_type":"group","to":"120363404694233820@g.us"}'),
        json_body('{"recipient_type":"group","to":"16505551234-1400000000@g.us"}'),
        json_body('{"recipient_type":"group","to":"16505551234-1400000000"}'),
        json_body('{"to":"US.ENT.506847293015824"}'),
        json_body('{"recipient":"US.99999999"}'),
        json_body(f'{{"to":"{BEN}","recipient":"US.99999999"}}'),
        json_body('{"messaging_product":"whatsapp","status":"read","message_id":"wamid.x"}'),
        json_body('{"to":null}'),
        json_body('{"to":""}'),
        Message(FORM, "", b"to=&type=text"),
    ],
)
def test_messages_to_a_group_to_another_user_or_to_no_recipient_are_forwarded(
    gate: SendingGate, message: Message
) -> None:
    assert gate.refusal(message) == 0


def test_an_unreadable_recipient_is_forwarded_if_the_setting_is_on(tmp_path: Path) -> None:
    with sending_gate(tmp_path, gate=GateSettings(pass_unreadable_recipients=True)) as gate:
        block(gate.server, ANNA)

        unreadable = gate.refusal(json_body('{"to":"unknown"}'))
        blocked_beside_it = gate.refusal(json_body(f'{{"to":"unknown","recipient":"{ANNA}"}}'))
        a_list = gate.refusal(json_body('{"to":["unknown"]}'))

    assert (unreadable, blocked_beside_it, a_list) == (0, 130403, 100)


def test_an_unreadable_recipient_is_counted(tmp_path: Path) -> None:
    with sending_gate(tmp_path) as gate:
        gate.refusal(json_body('{"to":"unknown"}'))

        metrics = httpx2.get(gate.server.url + "/metrics").text

    assert 'wablock_sent_total{result="unreadable"} 1.0' in metrics
