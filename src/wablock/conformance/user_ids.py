"""Business-scoped user ids."""

from typing import Final

from wablock.conformance.assertions import Skipped, holds, same
from wablock.conformance.check import FactGroup, Grade
from wablock.conformance.subject import Subject
from wablock.contract.wire import WHATSAPP

GROUP: Final = FactGroup("User ids")
fact = GROUP.fact

_USER_ID: Final = "US.13491208655302741918"
_PARENT: Final = "US.ENT.13491208655302741918"


def _request(user_id: str) -> dict[str, object]:
    return {"messaging_product": WHATSAPP, "block_users": [{"user_id": user_id}]}


@fact("A user may be blocked by user_id, and the list shows the user_id", Grade.DOCUMENTED, needs_state=True)
def by_user_id(subject: Subject) -> None:
    if subject.settings.rules == "meta":
        raise Skipped("under Meta's rules, a user must write first")
    try:
        data = subject.send("POST", _request(_USER_ID)).ok()
        same("added_users", data["block_users"].get("added_users"), [{"input": _USER_ID, "user_id": _USER_ID}])
        holds(_USER_ID in subject.listed(), "the user_id on the list", "a list without it")
    finally:
        subject.send("DELETE", _request(_USER_ID))


@fact("A parent user_id makes the request fail", Grade.DOCUMENTED)
def parent_id(subject: Subject) -> None:
    answer = subject.send("POST", _request(_PARENT))
    if answer.status == 200:
        subject.send("DELETE", _request(_PARENT))
    same("status and code", (answer.status, answer.error().get("code")), (400, 100))
