"""The three operations of Meta's reference page."""

from typing import Final
from urllib.parse import urlencode

from wablock.conformance.assertions import holds, same
from wablock.conformance.check import FactGroup, Grade
from wablock.conformance.subject import RawBody, Subject, fields
from wablock.contract.wire import WHATSAPP

GROUP: Final = FactGroup("Operations")
fact = GROUP.fact

_TYPES: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=limit")


@fact("POST blocks, and returns added_users and messaging_product", Grade.SEED)
def post_answers(subject: Subject) -> None:
    subject.unblock(subject.users[0])
    data = subject.block(subject.users[0]).ok()
    done = [{"input": subject.users[0], "wa_id": subject.wa_ids[0]}]
    same("body", data, {"block_users": {"added_users": done}, "messaging_product": WHATSAPP})


@fact("A blocked user is on the list", Grade.SEED, needs_state=True)
def blocked_is_listed(subject: Subject) -> None:
    subject.with_blocked(1)
    same("our users on the list", subject.ours_listed(), subject.wa_ids[:1])


@fact("DELETE with a body unblocks, and returns removed_users and messaging_product", Grade.SEED)
def delete_answers(subject: Subject) -> None:
    subject.block(subject.users[0])
    data = subject.unblock(subject.users[0]).ok()
    done = [{"input": subject.users[0], "wa_id": subject.wa_ids[0]}]
    same("body", data, {"block_users": {"removed_users": done}, "messaging_product": WHATSAPP})


@fact("An unblocked user is not on the list", Grade.SEED, needs_state=True)
def unblocked_is_not_listed(subject: Subject) -> None:
    subject.with_blocked(2)
    subject.unblock(subject.users[0])
    same("our users on the list", subject.ours_listed(), subject.wa_ids[1:2])


@fact("GET returns data and paging", Grade.SEED)
def get_answers(subject: Subject) -> None:
    subject.block(subject.users[0])
    data = subject.get().ok()
    holds(isinstance(data.get("data"), list), "data, an array", data)
    cursors = data.get("paging", {}).get("cursors", {})
    holds(bool(cursors.get("after") and cursors.get("before")), "paging with both cursors", data)
    holds(all(row.get("messaging_product") == WHATSAPP for row in data["data"]), "messaging_product in every row", data)
    holds(all(row.get("wa_id") or row.get("user_id") for row in data["data"]), "wa_id or user_id in every row", data)


@fact("A request with several users blocks all of them", Grade.SEED, needs_state=True)
def several_at_once(subject: Subject) -> None:
    subject.with_none_blocked()
    data = subject.block(*subject.users[:3]).ok()
    same("added_users", [user["wa_id"] for user in data["block_users"]["added_users"]], subject.wa_ids[:3])
    same("our users on the list", sorted(subject.ours_listed()), sorted(subject.wa_ids[:3]))


def _versions(subject: Subject, *versions: str | None) -> None:
    for version in versions:
        same(
            f"status under {version or 'no version'}", subject.send("GET", path=subject.path_under(version)).status, 200
        )


@fact("Versions v23.0, v24.0 and v25.0 are supported", Grade.SEED, changes=False)
def versions(subject: Subject) -> None:
    _versions(subject, "v23.0", "v24.0", "v25.0")


@fact("The version may be omitted", Grade.DOCUMENTED, changes=False)
def no_version(subject: Subject) -> None:
    _versions(subject, None)


@fact("Expired and future versions are supported too", Grade.OURS, changes=False)
def any_version(subject: Subject) -> None:
    _versions(subject, "v15.0", "v99.0")


@fact("GET may have {} as its body, with each of the three media types", Grade.SEED, changes=False)
def get_with_a_body(subject: Subject) -> None:
    for kind in _TYPES:
        same(f"status with {kind}", subject.send("GET", RawBody(b"{}", kind)).status, 200)


@fact("GET needs neither a body nor a Content-Type", Grade.SEED, changes=False)
def get_without_a_body(subject: Subject) -> None:
    same("status", subject.send("GET").status, 200)


@fact("A body may be a form, with block_users as one JSON text", Grade.SEED)
def form(subject: Subject) -> None:
    _blocks_one(subject, RawBody(urlencode(fields(subject.users[:1])).encode(), "application/x-www-form-urlencoded"))


@fact("A body may be multipart", Grade.SEED)
def multipart(subject: Subject) -> None:
    parts = [
        f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields(subject.users[:1]).items()
    ]
    content = "".join([*parts, "--limit--\r\n"]).encode()
    _blocks_one(subject, RawBody(content, "multipart/form-data; boundary=limit"))


@fact("The body is optional: all parameters may be in the query", Grade.SEED)
def parameters_in_the_query(subject: Subject) -> None:
    _blocks_one(subject, query=fields(subject.users[:1]))


@fact("HEAD is GET without a body", Grade.OURS, changes=False)
def head(subject: Subject) -> None:
    answer = subject.send("HEAD")
    same("status and body", (answer.status, answer.text), (200, ""))


@fact("OPTIONS answers a browser's preflight without a token", Grade.OURS, changes=False)
def preflight(subject: Subject) -> None:
    headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    answer = subject.send("OPTIONS", token=None, headers=headers)
    holds(answer.status in (200, 204), "status 200 or 204", str(answer.status))
    holds("access-control-allow-origin" in answer.headers, "Access-Control-Allow-Origin", answer.headers)


def _blocks_one(subject: Subject, body: RawBody | None = None, query: dict[str, str] | None = None) -> None:
    subject.unblock(subject.users[0])
    data = subject.send("POST", body, query=query).ok()
    same("added_users", [user.get("wa_id") for user in data["block_users"].get("added_users", [])], subject.wa_ids[:1])
