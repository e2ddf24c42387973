"""The `wablock` command."""

import sys
from collections.abc import Sequence

from cyclopts import App
from rich.console import Console

from wablock import __version__
from wablock.cli import numbers, servers, tokens
from wablock.cli.administration import Refused
from wablock.contract.errors import BlocklistInternalError
from wablock.server.serve import CannotListen
from wablock.storage import CannotOpen

app = App(
    name="wablock",
    version=__version__,
    help="The WhatsApp Block API that you run yourself. Not Meta's, and not affiliated with Meta.",
)
app.command(servers.dev)
app.command(servers.serve)
app.command(numbers.app)
app.command(tokens.app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, or `arguments`; what the user can mend is one line on standard error and exit status 2."""
    try:
        app(arguments)
    except (CannotOpen, CannotListen, Refused, BlocklistInternalError) as refusal:
        Console(stderr=True, soft_wrap=True).print(f"wablock: {refusal}", style="red", markup=False, highlight=False)
        sys.exit(2)
