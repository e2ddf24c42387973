"""The gate under test, `wablock serve` with one downstream, and webhooks like Meta's."""

import contextlib
import os
import re
import secrets
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import msgspec

from benchmarks.load import write_posts
from benchmarks.processes import LOAD_CORE, SERVER_CORE, module, started, wablock
from benchmarks.variants import free
from wablock.gate.webhook.signature import sign
from wablock.settings import DEV_ACCOUNT_ID, DEV_PHONE_NUMBER_ID, file_url

APP_SECRET: Final = "wablock-bench-app-secret"
WEBHOOKS_PATH: Final = "/webhooks/whatsapp"
_WEBHOOKS: Final = 1_000
_DROPPED: Final = re.compile(r'wablock_gate_items_total\{kind="messages",verdict="dropped"\} (\S+)')


class Gate(msgspec.Struct, frozen=True):
    """A running gate."""

    base_url: str
    pid: int

    @property
    def url(self) -> str:
        return self.base_url + WEBHOOKS_PATH

    def dropped_messages(self) -> float:
        """The number of messages that it has dropped since it started."""
        with urlopen(f"{self.base_url}/metrics", timeout=10) as response:
            match = _DROPPED.search(response.read().decode())
        return float(match[1]) if match else 0.0


@contextlib.contextmanager
def gate(database: Path | str, downstream: str, variant: Sequence[str] = ()) -> Iterator[Gate]:
    """A gate with this database, a file or a URL, whose number forwards its webhooks to `downstream`.

    `variant`: a variant from variants.py to run instead of `wablock serve`, and its arguments.
    """
    url = database if isinstance(database, str) else file_url(database)
    variables = {
        "WABLOCK_DATABASE": url,
        "WABLOCK_APP_SECRET": APP_SECRET,
        "WABLOCK_SECRET_KEY": b64encode(secrets.token_bytes(32)).decode(),
    }
    for command in (["account", "set", DEV_ACCOUNT_ID], ["downstream", "add", DEV_PHONE_NUMBER_ID, downstream]):
        subprocess.run(wablock(*command), check=True, stdout=subprocess.DEVNULL, env=os.environ | variables)
    serve = module("variants", variant[0], url, *variant[1:]) if variant else wablock("serve", "--port", "0")
    with started(SERVER_CORE, serve, variables) as server:
        yield Gate(server.url, server.process.pid)


@contextlib.contextmanager
def downstream() -> Iterator[str]:
    """The address of a downstream on the core of the load. It is fast enough not to be the bottleneck."""
    with started(LOAD_CORE, module("peers.downstream")) as server:
        yield server.line


def webhooks_of_one_message(file: Path, users: int) -> Path:
    """Write 1,000 webhooks for the load scripts. The senders are spread over `users` blocked users; none is blocked."""
    return write_posts(file, [signed([free(number * users // _WEBHOOKS)], number) for number in range(_WEBHOOKS)])


def signed(senders: Sequence[str], number: int) -> tuple[str, bytes]:
    """The signature header and the body of one webhook with a message from each sender.

    Each `number` gives other message ids.
    """
    changes = [_change(sender, number * len(senders) + place) for place, sender in enumerate(senders)]
    entry = [{"id": DEV_ACCOUNT_ID, "changes": changes}]
    body = msgspec.json.encode({"object": "whatsapp_business_account", "entry": entry})
    return f"X-Hub-Signature-256: {sign(APP_SECRET, body)}", body


def _change(sender: str, number: int) -> object:
    """A change like the one in Meta's documentation, and as long."""
    message = {
        "from": sender,
        "id": f"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFF{number:012d}AA=",
        "timestamp": "1749416383",
        "type": "text",
        "text": {"body": "Does it come in another color? I would like a green one."},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": DEV_PHONE_NUMBER_ID},
        "contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": sender}],
        "messages": [message],
    }
    return {"value": value, "field": "messages"}
