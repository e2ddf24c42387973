"""The `wablock` command."""

import sys
from collections.abc import Sequence

from cyclopts import App
from rich.console import Console

from wablock import __version__
from wablock.cli import accounts, downstreams, drops, numbers, servers, tokens, upstreams
from wablock.cli.administration import Refused
from wablock.contract.errors import BlocklistInternalError
from wablock.gate.ports import CannotUnseal
from wablock.server.serve import CannotListen
from wablock.storage import CannotOpen
from wablock.vault import BadKey

app = App(
    name="wablock",
    version=__version__,
    help="The WhatsApp Block API that you run yourself. Not Meta's, and not affiliated with Meta.",
)
app.command(servers.dev)
app.command(servers.serve)
app.command(numbers.app)
app.command(tokens.app)
app.command(accounts.app)
app.command(downstreams.app)
app.command(drops.drops)
app.command(upstreams.app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, or `arguments`; what the user can mend is one line on standard error and exit status 2."""
    try:
        app(arguments)
    except (CannotOpen, CannotListen, CannotUnseal, BadKey, Refused, BlocklistInternalError) as refusal:
        Console(stderr=True, soft_wrap=True).print(f"wablock: {refusal}", style="red", markup=False, highlight=False)
        sys.exit(2)
