"""The limit on the number of values in a webhook."""

import pytest

from wablock.gate.value_count import TooManyValues, check_value_count

MANY = 150_001


@pytest.mark.parametrize("one", [b"1", b'""', b"{}", b"[]", b'{"a":1}', b'"\\""', b'"\\\\"'])
def test_too_many_values_are_refused(one: bytes) -> None:
    with pytest.raises(TooManyValues, match="more than 150000 values"):
        check_value_count(b"[" + b",".join([one] * MANY) + b"]")


def test_too_many_arrays_within_each_other_are_refused() -> None:
    with pytest.raises(TooManyValues):
        check_value_count(b"[" * MANY + b"]" * MANY)


@pytest.mark.parametrize("sign", [b",", b"[", b"{", b'\\"', b"\\\\"])
def test_a_users_text_does_not_count_as_values(sign: bytes) -> None:
    check_value_count(b'{"body":"' + sign * MANY + b'"}')
