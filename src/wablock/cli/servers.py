"""`wablock dev` and `wablock serve`."""

import asyncio
import ipaddress
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from wablock.access import ALL_SCOPES, AccessToken, digest, is_token
from wablock.block_list.ports import BusinessNumber
from wablock.cli import logs
from wablock.cli.administration import Refused, checked_number_id, say
from wablock.server.serve import bind
from wablock.server.serve import serve as run_server
from wablock.settings import (
    DEV_ACCOUNT_ID,
    DEV_TOKEN,
    AnswerSettings,
    DevSettings,
    LimitSettings,
    ServeSettings,
    default_database,
    file_url,
)
from wablock.storage import Store
from wablock.wiring import Wired, build, system_clock


def dev(settings: DevSettings = DevSettings()) -> None:  # noqa: B008 - immutable
    """Start a server that is ready for use: it makes the account, the number and the token, and prints them.

    Not for production: its token is known to all who read this, and without --data it keeps nothing.
    """
    checked_number_id(settings.phone_number_id)
    _check_public_url(settings.answers.public_url)
    if not is_token(settings.token):
        raise Refused("--token must be printable ASCII characters, up to 1,024, without spaces")
    if settings.token == DEV_TOKEN and not _is_loopback(settings.host):
        raise Refused(f"{settings.host} is not loopback and the default token is public: choose one with --token")
    logs.configure(for_people=True)
    with ExitStack() as stack:
        path = settings.data
        if path is None:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wablock-"))) / "dev.db"
        bound = stack.enter_context(bind(settings.host, settings.port))
        wired = build(
            file_url(path),
            settings.rules,
            settings.answers,
            settings.limits,
            key=settings.key,
            gate=settings.gate,
            log_requests=settings.log_requests,
            made_on_demand_for=None if settings.strict_numbers else DEV_ACCOUNT_ID,
        )
        asyncio.run(_prepare(wired.store, settings))
        _run(
            wired, bound, settings.answers, settings.limits, lambda: _announce_dev(settings, _url(settings.host, bound))
        )


def serve(settings: ServeSettings = ServeSettings()) -> None:  # noqa: B008 - immutable
    """Start a production server on a database. Add numbers and tokens with `wablock number` and `wablock token`."""
    _check_public_url(settings.answers.public_url)
    logs.configure(for_people=False)
    with bind(settings.host, settings.port) as bound:
        database = settings.database or default_database()
        wired = build(
            database,
            settings.rules,
            settings.answers,
            settings.limits,
            key=settings.key,
            gate=settings.gate,
            open_list_size=settings.open_list_size,
            log_requests=settings.log_requests,
        )

        def announce() -> None:
            say(f"wablock serves {_url(settings.host, bound)} on {database}, {settings.rules} rules")

        _run(wired, bound, settings.answers, settings.limits, announce)


def _run(
    wired: Wired, bound: socket.socket, answers: AnswerSettings, limits: LimitSettings, listening: Callable[[], None]
) -> None:
    run_server(
        wired.application,
        bound,
        limits.limits(),
        wired.metrics,
        listening,
        trusted_proxies=answers.trusted_proxies,
    )


async def _prepare(store: Store, settings: DevSettings) -> None:
    now = system_clock()
    await store.add_number(BusinessNumber(settings.phone_number_id, DEV_ACCOUNT_ID), now)
    await store.add_token(AccessToken(digest(settings.token), DEV_ACCOUNT_ID, "dev", ALL_SCOPES, None, now))


def _announce_dev(settings: DevSettings, url: str) -> None:
    kept = f"in {settings.data}" if settings.data else "until it stops; keep them with --data FILE"
    others = "" if settings.strict_numbers else ", and any other numeric id"
    say(f"""
wablock dev is ready. Not Meta's, and not affiliated with Meta.

  Base URL         {url}
  Phone number id  {settings.phone_number_id}{others}
  Access token     {settings.token}
  Rules            {settings.rules}
  Lists are kept   {kept}

Block a user:

  curl -X POST '{url}/v25.0/{settings.phone_number_id}/block_users' \\
    -H 'Authorization: Bearer {settings.token}' -H 'Content-Type: application/json' \\
    -d '{{"messaging_product":"whatsapp","block_users":[{{"user":"+16505551234"}}]}}'

See the list:

  curl '{url}/v25.0/{settings.phone_number_id}/block_users' -H 'Authorization: Bearer {settings.token}'

Stop with Ctrl-C.
""")


def _check_public_url(url: str | None) -> None:
    if url is not None and not _is_web_address(url):
        raise Refused(f"--public-url must begin with http:// or https:// and name a host, not {url!r}")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return url.startswith(("http://", "https://")) and bool(parts.hostname)


def _url(host: str, bound: socket.socket) -> str:
    port = bound.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
