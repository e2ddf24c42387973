"""`wablock completion`: the completion of commands and options in a shell."""

from typing import Annotated, Literal

from cyclopts import Parameter

from wablock.cli.output import write


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish", "powershell"], Parameter(help="Your shell.")], /
) -> None:
    from wablock.cli import app  # noqa: PLC0415 - it has this command

    write(app.generate_completion(shell=shell).rstrip())
