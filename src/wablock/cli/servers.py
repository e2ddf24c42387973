"""`wablock dev` and `wablock serve`."""

import asyncio
import gc
import ipaddress
import os
import secrets
import socket
import tempfile
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from wablock.access import ALL_SCOPES, AccessToken, digest, is_token
from wablock.block_list.ports import BusinessNumber
from wablock.cli import logs
from wablock.cli.console import Refused, checked_number_id, checked_url_text, say
from wablock.gate.ports import Upstream
from wablock.gate.routes import META, NewDownstream, Routes
from wablock.server import webhooks
from wablock.server.serve import bind
from wablock.server.serve import serve as run_server
from wablock.settings import (
    DEV_ACCOUNT_ID,
    DEV_APP_SECRET,
    DEV_TOKEN,
    AnswerSettings,
    DevSettings,
    KeySettings,
    LimitSettings,
    ServeSettings,
    default_database,
    file_url,
)
from wablock.storage import Store
from wablock.wiring import Wired, build, routes_of, system_clock


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
    if settings.upstream_token is not None and not is_token(settings.upstream_token):
        raise Refused("--upstream-token must be printable ASCII characters, up to 1,024, without spaces")
    for url in (settings.downstream, settings.upstream):
        checked_url_text(url or META)
    logs.configure(for_people=True)
    key, app_secret = _dev_key(settings), _dev_app_secret(settings)
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
            key=key,
            gate=settings.gate,
            log_requests=settings.log_requests,
            made_on_demand_for=None if settings.strict_numbers else DEV_ACCOUNT_ID,
        )
        asyncio.run(_prepare(wired.store, routes_of(wired.store, key), settings, app_secret))

        def announce() -> None:
            _announce_dev(settings, _url(settings.host, bound), app_secret)

        _run(wired, bound, settings.answers, settings.limits, announce)


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
    gc.collect()
    gc.freeze()  # what is there now stays: looking it through again and again is a quarter of a large webhook's time
    run_server(
        wired.application,
        bound,
        limits.limits(),
        wired.metrics,
        listening,
        trusted_proxies=answers.trusted_proxies,
    )


def _dev_key(settings: DevSettings) -> KeySettings:
    """What lasts no longer than the server needs no key that does."""
    if settings.data or settings.key != KeySettings():
        return settings.key
    return KeySettings(secret_key=b64encode(os.urandom(32)).decode())


def _dev_app_secret(settings: DevSettings) -> str:
    """The public one only where no stranger can post what it signed."""
    return settings.app_secret or (DEV_APP_SECRET if _is_loopback(settings.host) else secrets.token_hex(16))


async def _prepare(store: Store, routes: Routes, settings: DevSettings, app_secret: str) -> None:
    now = system_clock()
    number_id = settings.phone_number_id
    await store.add_number(BusinessNumber(number_id, DEV_ACCOUNT_ID), now)
    await store.add_token(AccessToken(digest(settings.token), DEV_ACCOUNT_ID, "dev", ALL_SCOPES, None, now))
    await routes.set_account(DEV_ACCOUNT_ID, app_secret, settings.verify_token)
    if settings.downstream is not None:
        for before in await routes.listed(number_id):
            await routes.remove_downstream(number_id, before.downstream_id)
        new = NewDownstream(url=settings.downstream, may_be_inside=True)
        await routes.add_downstream(DEV_ACCOUNT_ID, number_id, new)
    if settings.upstream is not None:
        token = settings.upstream_token or settings.token
        upstream = Upstream(number_id, settings.upstream, token, may_be_inside=True)
        await routes.set_upstream(DEV_ACCOUNT_ID, upstream)


def _announce_dev(settings: DevSettings, url: str, app_secret: str) -> None:
    kept = f"in {settings.data}" if settings.data else "until it stops; keep them with --data FILE"
    others = "" if settings.strict_numbers else ", and any other numeric id"
    say(f"""
wablock dev is ready. Not Meta's, and not affiliated with Meta.

  Base URL         {url}
  Phone number id  {settings.phone_number_id}{others}
  Access token     {settings.token}
  Rules            {settings.rules}
  Lists are kept   {kept}
  Webhooks         {url}{webhooks.PATH}, signed with {app_secret}
  They go on to    {settings.downstream or "nobody yet; name your own webhook with --downstream URL"}

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
