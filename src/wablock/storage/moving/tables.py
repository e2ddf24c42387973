"""The tables of a move: their columns in both databases, and the conversion of a row from SQLite to PostgreSQL."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

Row = tuple[Any, ...]
Key = tuple[Any, ...]


class Table(msgspec.Struct, frozen=True):
    """A table. Its `key` is first in `columns`, is unique in both databases, and is ordered by bytes."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    from_sqlite: Callable[[Row], Row] | None = None
    """Converts a row of SQLite to PostgreSQL's format. None: both are the same."""
    computed: tuple[tuple[str, str], ...] = ()
    """Columns that SQLite lacks, each with the SQL expression that computes it there."""
    added: tuple[tuple[str, Any], ...] = ()
    """Columns that only PostgreSQL has, each with its value in a moved row."""
    every_row: str = "TRUE"
    """A condition that is true for every row. With it, PostgreSQL finds the index in the key's order."""

    def key_of(self, row: Row) -> Key:
        return row[: len(self.key)]


def _storable(text: str | None) -> str | None:
    """The text without NUL, which PostgreSQL's text cannot contain."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if text and "\0" in text else text


def _blocked_user(row: Row) -> Row:
    return (*row[:8], _storable(row[8]), _storable(row[9]), *row[10:])


def _access_token(row: Row) -> Row:
    number_ids = row[4]
    return (
        *row[:2],
        _storable(row[2]),
        row[3],
        None if number_ids is None else msgspec.json.decode(number_ids, type=list[str]),
        *row[5:],
    )


def _downstream(row: Row) -> Row:
    return (*row[:7], bool(row[7]), bool(row[8]), row[9], bool(row[10]), row[11])


def _subscription(row: Row) -> Row:
    list_ids = row[4]
    chosen = None if list_ids is None else msgspec.json.decode(list_ids, type=list[str])
    return (*row[:4], chosen, bool(row[5]), row[6], _storable(row[7]), *row[8:])


def _upstream(row: Row) -> Row:
    return (*row[:5], bool(row[5]), *row[6:])


ACCESS_TOKEN: Final = (
    "token_sha256",
    "account_id",
    "label",
    "scopes",
    "phone_number_ids",
    "created_at",
    "expires_at",
    "revoked_at",
    "made_by",
)
BLOCKED_USER: Final = (
    "list_id",
    "seq",
    "identity",
    "wa_id",
    "user_id",
    "input",
    "blocked_at",
    "blocked_by",
    "reason",
    "note",
    "expires_at",
    "updated_at",
    "updated_by",
    "source",
    "batch_id",
)
DOWNSTREAM: Final = (
    "phone_number_id",
    "downstream_id",
    "account_id",
    "url",
    "secret",
    "headers",
    "timeout_ms",
    "required",
    "may_be_inside",
    "created_at",
    "account_events",
    "set_by",
)
SUBSCRIPTION: Final = (
    "subscription_id",
    "account_id",
    "url",
    "secret",
    "list_ids",
    "may_be_inside",
    "created_at",
    "made_by",
    "set_by",
    "holder",
    "beat",
)
_NEXT_EXPIRY: Final = (
    "(SELECT min(expires_at) FROM blocked_user "
    "WHERE blocked_user.list_id = block_list.list_id AND expires_at IS NOT NULL)"
)

BLOCK_LIST: Final = Table(
    "block_list",
    (
        "list_id",
        "account_id",
        "version",
        "size",
        "next_expiry",
        "event_at",
        "event_hash",
        "oldest_at",
        "oldest_hash",
        "former_account_id",
    ),
    ("list_id",),
    computed=(("next_expiry", _NEXT_EXPIRY),),
    added=(("revision", 1), ("writers", ())),
)
TABLES: Final = (
    Table(
        "account",
        ("account_id", "app_secret", "verify_token_sha256", "created_at"),
        ("account_id",),
        added=(("attachments", 0),),
    ),
    Table(
        "business_account",
        ("waba_id", "account_id", "app_secret", "verify_token_sha256", "created_at"),
        ("waba_id",),
    ),
    Table(
        "phone_number",
        ("phone_number_id", "account_id", "wa_id", "country", "rules", "created_at", "name", "name_key", "waba_id"),
        ("phone_number_id",),
    ),
    Table("access_token", ACCESS_TOKEN, ("token_sha256",), _access_token),
    BLOCK_LIST,
    Table("blocked_user", BLOCKED_USER, ("list_id", "seq"), _blocked_user, every_row="seq > 0"),
    Table(
        "identity_alias",
        ("account_id", "alias", "identity", "wa_id"),
        ("account_id", "alias"),
        added=(("settled", True),),
    ),
    Table("shared_list", ("list_id", "account_id", "kind", "name", "name_key", "created_at"), ("list_id",)),
    Table(
        "attachment",
        ("account_id", "phone_number_id", "list_id", "kind", "name", "attached_at"),
        ("account_id", "phone_number_id", "list_id"),
    ),
    Table("event", ("list_id", "at", "batch_id", "text", "hash", "commitment"), ("list_id", "at")),
    Table("answered_request", ("list_id", "key_hash", "request_hash", "outcome", "at"), ("list_id", "key_hash")),
    Table("last_inbound", ("phone_number_id", "identity", "at"), ("phone_number_id", "identity")),
    Table("downstream", DOWNSTREAM, ("phone_number_id", "downstream_id"), _downstream),
    Table(
        "upstream",
        ("phone_number_id", "account_id", "url", "token", "timeout_ms", "may_be_inside", "created_at", "set_by"),
        ("phone_number_id",),
        _upstream,
    ),
    Table("subscription", SUBSCRIPTION, ("subscription_id",), _subscription),
    Table("subscription_cursor", ("list_id", "subscription_id", "at"), ("list_id", "subscription_id")),
)


def names(columns: Sequence[str]) -> str:
    return ", ".join(columns)
