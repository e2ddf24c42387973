"""Multipart bodies: the one grammar that is read, and bodies that are refused because parsers differ."""

import pytest
from tests.gate.send_request.pieces import BOUNDARY, TO, multipart, part, part_with, wa_ids

from wablock.contract.errors import InvalidParameter
from wablock.gate.send_request.parameters import read_parameters
from wablock.gate.send_request.request import MULTIPART, SendRequest


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
        '--xYz\r\nContent-Disposition: form-data; name="to"\r\n\r\n' + part("a", TO) + "--xYz--",
        "--xYz--x",
        "no multipart",
    ],
)
def test_multipart_that_can_be_read_in_two_ways_is_refused(body: str) -> None:
    with pytest.raises(InvalidParameter, match="cannot be read"):
        read_parameters(SendRequest(BOUNDARY, b"", body.encode()))


@pytest.mark.parametrize("boundary", ["", "; boundary=", '; boundary="a b"', "; boundary=" + "a" * 71])
def test_multipart_without_a_usable_boundary_is_refused(boundary: str) -> None:
    with pytest.raises(InvalidParameter, match="cannot be read"):
        read_parameters(SendRequest(MULTIPART + boundary, b"", b"--\r\n"))


def test_multipart_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        read_parameters(SendRequest(BOUNDARY, b"", multipart(part("to", "x")).body.replace(b"x\r\n-", b"\xff\r\n-")))


@pytest.mark.parametrize(
    "more",
    [
        '; filename="a.jpg"',
        '; filename="a;name=to;b"',
        '; filename="a \\"quoted\\" name"',
        "; filename=a.jpg; filename*=utf-8''%e2%82%ac.jpg",
        '; FileName="a.jpg"\r\nContent-Type: image/jpeg\r\nContent-Length: 1\r\nContent-Transfer-Encoding: binary',
    ],
)
def test_a_file_that_the_gate_ignores_may_have_any_usual_header(more: str) -> None:
    assert read_parameters(multipart(part("file", "x", more))) == [("file", None)]


@pytest.mark.parametrize(
    "more",
    [
        "; name=to",
        "; NAME=to",
        "; filename=a; name=to",
        "; filename=a; filename=b",
        '; filename="a\\";b"',
        '; filename="a"b"',
        "; filename*=utf-8''a; name*=utf-8''to",
        "; to",
        "\r\n x: y",
        "\r\nx",
        "\r\nx : y",
        "\r\nx: a\x00b",
        "\r\nx: " + "y" * 4_100,
    ],
)
def test_a_part_with_another_header_than_usual_is_refused(more: str) -> None:
    with pytest.raises(InvalidParameter, match="cannot be read"):
        read_parameters(multipart(part("file", "x", more)))


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: text/plain",
        "Content-Type: text/plain; charset=UTF-8",
        'content-type: text/plain;charset="utf-8"',
        "Content-Transfer-Encoding: 8bit",
        "Content-Length: 11",
    ],
)
def test_a_recipient_may_be_a_part_of_plain_text(header: str) -> None:
    assert wa_ids(multipart(part_with(header))) == [TO]


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: text/plain; charset=utf-16",
        "Content-Type: text/plain; charset=utf-8; charset=utf-16",
        "Content-Type: application/octet-stream",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: Quoted-Printable",
    ],
)
@pytest.mark.parametrize("name", ["to", "access_token", "batch"])
def test_a_part_that_the_gate_reads_must_be_plain_text(name: str, header: str) -> None:
    with pytest.raises(InvalidParameter, match="must be plain text"):
        read_parameters(multipart(part_with(header, name)))


def test_names_that_are_not_utf_8_are_ignored() -> None:
    body = multipart(part("x", "1")).body.replace(b'"x"', b'"\xff\xfe"')

    assert read_parameters(SendRequest(BOUNDARY, b"", body)) == [("\xff\xfe", None)]


def test_more_than_a_thousand_parts_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="1000"):
        read_parameters(multipart(*[part("a", "b")] * 1_001))
