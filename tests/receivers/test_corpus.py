"""Every documented webhook through the gate to real libraries, with each of its users blocked."""

import msgspec
import pytest
from tests.receivers.gated import Gated
from tests.receivers.libraries import Delivery, Handled, Library
from tests.server.webhook_samples import Json
from tests.webhooks.corpus import PARENTS, Case, cases, files, fresh, remaining, write


class Outcome(msgspec.Struct, frozen=True):
    """What a library made of a payload with one of its users blocked; None where the gate handed nothing on."""

    case: Case
    user: int
    delivery: Delivery | None

    @property
    def ids(self) -> list[str]:
        return list(self.case.users[self.user].values())

    def ids_of_sent(self) -> list[str]:
        parts = [part for part in self.case.parts if part.user == self.user and part.kind == "sent"]
        items = [msgspec.json.decode(self.case.part_bytes(part)) for part in parts]
        return [it["id"] for it in items if isinstance(it, dict) and "id" in it]


def as_meta_writes(payload: Json) -> bytes:
    """The payload in ASCII: whatsapp-api-js verifies nothing else."""
    return write(payload, "meta")


@pytest.fixture(scope="module", params=files())
def outcomes(request: pytest.FixtureRequest, gated: Gated) -> list[Outcome]:
    """The outcomes of the cases in one file that have a receiver here."""
    blocked = [(fresh(case), user) for case in cases(request.param) for user in range(len(case.users))]
    ids = [it for case, user in blocked for name, it in case.users[user].items() if name not in PARENTS]
    if ids:
        gated.block(*({"user_id": it} if "." in it else {"user": f"+{it}"} for it in ids))
    answers = [(case, user, *gated.answered(as_meta_writes(case.payload))) for case, user in blocked]
    return [Outcome(case, user, delivery) for case, user, status, delivery in answers if delivery or status == 200]


def test_no_handler_is_called_for_items_of_a_blocked_user(outcomes: list[Outcome]) -> None:
    leaks = [
        it.case.name
        for it in outcomes
        if it.delivery
        and (it.delivery.sent_by(*it.ids) or {each.id for each in it.delivery.handled} & set(it.ids_of_sent()))
    ]

    assert leaks == []


def test_a_library_handles_the_rest_as_if_the_blocked_user_had_sent_nothing(
    outcomes: list[Outcome], library: Library
) -> None:
    differences = []
    for it in outcomes:
        left = remaining(it.case, it.user)
        expected = None if left is None else library.received(as_meta_writes(left))
        if _effect(it.delivery) != _effect(expected):
            differences.append((it.case.name, _effect(it.delivery), _effect(expected)))

    assert differences == []


def _effect(delivery: Delivery | None) -> tuple[bool, bool, list[Handled]]:
    """Whether it is refused or crashes, and the calls of handlers; all empty without a delivery."""
    return (delivery.accepted, delivery.crashed, delivery.handled) if delivery else (True, False, [])
