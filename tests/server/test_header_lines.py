"""The bytes of headers: one line each, whatever a value has in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.server.answers import header_lines

_TEXT = st.binary(max_size=20)
_NAMES = st.from_regex(rb"[a-z-]{1,20}", fullmatch=True)


@given(st.lists(st.tuples(_NAMES, _TEXT), max_size=5))
def test_a_header_is_one_line_or_refused(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        lines = header_lines(headers)
    except ValueError:
        assert any(byte in value for _, value in headers for byte in b"\r\n\0")
    else:
        assert lines.split(b"\r\n") == [*(name + b": " + value for name, value in headers), b""]
        assert lines.count(b"\n") == lines.count(b"\r") == len(headers)


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\0"])
def test_a_line_break_in_a_header_is_refused(end: bytes) -> None:
    text = b"a" + end + b"b: c"

    for header in ((text, b"value"), (b"name", text)):
        with pytest.raises(ValueError, match="line break"):
            header_lines([header])
