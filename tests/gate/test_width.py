"""How many values a webhook may have."""

import pytest

from wablock.gate.width import TooWide, check_width

MANY = 150_001


@pytest.mark.parametrize("one", [b"1", b'""', b"{}", b"[]", b'{"a":1}', b'"\\""', b'"\\\\"'])
def test_too_many_values_are_refused(one: bytes) -> None:
    with pytest.raises(TooWide, match="more than 150000 values"):
        check_width(b"[" + b",".join([one] * MANY) + b"]")


def test_too_many_arrays_within_each_other_are_refused() -> None:
    with pytest.raises(TooWide):
        check_width(b"[" * MANY + b"]" * MANY)


@pytest.mark.parametrize("sign", [b",", b"[", b"{", b'\\"', b"\\\\"])
def test_what_users_write_is_no_value(sign: bytes) -> None:
    check_width(b'{"body":"' + sign * MANY + b'"}')
