"""The entry point of the `wablock` command. Without the extra that the command needs, it prints how to install it."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from wablock import cli  # noqa: PLC0415 - may be missing
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith("wablock"):
            raise
        sys.stderr.write("wablock: the commands need an extra: pip install 'wablock[cli]' or 'wablock[server]'\n")
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()
