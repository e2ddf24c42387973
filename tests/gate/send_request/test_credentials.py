"""The caller's token is read in every place, and is not forwarded."""

import pytest
from tests.gate.send_request.pieces import BOUNDARY, TO, multipart, part

from wablock.contract.errors import InvalidParameter
from wablock.gate.send_request.credentials import access_token, without_credentials
from wablock.gate.send_request.parameters import read_parameters
from wablock.gate.send_request.request import FORM, JSON, MULTIPART, SendRequest


def onward(send_request: SendRequest) -> SendRequest:
    """The request that is forwarded for `send_request`."""
    return without_credentials(send_request, read_parameters(send_request))


@pytest.mark.parametrize(
    "send_request",
    [
        SendRequest(JSON, b"fields=a&b=%20", b'{ "to" : 1.0, "a":1, "a":2 }'),
        SendRequest(FORM, b"", b"to=+1&&a=%zz"),
        SendRequest(f'{MULTIPART}; boundary="xYz"', b"", multipart(part("to", TO)).body),
        SendRequest(None, b"a=b", b""),
    ],
)
def test_a_request_without_credentials_is_forwarded_untouched(send_request: SendRequest) -> None:
    assert onward(send_request) == send_request


def test_the_callers_token_is_not_forwarded_in_the_query() -> None:
    send_request = SendRequest(
        None, b"a=%20&access_token=secret&appsecret_proof=secret&b=2&%61ccess_token=secret&access.token=secret"
    )

    assert onward(send_request).query == b"a=%20&b=2"


def test_the_callers_token_is_not_forwarded_in_a_form() -> None:
    assert onward(SendRequest(FORM, b"", b"to=%2B1&access_token[]=secret")).body == b"to=%2B1"


def test_the_callers_token_is_not_forwarded_in_json() -> None:
    send_request = SendRequest(
        JSON, b"", b'{"access_token":"secret","to": 16505551234, "text" : {"body":"\\u00e9"}, "Access_Token":1}'
    )
    with pytest.raises(InvalidParameter):
        onward(send_request)

    once = SendRequest(JSON, b"", b'{"access_token":"secret","to": 16505551234, "text" : {"body":"\\u00e9"}}')
    assert onward(once).body == b'{"to":16505551234,"text":{"body":"\\u00e9"}}'


@pytest.mark.parametrize("name", ["access_token", "appsecret_proof"])
def test_a_token_in_multipart_is_refused_with_advice(name: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        onward(multipart(part("to", TO), part(name, "secret")))

    assert "Authorization" in str(refusal.value.details)


def test_any_bytes_of_a_file_are_forwarded() -> None:
    upload = SendRequest(
        BOUNDARY, b"", part("file", "", '; filename="a;name=b"').encode()[:-2] + b"\xff\r\n--xYz--\r\n"
    )

    assert onward(upload).body == upload.body


@pytest.mark.parametrize(
    "content_type,body",
    [(FORM, b'{"x":"&to=1&"}'), (None, b"{}"), (f"{JSON}; charset=utf-8", b"{}"), (BOUNDARY, b' {"to":"1"}')],
)
def test_a_body_that_was_read_as_json_is_forwarded_as_json(content_type: str | None, body: bytes) -> None:
    assert onward(SendRequest(content_type, b"", body)) == SendRequest(JSON, b"", body)


@pytest.mark.parametrize(
    "send_request",
    [
        SendRequest(None, b"access_token=secret"),
        SendRequest(FORM, b"", b"a=b&access_token=secret"),
        SendRequest(JSON, b"access_token=secret", b'{"access_token":"secret"}'),
        multipart(part("access_token", "secret")),
    ],
)
def test_the_callers_token_is_found_in_every_place(send_request: SendRequest) -> None:
    assert access_token(send_request) == "secret"


@pytest.mark.parametrize(
    "send_request",
    [
        SendRequest(None, b""),
        SendRequest(None, b"access_token[]=secret"),
        SendRequest(None, b"access_token=secret&access_token=other"),
        SendRequest(JSON, b"", b'{"access_token":{}}'),
    ],
)
def test_two_tokens_or_another_type_are_no_token(send_request: SendRequest) -> None:
    assert access_token(send_request) is None


def test_a_token_behind_a_semicolon_is_refused_and_not_forwarded() -> None:
    with pytest.raises(InvalidParameter, match="semicolon"):
        onward(SendRequest(None, b"a=1;access_token=secret"))


def test_a_token_in_a_body_that_only_some_parsers_read_as_json_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="JSON object"):
        onward(SendRequest(JSON, b"", b'{"access_token":"secret","a":"\\ud800"}'))
