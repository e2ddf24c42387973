"""The entry point of the `wablock` command. Without the extra that the command needs, it prints how to install it."""

import gc
import sys
from typing import Final

from wablock.extras import how_to_install

# The number of new objects after which Python collects garbage. A start makes about 60,000 objects, and hardly any are
# garbage: with Python's default of 700, the collections take a tenth of its time. A server sets its own number.
_ALLOCATED_BETWEEN_COLLECTIONS: Final = 100_000


def main() -> None:
    """Run the command line."""
    gc.set_threshold(_ALLOCATED_BETWEEN_COLLECTIONS)
    try:
        from wablock import cli  # noqa: PLC0415 - may be missing
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith("wablock"):
            raise
        sys.stderr.write(
            f"wablock: the commands need an extra, server for all or cli for some: {how_to_install('server')}\n"
        )
        sys.exit(2)
    except KeyboardInterrupt:  # importing takes long enough for it
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
