"""The Graph API version that answers a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.contract.versions import KNOWN, answering_version, is_version

numbers = st.integers(min_value=0, max_value=9_999)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version[1:].split("."))


@pytest.mark.parametrize("version", KNOWN)
def test_a_known_version_is_answered_by_itself(version: str) -> None:
    assert answering_version(version) == version


@pytest.mark.parametrize("version", ["v23.0", "v24.0", "v25.0"])
def test_every_version_of_the_reference_page_is_known(version: str) -> None:
    assert version in KNOWN


@pytest.mark.parametrize("version", ["v1.0", "v17.0", "v22.0", "v0.0"])
def test_an_expired_version_is_answered_by_the_oldest_known_one(version: str) -> None:
    assert answering_version(version) == "v23.0"


@pytest.mark.parametrize("version", ["v27.0", "v100.0", "v9999.9999"])
def test_a_future_version_is_answered_by_the_newest_known_one(version: str) -> None:
    assert answering_version(version) == "v26.0"


def test_a_version_between_two_known_ones_is_answered_by_the_older() -> None:
    assert answering_version("v24.7") == "v24.0"


def test_without_a_version_the_oldest_known_one_answers() -> None:
    assert answering_version(None) == "v23.0"


@pytest.mark.parametrize("segment", ["v23.0", "v26.0", "v1.0", "v999.12"])
def test_any_major_and_minor_number_is_a_version(segment: str) -> None:
    assert is_version(segment)


@pytest.mark.parametrize(
    "segment", ["", "v", "v23", "23.0", "V23.0", "v23.0.1", "v23.", "v.0", "v23.0\n", "v12345.0", "106540352242922"]
)
def test_another_path_part_is_not_a_version(segment: str) -> None:
    assert not is_version(segment)


@given(major=numbers, minor=numbers)
def test_every_version_is_answered_by_a_known_one_that_is_not_newer_if_there_is_any(major: int, minor: int) -> None:
    version = f"v{major}.{minor}"

    answer = answering_version(version)

    assert answer in KNOWN
    assert _number(answer) <= (major, minor) or answer == KNOWN[0]


@given(one=st.tuples(numbers, numbers), other=st.tuples(numbers, numbers))
def test_a_newer_version_is_never_answered_by_an_older_one(one: tuple[int, int], other: tuple[int, int]) -> None:
    older, newer = sorted([one, other])

    answers = [_number(answering_version(f"v{major}.{minor}")) for major, minor in (older, newer)]

    assert answers == sorted(answers)
