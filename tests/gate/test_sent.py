"""What a business sends on: whom it is for, what of it goes on, and what is refused because it has two readings."""

import pytest

from wablock.contract.errors import InvalidParameter
from wablock.gate.sent import FORM, JSON, MULTIPART, Sent, members, recipients, upstream_path, without_credentials

TO = "16505551234"
USER_ID = "US.13491208655302741918"
BOUNDARY = f"{MULTIPART}; boundary=xYz"


def part(name: str, value: str, more: str = "") -> str:
    return f'--xYz\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def multipart(*parts: str) -> Sent:
    return Sent(BOUNDARY, b"", ("".join(parts) + "--xYz--\r\n").encode())


@pytest.mark.parametrize(
    "sent",
    [
        Sent(JSON, b"", b'{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"to"}}'),
        Sent(JSON, b"", b'\xef\xbb\xbf {"to":"16505551234"}'),
        Sent("application/json; charset=utf-8", b"", b'{"to":16505551234}'),
        Sent(JSON, b"", b'{"to":1.6505551234E10}'),
        Sent(JSON, b"", b'{"\\u0074o":" 16505551234\\n"}'),
        Sent(JSON, b"", b'{"To":"16505551234"}'),
        Sent(None, b"", b'{"to":"16505551234"}'),
        Sent(FORM, b"", b'{"to":"16505551234"}'),
        Sent(FORM, b"", b"a=b&to=16505551234"),
        Sent(FORM, b"", b"%74o=%2216505551234%22"),
        Sent(FORM, b"", b"+to=16505551234"),
        Sent(None, b"to=16505551234"),
        multipart(part("a", "b"), part("to", "16505551234")),
        multipart(part("TO", "16505551234")),
    ],
)
def test_to_is_found_wherever_it_stands(sent: Sent) -> None:
    assert recipients(sent) == [TO]


def test_all_of_several_recipients_are_found() -> None:
    sent = Sent(JSON, b"to=1&to=2", b'{"to":"3","recipient":"US.4"}')

    assert recipients(sent) == ["1", "2", "3", "US.4"]


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
    assert recipients(Sent(JSON, b"", body)) == []


@pytest.mark.parametrize("name", ["to", "recipient", "access_token", "recipient_type"])
def test_json_that_says_a_name_twice_is_refused(name: str) -> None:
    for second in (name, name.title(), f"\\u{ord(name[0]):04x}{name[1:]}"):
        with pytest.raises(InvalidParameter, match="twice"):
            recipients(Sent(JSON, b"", f'{{"{name}":"1","a":1,"a":2,"{second}":"1"}}'.encode()))


@pytest.mark.parametrize(
    "sent",
    [
        Sent(JSON, b"", b'{"to":["16505551234"]}'),
        Sent(JSON, b"", b'{"to":{"a":"16505551234"}}'),
        Sent(JSON, b"", b'{"to":true}'),
        Sent(FORM, b"", b"to[]=16505551234"),
        Sent(FORM, b"", b"to=%5B%2216505551234%22%5D"),
        Sent(None, b"recipient%5B0%5D=US.1"),
        multipart(part("to[0]", TO)),
        multipart(part("to", TO, '; filename="to.txt"')),
    ],
)
def test_a_recipient_that_is_no_text_is_refused(sent: Sent) -> None:
    with pytest.raises(InvalidParameter, match="must be a string"):
        recipients(sent)


def test_a_group_is_no_user() -> None:
    assert recipients(Sent(JSON, b"", b'{"recipient_type":"group","to":"16505551234"}')) == []


def test_who_is_called_a_group_once_and_a_user_once_is_a_user() -> None:
    sent = Sent(JSON, b"recipient_type=individual", b'{"recipient_type":"group","to":"16505551234"}')

    assert recipients(sent) == [TO]


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", f"{JSON}, {FORM}"])
def test_another_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        recipients(Sent(media_type, b"", b"to=1"))

    assert all(known in refusal.value.message for known in (JSON, FORM, MULTIPART))


def test_any_media_type_may_be_said_of_nothing() -> None:
    assert recipients(Sent("text/plain", b"", b"")) == []


@pytest.mark.parametrize(
    "body",
    [b"[]", b'"to"', b"{", b'{"a":NaN}', b'{"a":"\xff"}', b'{"to":"1"}x', b'{"a":' + b"[" * 100_000, b" "],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameter, match="JSON object"):
        recipients(Sent(JSON, b"", body))


@pytest.mark.parametrize("text", [b"to=%ff", b"\xff=1"])
def test_parameters_that_are_no_utf_8_are_refused(text: bytes) -> None:
    with pytest.raises(InvalidParameter):
        recipients(Sent(FORM, b"", text))


def test_endless_parameters_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="1000"):
        recipients(Sent(FORM, b"", b"a=&" * 2_000))


@pytest.mark.parametrize(
    "body",
    [
        "preamble" + part("to", TO) + "--xYz--\r\n",
        part("to", TO),
        part("to", TO) + "--xYz--\r\n" + part("to", TO),
        part("a", "b\n--xYz\r\nContent-Disposition: form-data; name=to\r\n\r\n1") + "--xYz--",
        part("a", "b", '\nContent-Disposition: form-data; name="to"') + "--xYz--",
        part("a", "b", '\r\nContent-Disposition: form-data; name="to"') + "--xYz--",
        "--xYz\r\nContent-Type: text/plain\r\n\r\n1\r\n--xYz--",
        "--xYz\r\nContent-Disposition: form-data\r\n\r\n1\r\n--xYz--",
        '--xYz\r\nContent-Disposition: form-data; name="to"\r\n--xYz--',
        "--xYz--x",
        "no multipart",
    ],
)
def test_multipart_that_can_be_read_in_two_ways_is_refused(body: str) -> None:
    with pytest.raises(InvalidParameter, match="cannot be read"):
        recipients(Sent(BOUNDARY, b"", body.encode()))


@pytest.mark.parametrize("boundary", ["", "; boundary=", '; boundary="a b"', "; boundary=" + "a" * 71])
def test_multipart_without_a_usable_boundary_is_refused(boundary: str) -> None:
    with pytest.raises(InvalidParameter, match="cannot be read"):
        recipients(Sent(MULTIPART + boundary, b"", b"--\r\n"))


def test_multipart_text_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        recipients(Sent(BOUNDARY, b"", multipart(part("to", "x")).body.replace(b"x\r\n-", b"\xff\r\n-")))


# -- who is meant


def test_every_spelling_of_a_number_means_its_user() -> None:
    spellings = ["16505551234", "+1 (650) 555-1234", "(650) 555-1234"]

    assert {(member.key, member.wa_id) for member in members(spellings, "US")} == {("16505551234", "16505551234")}


def test_a_user_id_means_its_user_and_what_was_typed_is_kept() -> None:
    (member,) = members([USER_ID], None)

    assert (member.key, member.wa_id, member.user_id, member.input) == (USER_ID, None, USER_ID, USER_ID)


@pytest.mark.parametrize("text", ["", "nobody", "0171 5551234", "US.ENT.1349", "999999999999"])
def test_what_names_nobody_is_left_to_the_upstream(text: str) -> None:
    assert members([text], None) == []


# -- what goes on


@pytest.mark.parametrize(
    "sent",
    [
        Sent(JSON, b"fields=a&b=%20", b'{ "to" : 1.0, "a":1, "a":2 }'),
        Sent(FORM, b"", b"to=+1&&a=%zz"),
        Sent(f'{MULTIPART}; boundary="xYz"', b"", multipart(part("to", TO)).body),
        Sent("image/png", b"", b"\x89PNG"),
        Sent(None, b"a=b", b""),
    ],
)
def test_what_carries_no_credentials_goes_on_untouched(sent: Sent) -> None:
    assert without_credentials(sent) == sent


def test_the_callers_token_does_not_go_on_in_the_query() -> None:
    sent = Sent(None, b"a=%20&access_token=secret&appsecret_proof=secret&b=2&%61ccess_token=secret&access.token=secret")

    assert without_credentials(sent).query == b"a=%20&b=2"


def test_the_callers_token_does_not_go_on_in_a_form() -> None:
    assert without_credentials(Sent(FORM, b"", b"to=%2B1&access_token[]=secret")).body == b"to=%2B1"


def test_the_callers_token_does_not_go_on_in_json() -> None:
    sent = Sent(
        JSON, b"", b'{"access_token":"secret","to": 16505551234, "text" : {"body":"\\u00e9"}, "Access_Token":1}'
    )
    with pytest.raises(InvalidParameter):
        without_credentials(sent)

    once = Sent(JSON, b"", b'{"access_token":"secret","to": 16505551234, "text" : {"body":"\\u00e9"}}')
    assert without_credentials(once).body == b'{"to":16505551234,"text":{"body":"\\u00e9"}}'


@pytest.mark.parametrize("name", ["access_token", "appsecret_proof"])
def test_a_token_in_multipart_is_refused_with_advice(name: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        without_credentials(multipart(part("to", TO), part(name, "secret")))

    assert "Authorization" in str(refusal.value.details)


def test_a_files_bytes_are_nobodys_business() -> None:
    upload = Sent(BOUNDARY, b"", part("file", "", '; filename="a;name=b"').encode()[:-2] + b"\xff\r\n--xYz--\r\n")

    assert without_credentials(upload).body == upload.body


@pytest.mark.parametrize(
    "content_type,body",
    [(FORM, b'{"x":"&to=1&"}'), (None, b"{}"), (f"{JSON}; charset=utf-16", b"{}"), (BOUNDARY, b' {"to":"1"}')],
)
def test_what_was_read_as_json_goes_on_as_json(content_type: str | None, body: bytes) -> None:
    assert without_credentials(Sent(content_type, b"", body)) == Sent(JSON, b"", body)


@pytest.mark.parametrize(
    "sent",
    [
        Sent(JSON, b"", b'{"batch":[{"relative_url":"1/messages","body":"to=16505551234"}]}'),
        Sent(FORM, b"", b"batch=[]"),
        Sent(None, b"BATCH[0]=x"),
        multipart(part("batch", "[]")),
    ],
)
def test_requests_inside_a_request_are_refused(sent: Sent) -> None:
    with pytest.raises(InvalidParameter, match="Batch requests are not passed on"):
        recipients(sent)


# -- paths


@pytest.mark.parametrize(
    "path,normal",
    [
        ("/v25.0/106540352242922/messages", "/v25.0/106540352242922/messages"),
        ("/v25.0/106540352242922/messages/", "/v25.0/106540352242922/messages"),
        ("/v25.0/106540352242922", "/v25.0/106540352242922"),
        ("/106540352242922/messages", "/106540352242922/messages"),
        ("/v25.0/1/a.b~c:d-e_f/...", "/v25.0/1/a.b~c:d-e_f/..."),
    ],
)
def test_a_plain_path_goes_on(path: str, normal: str) -> None:
    assert upstream_path(path) == normal


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "v25.0/1/messages",
        "//v25.0/1",
        "/v25.0//1",
        "/v25.0/1//",
        "/v25.0/1/.",
        "/v25.0/../1",
        "/v25.0/1/../2/messages",
        "/v25.0/1/%6dessages",
        "/v25.0/1\\messages",
        "/v25.0/1/messages;a",
        "/v25.0/1/messages?to=1",
        "/v25.0/1/mess ages",
        "/v25.0/1/méssages",
        "/v25.0/1/messages\n",
        "http://inside/v25.0/1",
    ],
)
def test_a_path_with_two_readings_does_not(path: str) -> None:
    assert upstream_path(path) is None
