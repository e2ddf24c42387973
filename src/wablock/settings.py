"""All settings of the servers, each with its flag, environment variable, default and description."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote

import platformdirs
from cyclopts import Group, Parameter, validators

from wablock import public_credentials
from wablock.block_list.ports import Rules
from wablock.block_list.rules import RuleBook
from wablock.typed_secrets import database_url, secret
from wablock.whole_numbers import whole

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

_REQUESTS_PER_NUMBER = "Requests a minute for each number and each shared list. 0: no limit."


def default_database() -> str:
    """A file in the user's data directory, as a database URL."""
    return file_url(platformdirs.user_data_path("wablock") / "wablock.db")


def file_url(path: Path) -> str:
    """The database URL of a SQLite file; its name may contain any characters."""
    return "sqlite:///" + quote(str(path.absolute()))


def default_key_file() -> Path:
    """The default path of the key file: not in the database's folder, whose copies must not contain the key."""
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
    variable: str, help_text: str, group: Group = _SERVER, at_least: float | None = None, at_most: float | None = None
) -> Parameter:
    is_bound = at_least is not None or at_most is not None
    validator = validators.Number(gte=at_least, lte=at_most) if is_bound else None
    return Parameter(env_var=f"WABLOCK_{variable}", help=help_text, group=group, validator=validator)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AnswerSettings:
    """The form of the server's responses."""

    partial_failure_status: Annotated[
        Literal[200, 400],
        _setting("PARTIAL_FAILURE_STATUS", "HTTP status of a response in which some users failed.", _ANSWERS),
    ] = 200
    list_has_input: Annotated[
        bool, _setting("LIST_HAS_INPUT", "Add `input` to every listed user; some SDKs need it.", _ANSWERS)
    ] = False
    token_in_parameters: Annotated[
        bool, _setting("TOKEN_IN_PARAMETERS", "Accept the token as `access_token` in the query or the body.", _ANSWERS)
    ] = True
    public_url: Annotated[
        str | None, _setting("PUBLIC_URL", "Scheme and host of paging links. Default: those of the request.", _ANSWERS)
    ] = None
    trusted_proxies: Annotated[
        str,
        _setting(
            "TRUSTED_PROXIES", "Addresses of proxies, separated by commas. Their X-Forwarded-Proto is used.", _ANSWERS
        ),
    ] = "127.0.0.1"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """Limits on requests and connections."""

    requests_per_minute_per_token: Annotated[
        int,
        whole(_setting("REQUESTS_PER_MINUTE_PER_TOKEN", "Requests a minute for each token. 0: no limit.", _RATES, 0)),
    ] = 0
    requests_per_minute_per_number: Annotated[
        int, whole(_setting("REQUESTS_PER_MINUTE_PER_NUMBER", _REQUESTS_PER_NUMBER, _RATES, 0))
    ] = 0
    max_body: Annotated[int, whole(_setting("MAX_BODY", "Largest request body, in bytes.", _LIMITS, 1))] = 1_048_576
    max_bodies: Annotated[
        int, whole(_setting("MAX_BODIES", "Total size of all request bodies in memory, in bytes.", _LIMITS, 1))
    ] = 268_435_456
    max_unproven_bodies: Annotated[
        int,
        whole(
            _setting(
                "MAX_UNPROVEN_BODIES",
                "Total size of unfinished request bodies of senders without a valid token, in bytes.",
                _LIMITS,
                1,
            )
        ),
    ] = 33_554_432
    max_head: Annotated[int, whole(_setting("MAX_HEAD", "Largest request line and headers, in bytes.", _LIMITS, 1))] = (
        32_768
    )
    head_timeout: Annotated[
        float, _setting("HEAD_TIMEOUT", "Seconds in which the headers must arrive.", _LIMITS, 0.1)
    ] = 10.0
    body_timeout: Annotated[float, _setting("BODY_TIMEOUT", "Seconds in which the body must arrive.", _LIMITS, 0.1)] = (
        30.0
    )
    idle_timeout: Annotated[
        float, _setting("IDLE_TIMEOUT", "Seconds that a connection may be idle between requests.", _LIMITS, 0.1)
    ] = 75.0
    max_connections: Annotated[
        int, whole(_setting("MAX_CONNECTIONS", "Most open connections at a time.", _LIMITS, 1))
    ] = 1_000
    shutdown_timeout: Annotated[
        float, _setting("SHUTDOWN_TIMEOUT", "Seconds that requests in flight have to finish after SIGTERM.", _LIMITS, 0)
    ] = 30.0


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class KeySettings:
    """The key to the secrets in the database."""

    secret_key: Annotated[
        str | None,
        secret(
            "WABLOCK_SECRET_KEY",
            "Key that encrypts secrets in the database. Several, separated by commas: the first encrypts, all decrypt.",
            otherwise="--secret-key-file",
            group=_GATE,
        ),
    ] = None
    secret_key_file: Annotated[
        Path | None,
        _setting(
            "SECRET_KEY_FILE",
            "File that contains the key. On SQLite it is created when needed. Default: wablock/secret.key in your "
            "configuration directory.",
            _GATE,
        ),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """The gate in front of the business's webhook."""

    pass_unchecked: Annotated[
        bool,
        _setting(
            "PASS_UNCHECKED",
            "While the block list cannot be read, forward webhooks, marked as unchecked. Otherwise they get 503.",
            _GATE,
        ),
    ] = False
    refuse_unrouted: Annotated[
        bool,
        _setting(
            "REFUSE_UNROUTED", "Refuse webhooks for numbers without a downstream, so that Meta retries them.", _GATE
        ),
    ] = True
    deduplicate_for: Annotated[
        float,
        _setting("DEDUPLICATE_FOR", "Seconds during which a delivered message is not sent again. 0: off.", _GATE, 0),
    ] = 0
    pass_through: Annotated[
        bool,
        _setting("PASS_THROUGH", "Forward every path of a number to its upstream, not only /messages.", _GATE),
    ] = False
    pass_unreadable_recipients: Annotated[
        bool,
        _setting(
            "PASS_UNREADABLE_RECIPIENTS",
            "Send messages whose recipient cannot be read as a number, user_id or group. A blocked user may get them.",
            _GATE,
        ),
    ] = False


_LogRequests = Annotated[bool, _setting("LOG_REQUESTS", "Log every request. Failed requests are always logged.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Settings of every server."""

    host: Annotated[str, _setting("HOST", "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, whole(_setting("PORT", "Port to listen on; 0 chooses a free port."))] = 8080
    rules: Annotated[
        Rules,
        _setting(
            "RULES", "open: any user can be blocked. meta: only users who wrote in the last 24 hours, 64,000 at most."
        ),
    ] = Rules.OPEN
    log_requests: _LogRequests = False
    keep_events: Annotated[
        int, whole(_setting("KEEP_EVENTS", "Days for which the events of lists are kept. 0: for ever.", at_least=0))
    ] = 400
    key: KeySettings = KeySettings()
    gate: GateSettings = GateSettings()
    answers: AnswerSettings = AnswerSettings()
    limits: LimitSettings = LimitSettings()

    def rule_book(self) -> RuleBook:
        return RuleBook(self.rules)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ServeSettings(ServerSettings):
    """Settings of `wablock serve`."""

    workers: Annotated[
        int, whole(_setting("WORKERS", "Number of server processes; up to one for each free core.", at_least=1))
    ] = 1
    database: DatabaseUrl = None
    open_list_size: Annotated[
        int | None,
        whole(_setting("OPEN_LIST_SIZE", "Limit on users of a list under open rules. Default: none.", at_least=1)),
    ] = None

    def rule_book(self) -> RuleBook:
        return RuleBook(self.rules, self.open_list_size)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DevSettings(ServerSettings):
    """Settings of `wablock dev`."""

    phone_number_id: Annotated[str, _setting("PHONE_NUMBER_ID", "Id of the business number.")] = DEV_PHONE_NUMBER_ID
    allow_hosts: Annotated[
        str,
        _setting(
            "ALLOW_HOSTS", "More host names for this server, such as a tunnel's, separated by commas; requires --token."
        ),
    ] = ""
    token: Annotated[
        str,
        secret(
            "WABLOCK_TOKEN",
            "Access token. The default is public and works on loopback only. With --upstream-token it is random.",
            group=_SERVER,
        ),
    ] = DEV_TOKEN
    data: Annotated[
        Path | None, _setting("DATA", "File for the lists. Default: a temporary file, deleted when the server stops.")
    ] = None
    seed: Annotated[
        Path | None, _setting("SEED", "Numbers, blocked users and windows at the start: a file as for /dev/seed.")
    ] = None
    strict_numbers: Annotated[
        bool, _setting("STRICT_NUMBERS", "Accept only --phone-number-id, not every numeric id.")
    ] = False
    app_secret: Annotated[
        str | None,
        secret(
            "WABLOCK_APP_SECRET",
            f"App secret that signs webhooks. Default: {DEV_APP_SECRET} on a loopback host, otherwise a random one.",
            group=_GATE,
        ),
    ] = None
    verify_token: Annotated[
        str, secret("WABLOCK_VERIFY_TOKEN", "Verify token of the webhook's handshake.", group=_GATE)
    ] = DEV_VERIFY_TOKEN
    downstream: Annotated[
        str | None,
        _setting("DOWNSTREAM", "Receiver of the number's webhooks; replaces receivers that were set before.", _GATE),
    ] = None
    downstream_timeout: Annotated[
        float, _setting("DOWNSTREAM_TIMEOUT", "Seconds that --downstream has to respond.", _GATE, 0.1, 60)
    ] = 5.0
    upstream: Annotated[
        str | None, _setting("UPSTREAM", "API through which the number's messages are sent.", _GATE)
    ] = None
    upstream_token: Annotated[
        str | None,
        secret("WABLOCK_UPSTREAM_TOKEN", "The upstream's access token. Default: the same as --token.", group=_GATE),
    ] = None
    log_requests: _LogRequests = True
