"""Every setting once: its flag, its environment variable, its default, and what it does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote

import platformdirs
from cyclopts import Group, Parameter, validators

from wablock import public_credentials
from wablock.block_list.ports import Rules
from wablock.server.limits import Limits
from wablock.typed_secrets import database_url, secret

DEV_TOKEN: Final = public_credentials.TOKEN
DEV_PHONE_NUMBER_ID: Final = "106540352242922"
DEV_ACCOUNT_ID: Final = "102290129340398"
DEV_APP_SECRET: Final = public_credentials.APP_SECRET
DEV_VERIFY_TOKEN: Final = public_credentials.VERIFY_TOKEN

_SERVER = Group("Server", sort_key=1)
_ANSWERS = Group("Answers", sort_key=2)
_RATES = Group("Rates", sort_key=3)
_LIMITS = Group("Limits", sort_key=4)
_GATE = Group("Gate", sort_key=5)


def default_database() -> str:
    """A file in the user's data directory, as a database URL."""
    return file_url(platformdirs.user_data_path("wablock") / "wablock.db")


def file_url(path: Path) -> str:
    """The database URL of a SQLite file, whatever characters its name has."""
    return "sqlite:///" + quote(str(path.absolute()))


def default_key_file() -> Path:
    """Beside no database: whoever takes a database's file is not to have the key to its secrets as well."""
    return platformdirs.user_config_path("wablock") / "secret.key"


DatabaseUrl = Annotated[
    str | None,
    database_url(
        "WABLOCK_DATABASE",
        "Database URL, sqlite:///path/to/file.db or postgresql://user@host/database. Default: wablock/wablock.db "
        "in your data directory.",
    ),
]


def _setting(
    variable: str,
    help_text: str,
    group: Group = _SERVER,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Parameter:
    is_bound = at_least is not None or at_most is not None
    validator = validators.Number(gte=at_least, lte=at_most) if is_bound else None
    return Parameter(env_var=f"WABLOCK_{variable}", help=help_text, group=group, validator=validator)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AnswerSettings:
    """How the server answers."""

    partial_failure_status: Annotated[
        Literal[200, 400],
        _setting("PARTIAL_FAILURE_STATUS", "HTTP status of an answer in which some users failed.", _ANSWERS),
    ] = 200
    list_has_input: Annotated[
        bool, _setting("LIST_HAS_INPUT", "Add `input` to every listed user, as some SDKs need.", _ANSWERS)
    ] = False
    token_in_parameters: Annotated[
        bool, _setting("TOKEN_IN_PARAMETERS", "Take a token from `access_token` in query or form.", _ANSWERS)
    ] = True
    public_url: Annotated[
        str | None,
        _setting("PUBLIC_URL", "Scheme and host of paging links. Default: as the caller used.", _ANSWERS),
    ] = None
    trusted_proxies: Annotated[
        str,
        _setting("TRUSTED_PROXIES", "Addresses whose X-Forwarded-Proto counts, with commas.", _ANSWERS),
    ] = "127.0.0.1"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """What one caller may take."""

    requests_per_minute_per_token: Annotated[
        int, _setting("REQUESTS_PER_MINUTE_PER_TOKEN", "Requests a minute for each token. 0: no limit.", _RATES, 0)
    ] = 0
    requests_per_minute_per_number: Annotated[
        int, _setting("REQUESTS_PER_MINUTE_PER_NUMBER", "Requests a minute for each number. 0: no limit.", _RATES, 0)
    ] = 0
    max_body: Annotated[int, _setting("MAX_BODY", "Largest request body, in bytes.", _LIMITS, 1)] = Limits().body
    max_bodies: Annotated[
        int, _setting("MAX_BODIES", "All request bodies together, in bytes, until they are answered.", _LIMITS, 1)
    ] = Limits().bodies
    max_unproven_bodies: Annotated[
        int,
        _setting(
            "MAX_UNPROVEN_BODIES",
            "Those of them that are unfinished, and whose senders have shown no token, in bytes.",
            _LIMITS,
            1,
        ),
    ] = Limits().unproven_bodies
    max_head: Annotated[int, _setting("MAX_HEAD", "Largest request line and headers, in bytes.", _LIMITS, 1)] = (
        Limits().head
    )
    head_timeout: Annotated[
        float, _setting("HEAD_TIMEOUT", "Seconds in which the headers must come.", _LIMITS, 0.1)
    ] = Limits().head_seconds
    body_timeout: Annotated[float, _setting("BODY_TIMEOUT", "Seconds in which the body must come.", _LIMITS, 0.1)] = (
        Limits().body_seconds
    )
    idle_timeout: Annotated[
        float, _setting("IDLE_TIMEOUT", "Seconds that a connection may be silent between requests.", _LIMITS, 0.1)
    ] = Limits().idle_seconds
    max_connections: Annotated[int, _setting("MAX_CONNECTIONS", "Open connections at a time.", _LIMITS, 1)] = (
        Limits().connections
    )
    shutdown_timeout: Annotated[
        float, _setting("SHUTDOWN_TIMEOUT", "Seconds that requests in flight have to finish at a stop.", _LIMITS, 0)
    ] = Limits().shutdown_seconds

    def limits(self) -> Limits:
        return Limits(
            body=self.max_body,
            bodies=self.max_bodies,
            unproven_bodies=self.max_unproven_bodies,
            head=self.max_head,
            head_seconds=self.head_timeout,
            body_seconds=self.body_timeout,
            idle_seconds=self.idle_timeout,
            connections=self.max_connections,
            shutdown_seconds=self.shutdown_timeout,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class KeySettings:
    """The key to the secrets in the database."""

    secret_key: Annotated[
        str | None,
        secret(
            "WABLOCK_SECRET_KEY",
            "Key that seals secrets in the database; several with commas, the first seals.",
            otherwise="--secret-key-file",
            group=_GATE,
        ),
    ] = None
    secret_key_file: Annotated[
        Path | None,
        _setting(
            "SECRET_KEY_FILE",
            "File of that key; made at first need, but not on PostgreSQL. Default: wablock/secret.key in your "
            "configuration directory.",
            _GATE,
        ),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """The gate before the business's webhook."""

    pass_unchecked: Annotated[
        bool,
        _setting("PASS_UNCHECKED", "Pass webhooks on, marked, while the block list cannot be asked. Else 503.", _GATE),
    ] = False
    refuse_unrouted: Annotated[
        bool,
        _setting(
            "REFUSE_UNROUTED", "Refuse webhooks for numbers without a downstream, so that they come again.", _GATE
        ),
    ] = True
    deduplicate_for: Annotated[
        float,
        _setting("DEDUPLICATE_FOR", "Seconds in which a message that was taken is not sent again. 0: off.", _GATE, 0),
    ] = 0
    pass_through: Annotated[
        bool,
        _setting("PASS_THROUGH", "Send requests to all paths of a number to its upstream, not /messages alone.", _GATE),
    ] = False
    pass_unreadable_recipients: Annotated[
        bool,
        _setting(
            "PASS_UNREADABLE_RECIPIENTS",
            "Send messages whose recipient cannot be read as a number, user_id or group. A blocked user may get them.",
            _GATE,
        ),
    ] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """A production server."""

    host: Annotated[str, _setting("HOST", "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, _setting("PORT", "Port to listen on; 0 picks a free one.")] = 8080
    workers: Annotated[
        int, _setting("WORKERS", "Processes that serve; one for each core that PostgreSQL leaves free.", at_least=1)
    ] = 1
    database: DatabaseUrl = None
    rules: Annotated[
        Rules,
        _setting("RULES", "open: block anyone. meta: as Meta, only who wrote in the last 24 hours, 64,000 at most."),
    ] = Rules.OPEN
    open_list_size: Annotated[
        int | None, _setting("OPEN_LIST_SIZE", "Users on a list under open rules. Default: no limit.", at_least=1)
    ] = None
    log_requests: Annotated[bool, _setting("LOG_REQUESTS", "Log every request; failed ones are, always.")] = False
    key: KeySettings = KeySettings()
    gate: GateSettings = GateSettings()
    answers: AnswerSettings = AnswerSettings()
    limits: LimitSettings = LimitSettings()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DevSettings:
    """A server for development: one command, ready."""

    host: Annotated[str, _setting("HOST", "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, _setting("PORT", "Port to listen on; 0 picks a free one.")] = 8080
    phone_number_id: Annotated[str, _setting("PHONE_NUMBER_ID", "Id of the business number.")] = DEV_PHONE_NUMBER_ID
    allow_hosts: Annotated[
        str,
        _setting("ALLOW_HOSTS", "More names that requests may be for, with commas, as a tunnel's; needs --token."),
    ] = ""
    token: Annotated[
        str,
        secret(
            "WABLOCK_TOKEN",
            "Access token. The default is public: only for a loopback host; random with --upstream-token.",
            group=_SERVER,
        ),
    ] = DEV_TOKEN
    rules: Annotated[
        Rules,
        _setting("RULES", "open: block anyone. meta: as Meta, only who wrote in the last 24 hours, 64,000 at most."),
    ] = Rules.OPEN
    data: Annotated[
        Path | None, _setting("DATA", "File to keep the lists in. Default: a temporary one, gone at the stop.")
    ] = None
    seed: Annotated[
        Path | None, _setting("SEED", "File with numbers, blocked users and windows to begin with, as /dev/seed takes.")
    ] = None
    strict_numbers: Annotated[
        bool, _setting("STRICT_NUMBERS", "Answer for --phone-number-id alone, not for any numeric id.")
    ] = False
    app_secret: Annotated[
        str | None,
        secret(
            "WABLOCK_APP_SECRET",
            f"What webhooks are signed with. Default: {DEV_APP_SECRET} on a loopback host, else a random one.",
            group=_GATE,
        ),
    ] = None
    verify_token: Annotated[
        str, secret("WABLOCK_VERIFY_TOKEN", "What the webhook's handshake has to say.", group=_GATE)
    ] = DEV_VERIFY_TOKEN
    downstream: Annotated[
        str | None,
        _setting("DOWNSTREAM", "Where the number's webhooks go on to, instead of where they went before.", _GATE),
    ] = None
    downstream_timeout: Annotated[
        float, _setting("DOWNSTREAM_TIMEOUT", "Seconds in which --downstream has to answer.", _GATE, 0.1, 60)
    ] = 5.0
    upstream: Annotated[
        str | None,
        _setting("UPSTREAM", "API that the number's messages are sent through.", _GATE),
    ] = None
    upstream_token: Annotated[
        str | None,
        secret("WABLOCK_UPSTREAM_TOKEN", "The upstream's access token. Default: the same as --token.", group=_GATE),
    ] = None
    log_requests: Annotated[bool, _setting("LOG_REQUESTS", "Log every request; failed ones are, always.")] = True
    key: KeySettings = KeySettings()
    gate: GateSettings = GateSettings()
    answers: AnswerSettings = AnswerSettings()
    limits: LimitSettings = LimitSettings()
