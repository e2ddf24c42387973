"""`wablock dev`: a development server in the foreground."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from wablock.access import is_token
from wablock.cli import logs
from wablock.cli.arguments import Refused, checked_number_id, checked_url_text
from wablock.cli.listening import check_public_url, run, url_of
from wablock.cli.output import say
from wablock.cli.text_input import read_text
from wablock.contract.errors import InvalidParameter
from wablock.gate.routes.upstreams import META
from wablock.kit.development import Development
from wablock.kit.hosts import is_loopback
from wablock.kit.seeds import Seed
from wablock.kit.serving import application, development, is_reached_by_strangers
from wablock.server.endpoints import webhooks
from wablock.server.serve import Server, bind
from wablock.settings import DEV_TOKEN, DevSettings


def dev(settings: DevSettings = DevSettings()) -> None:  # noqa: B008 - immutable
    checked_number_id(settings.phone_number_id, "--phone-number-id")
    check_public_url(settings.answers.public_url)
    if not is_token(settings.token):
        raise Refused("--token must be printable ASCII characters, up to 1,024, without spaces")
    if settings.token == DEV_TOKEN and not is_loopback(settings.host):
        raise Refused(
            f"--host {settings.host} is not a loopback address, and the default token is public: set your own --token"
        )
    if settings.token == DEV_TOKEN and is_reached_by_strangers(settings):
        raise Refused(f"--allow-hosts {settings.allow_hosts}: the default token is public, so set your own --token")
    if settings.upstream_token is not None and not is_token(settings.upstream_token):
        raise Refused("--upstream-token must be printable ASCII characters, up to 1,024, without spaces")
    for name, url in (("--downstream", settings.downstream), ("--upstream", settings.upstream)):
        checked_url_text(url or META, name)
    logs.configure(for_people=True)
    seed = _seed(settings.seed)
    with bind(settings.host, settings.port) as listener, _development(settings, seed) as dev_server:
        run(
            Server(application(dev_server), dev_server.lifespan, settings, dev_server.metrics),
            listener,
            lambda: _announce_dev(dev_server.settings, url_of(settings.host, listener), dev_server.app_secret),
        )


@contextmanager
def _development(settings: DevSettings, seed: Seed) -> Iterator[Development]:
    try:
        with development(settings, seed) as dev_server:
            yield dev_server
    except InvalidParameter as error:
        raise Refused(f"Cannot use the seed {settings.seed}: {error} {error.details or ''}".rstrip()) from None


def _seed(path: Path | None) -> Seed:
    """The content of the file; raises `Refused`, with the position of the error, if it is invalid."""
    if path is None:
        return Seed()
    try:
        return msgspec.json.decode(read_text(path), type=Seed)
    except msgspec.DecodeError as error:
        raise Refused(f"Cannot read the seed {path}: {error}") from None


def _announce_dev(settings: DevSettings, url: str, app_secret: str) -> None:
    lifetime = f"in {settings.data}" if settings.data else "until the server stops; use --data FILE to keep them"
    other_numbers = "" if settings.strict_numbers else ", and any other numeric id"
    announcement = f"""
wablock dev is ready. Not Meta's, and not affiliated with Meta.

  Base URL         {url}
  Phone number id  {settings.phone_number_id}{other_numbers}
  Access token     {settings.token}
  Rules            {settings.rules}
  Lists are kept   {lifetime}
  Webhooks         {url}{webhooks.PATH}, signed with {app_secret}
  Forwarded to     {settings.downstream or "no receiver; set your own with --downstream URL"}
  Reference        {url}/docs
  For your tests   {url}/dev, which resets lists and sets the time

Block a user:

  curl -X POST '{url}/v25.0/{settings.phone_number_id}/block_users' \\
    -H 'Authorization: Bearer {settings.token}' -H 'Content-Type: application/json' \\
    -d '{{"messaging_product":"whatsapp","block_users":[{{"user":"+16505551234"}}]}}'

See the list:

  curl '{url}/v25.0/{settings.phone_number_id}/block_users' -H 'Authorization: Bearer {settings.token}'

Stop with Ctrl-C.
"""
    say(*announcement.split("\n"))
