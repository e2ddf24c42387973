"""Paging through the list, forwards and backwards."""

import binascii
import re
from base64 import b64decode
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from wablock.conformance.assertions import Differs, Skipped, holds, same
from wablock.conformance.check import FactGroup, Grade
from wablock.conformance.subject import Subject, listed_id

GROUP: Final = FactGroup("Paging")
fact = GROUP.fact

_UNESCAPE: Final = {"ZA": "Z", "ZB": "+", "ZC": "/", "ZD": "="}


@fact("A page has at most limit users", Grade.DOCUMENTED, needs_state=True)
def limit(subject: Subject) -> None:
    subject.with_blocked(5)
    holds(len(subject.get(limit=2).ok()["data"]) == 2, "2 users", subject.get(limit=2).text)


@fact("The pages together show each user once", Grade.DOCUMENTED, needs_state=True)
def forward(subject: Subject) -> None:
    subject.with_blocked(5)
    pages = subject.pages(2)
    user_ids = [listed_id(row) for page in pages for row in page["data"]]
    holds(len(pages) >= 3, "3 pages or more", f"{len(pages)} pages")
    same("each user once", sorted(set(user_ids)), sorted(user_ids))
    same("our users", sorted(user for user in user_ids if user in subject.wa_ids), sorted(subject.wa_ids[:5]))
    unlinked = [page for page in pages[:-1] if "next" not in page["paging"]]
    holds(not unlinked, "next on every page but the last: several SDKs stop without it", unlinked[:1])


@fact("before returns the same pages backwards", Grade.DOCUMENTED, needs_state=True)
def back(subject: Subject) -> None:
    subject.with_blocked(5)
    second, third = subject.pages(2)[1:3]
    before = subject.get(limit=2, before=third["paging"]["cursors"]["before"]).ok()
    same("the page before the third", _ids(before), _ids(second))


@fact(
    "paging.next is an absolute URL on the caller's host, and returns the next page", Grade.DOCUMENTED, needs_state=True
)
def next_address(subject: Subject) -> None:
    subject.with_blocked(5)
    first, second = subject.pages(2)[:2]
    address = urlsplit(first["paging"]["next"])
    same("scheme and host", f"{address.scheme}://{address.netloc}", _origin(subject))
    query = {name: values[0] for name, values in parse_qs(address.query).items() if name != "access_token"}
    followed = subject.send("GET", path=address.path, query=query).ok()
    same("the page at next", _ids(followed), _ids(second))


@fact("The last page has no paging.next, and the first page has no paging.previous", Grade.DOCUMENTED, needs_state=True)
def ends(subject: Subject) -> None:
    subject.with_blocked(5)
    pages = subject.pages(2)
    holds("next" not in pages[-1].get("paging", {}), "no next on the last page", pages[-1])
    holds("previous" not in pages[0].get("paging", {}), "no previous on the first page", pages[0])
    holds("previous" in pages[1]["paging"], "previous on the second page", pages[1])


@fact(
    "next contains access_token if, and only if, the request had it as a parameter", Grade.DOCUMENTED, needs_state=True
)
def token_in_next(subject: Subject) -> None:
    subject.with_blocked(3)
    next_after_header = subject.get(limit=1).ok()["paging"]["next"]
    query = {"limit": "1", "access_token": subject.settings.token}
    next_after_parameter = subject.send("GET", token=None, query=query).ok()["paging"]["next"]
    holds("access_token" not in next_after_header, "no access_token after a header", "an access_token")
    holds("access_token=" in next_after_parameter, "an access_token after a parameter", "none")


@fact("A cursor is base64 of JSON with offset and versionId, Z and padding escaped", Grade.SEEN, needs_state=True)
def cursor_text(subject: Subject) -> None:
    subject.with_blocked(1)
    text = subject.get().ok()["paging"]["cursors"]["after"]
    try:
        plain = b64decode(re.sub("Z[ABCD]", lambda match: _UNESCAPE[match[0]], text), validate=True)
        content = msgspec.json.decode(plain)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise Differs("such a text", text) from None
    holds(isinstance(content, dict) and {"offset", "versionId"} <= set(content), "offset and versionId", content)


@fact("The newest block comes first", Grade.OURS, needs_state=True)
def newest_first(subject: Subject) -> None:
    subject.with_blocked(3)
    same("our users on the list", subject.ours_listed(), subject.wa_ids[2::-1])


@fact("Under Meta's rules, paging fails with 139102 if the list has changed", Grade.DOCUMENTED, needs_state=True)
def changed_while_paging(subject: Subject) -> None:
    if subject.settings.rules != "meta":
        raise Skipped("the server is checked under open rules")
    subject.with_blocked(4)
    after = subject.get(limit=2).ok()["paging"]["cursors"]["after"]
    subject.unblock(subject.users[0])
    answer = subject.get(limit=2, after=after)
    same("code", answer.error().get("code"), 139102)
    same("messaging_product", answer.json().get("messaging_product"), "whatsapp")


@fact("Under open rules, paging continues if the list changes, and skips no user", Grade.OURS, needs_state=True)
def goes_on_while_it_changes(subject: Subject) -> None:
    if subject.settings.rules != "open":
        raise Skipped("the server is checked under Meta's rules")
    subject.with_blocked(4)
    first = subject.get(limit=2).ok()
    subject.block(subject.users[4]).ok()
    second = subject.get(limit=2, after=first["paging"]["cursors"]["after"]).ok()
    same("the users after the first page", _ids(second), [subject.wa_ids[1], subject.wa_ids[0]])


def _ids(page: Any) -> list[str]:
    return [listed_id(row) for row in page["data"]]


def _origin(subject: Subject) -> str:
    parts = urlsplit(subject.origin)
    return f"{parts.scheme}://{parts.netloc}"
