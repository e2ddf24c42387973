"""The parameters of a request in every place, and requests that are refused because they have two readings."""

import json

import pytest
from tests.gate.send_request.pieces import TO, json_request, multipart, part, recipients_in, wa_ids

from wablock.contract.errors import InvalidParameter
from wablock.gate.send_request.parameters import read_parameters
from wablock.gate.send_request.request import FORM, JSON, MULTIPART, SendRequest


@pytest.mark.parametrize(
    "send_request",
    [
        SendRequest(JSON, b"", b'{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"to"}}'),
        SendRequest(JSON, b"", b'\xef\xbb\xbf {"to":"16505551234"}'),
        SendRequest("application/json; charset=utf-8", b"", b'{"to":16505551234}'),
        SendRequest(JSON, b"", b'{"\\u0074o":" 16505551234\\n"}'),
        SendRequest(JSON, b"", b'{"To":"16505551234"}'),
        SendRequest(None, b"", b'{"to":"16505551234"}'),
        SendRequest(FORM, b"", b'{"to":"16505551234"}'),
        SendRequest(FORM, b"", b"a=b&to=16505551234"),
        SendRequest(FORM, b"", b"%74o=%2216505551234%22"),
        SendRequest(FORM, b"", b"+to=16505551234"),
        SendRequest(None, b"to=16505551234"),
        multipart(part("a", "b"), part("to", "16505551234")),
        multipart(part("TO", "16505551234")),
    ],
)
def test_to_is_found_in_every_place(send_request: SendRequest) -> None:
    assert wa_ids(send_request) == [TO]


def test_all_of_several_recipients_are_found() -> None:
    assert recipients_in(SendRequest(JSON, b"to=1&to=2", b'{"to":"3","recipient":"US.4"}')) == ["1", "2", "3", "US.4"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"messaging_product":"whatsapp","status":"read","message_id":"wamid.x"}',
        b'{"to":null,"text":{"to":"16505551234"}}',
        b'{"to":""}',
        b"",
    ],
)
def test_a_body_may_have_no_recipient(body: bytes) -> None:
    assert recipients_in(SendRequest(JSON, b"", body)) == []


@pytest.mark.parametrize("name", ["to", "recipient", "access_token", "recipient_type"])
def test_json_with_a_name_twice_is_refused(name: str) -> None:
    for second in (name, name.title(), f"\\u{ord(name[0]):04x}{name[1:]}"):
        with pytest.raises(InvalidParameter, match="twice"):
            read_parameters(SendRequest(JSON, b"", f'{{"{name}":"1","a":1,"a":2,"{second}":"1"}}'.encode()))


@pytest.mark.parametrize(
    "send_request",
    [
        SendRequest(JSON, b"", b'{"to":["16505551234"]}'),
        SendRequest(JSON, b"", b'{"to":{"a":"16505551234"}}'),
        SendRequest(JSON, b"", b'{"to":true}'),
        SendRequest(JSON, b"", b'{"to":1.6505551234E10}'),
        SendRequest(FORM, b"", b"to[]=16505551234"),
        SendRequest(FORM, b"", b"to=%5B%2216505551234%22%5D"),
        SendRequest(None, b"recipient%5B0%5D=US.1"),
        multipart(part("to[0]", TO)),
        multipart(part("to", TO, '; filename="to.txt"')),
    ],
)
def test_a_recipient_that_is_not_text_is_refused(send_request: SendRequest) -> None:
    with pytest.raises(InvalidParameter, match="must be a string"):
        wa_ids(send_request)


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", f"{JSON}, {FORM}"])
def test_another_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        read_parameters(SendRequest(media_type, b"", b"to=1"))

    assert all(known in refusal.value.message for known in (JSON, FORM, MULTIPART))


def test_a_request_without_a_body_may_have_any_media_type() -> None:
    assert recipients_in(SendRequest("text/plain", b"", b"")) == []


@pytest.mark.parametrize(
    "body, details",
    [
        (b"[]", "The body is JSON, but not a JSON object."),
        (b'"to"', "The body is JSON, but not a JSON object."),
        (b"{", "The body is broken JSON: expecting property name enclosed in double quotes (character 1)."),
        (b'{"a":NaN}', "The body is broken JSON."),
        (b'{"a":"\xff"}', "The body is broken JSON: it is not UTF-8."),
        (b'{"to":"1"}x', "The body is broken JSON: extra data (character 10)."),
        (b'{"a":' + b"[" * 100_000, "The body is broken JSON: it is nested too deeply."),
        (b" ", "The body is broken JSON: expecting value (character 0)."),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes, details: str) -> None:
    with pytest.raises(InvalidParameter, match="JSON object") as refused:
        read_parameters(SendRequest(JSON, b"", body))

    assert refused.value.details == details


@pytest.mark.parametrize("text", [b"to=%ff", b"\xff=1"])
def test_parameters_that_are_not_utf_8_are_refused(text: bytes) -> None:
    with pytest.raises(InvalidParameter):
        read_parameters(SendRequest(FORM, b"", text))


def test_more_than_a_thousand_parameters_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="1000"):
        read_parameters(SendRequest(FORM, b"", b"a=&" * 2_000))


@pytest.mark.parametrize(
    "send_request",
    [
        SendRequest(JSON, b"", b'{"batch":[{"relative_url":"1/messages","body":"to=16505551234"}]}'),
        SendRequest(FORM, b"", b"batch=[]"),
        SendRequest(None, b"BATCH[0]=x"),
        multipart(part("batch", "[]")),
    ],
)
def test_requests_inside_a_request_are_refused(send_request: SendRequest) -> None:
    with pytest.raises(InvalidParameter, match="Batch requests are not passed on"):
        read_parameters(send_request)


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf8"', "us-ascii", "ISO-8859-1"])
@pytest.mark.parametrize("media_type", [JSON, FORM])
def test_a_charset_that_contains_ascii_is_accepted(media_type: str, charset: str) -> None:
    send_request = SendRequest(f"{media_type}; charset={charset}", b"", b'{"to":"16505551234"}')

    assert wa_ids(send_request) == [TO]


@pytest.mark.parametrize("name", ["to", " To ", "to.", "to[", "to[x", "]to", "[[to]]", '"TO"', "\uff34o", "t\u2060o"])
def test_only_the_letters_of_a_name_count(name: str) -> None:
    with_brackets = "[" in name

    [(plain, value)] = read_parameters(json_request(json.dumps({name: TO})))

    assert (plain, value) == ("to", [TO] if with_brackets else TO)


@pytest.mark.parametrize("name", ["recıpıent", "RECİPİENT", "ReCIPIENT"])  # noqa: RUF001 - Turkish letters
def test_a_turkish_i_is_an_i(name: str) -> None:
    assert recipients_in(json_request(json.dumps({name: TO}))) == [TO]


@pytest.mark.parametrize("name", ["tox", "text[to]", "too", "recipients", "a.to", "t", "", "[]", "0to"])
def test_another_name_is_not_a_recipient(name: str) -> None:
    assert recipients_in(json_request(json.dumps({name: TO}))) == []


@pytest.mark.parametrize("name", ["to" + " " * 100, "x" * 100])
def test_a_long_name_is_read_like_a_short_one(name: str) -> None:
    assert bool(recipients_in(json_request(json.dumps({name: TO})))) == name.startswith("to")


@pytest.mark.parametrize("text", [b"text=a;b=c", b"text=%3Bto=1", b"a=1;;b"])
def test_a_semicolon_before_another_name_is_text(text: bytes) -> None:
    assert recipients_in(SendRequest(FORM, text, text)) == []


@pytest.mark.parametrize("text", [b"=to[0]=1", b"=t%6f[0%5D=1", b" =[to]=1", b"a=1&to=[x%5d=1"])
def test_a_name_that_qs_ends_at_its_bracket_is_a_recipient(text: bytes) -> None:
    with pytest.raises(InvalidParameter, match="has a ="):
        read_parameters(SendRequest(FORM, b"", text))


@pytest.mark.parametrize("text", [b"a[b]=c=d", b"text[body]=to=1", b"text%5Bbody%5D=[to]=1"])
def test_an_equals_sign_in_a_value_is_text(text: bytes) -> None:
    assert recipients_in(SendRequest(FORM, text, text)) == []


def test_a_control_character_in_a_name_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="control character"):
        read_parameters(SendRequest(FORM, b"", b"a%00b=1"))


def test_a_member_that_javascript_reads_as_the_object_itself_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="__proto__"):
        read_parameters(json_request('{"__proto__":{"to":"16505551234"}}'))


@pytest.mark.parametrize("charset", ["utf-7", "UTF-16", "ibm037", "gzip", '"utf-7"'])
@pytest.mark.parametrize("media_type", [JSON, FORM, MULTIPART])
def test_a_charset_that_does_not_contain_ascii_is_refused(media_type: str, charset: str) -> None:
    with pytest.raises(InvalidParameter, match="UTF-8"):
        read_parameters(SendRequest(f"{media_type}; charset={charset}", b"", b'{"to":"16505551234"}'))
