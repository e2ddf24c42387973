"""No message reaches a blocked user, even if PHP, Django or Express reads a request differently.

There are 5,000 generated requests for each. The real parser reads each request that the gate forwards. It also reads
the refused ones, to count how many of them would have reached a blocked user.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from random import Random
from typing import Any, Final

import msgspec
import pytest
from tests.gate.send_request.other_parsers import forms, readers
from tests.gate.send_request.other_parsers.readers import Reader

from wablock.contract import identity
from wablock.contract.errors import InvalidParameter
from wablock.gate.send_request.credentials import without_credentials
from wablock.gate.send_request.parameters import read_parameters
from wablock.gate.send_request.recipients import recipients_of
from wablock.gate.send_request.request import SendRequest

FORMS: Final = 5_000
BLOCKED: Final = {identity.of_wa_id(forms.ANNA).key, forms.ANNAS_ID}
READERS: Final[dict[str, Callable[[], AbstractContextManager[Reader]]]] = {
    "PHP": readers.php,
    "PHP that ends fields at semicolons": partial(readers.php, "&;"),
    "Django": readers.django,
    "Express": readers.express,
}
_DIALLED_ABROAD: Final = ("0011", "011", "00", "0", "")


class Tally(msgspec.Struct):
    passed: int = 0
    would_have_reached: int = 0


@pytest.fixture(scope="module", params=list(READERS))
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    with READERS[request.param]() as reading:
        yield reading


def test_no_generated_form_reaches_a_blocked_user(reader: Reader) -> None:
    random = Random(18)
    tally = Tally()
    for _ in range(FORMS):
        request = forms.form(random)
        onward = passed_on(request)
        if onward is None:
            tally.would_have_reached += reaches_the_blocked(reader(request))
        else:
            tally.passed += 1
            read = reader(onward)
            assert not reaches_the_blocked(read), (request, read)

    assert tally.passed > FORMS / 50
    assert tally.would_have_reached > FORMS / 20


def passed_on(request: SendRequest) -> SendRequest | None:
    """The request that is forwarded for `request`; None if the gate refuses it. The business's number is American."""
    try:
        parameters = read_parameters(request)
        recipients = recipients_of(parameters, "US")
    except InvalidParameter:
        return None
    if recipients.unreadable or any(member.key in BLOCKED for member in recipients.members):
        return None
    return without_credentials(request, parameters)


def reaches_the_blocked(read: list[Any]) -> bool:
    """Whether one of these objects has a recipient, under any similar name, that may be a blocked user."""
    return any(
        names_the_blocked(text)
        for members in read
        if isinstance(members, dict)
        for name, value in members.items()
        if re.sub(r"[\W_]", "", name.partition("\0")[0]).casefold() in ("to", "recipient")
        for text in texts(value)
    )


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif value is not None:
        yield str(value)


def names_the_blocked(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text)
    pieces = {re.sub(r"\D", "", plain), *re.findall(r"\d+", plain)}
    numbers = {prefix + digits for prefix in _DIALLED_ABROAD for digits in (forms.ANNA, forms.ANNA[1:])}
    return forms.ANNAS_ID in text or not numbers.isdisjoint(pieces)
