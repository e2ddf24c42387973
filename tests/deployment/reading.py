"""The deployment files, read by the parsers of the programs that use them."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import dockerfile  # type: ignore[import-not-found]
import msgspec
import pytest
import yaml
from cyclopts import App

from wablock.cli import app
from wablock.settings import LimitSettings, ServeSettings

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "Dockerfile"
COMPOSE: Final = ROOT / "compose.yaml"
KUBERNETES: Final = ROOT / "deploy/kubernetes.yaml"
UNIT: Final = ROOT / "deploy/wablock.service"
ALL: Final = (DOCKERFILE, COMPOSE, KUBERNETES, UNIT)

STOPS_WITHIN: Final = LimitSettings().shutdown_timeout + 5  # seconds; 5 to write the buffered data


class Instruction(msgspec.Struct, frozen=True):
    """One of a Dockerfile's, as Docker's own parser has it."""

    name: str
    flags: Sequence[str]
    words: Sequence[str]


def stages() -> list[list[Instruction]]:
    """The Dockerfile's instructions, for each stage from its FROM on."""
    all_stages: list[list[Instruction]] = []
    for command in dockerfile.parse_file(str(DOCKERFILE)):
        if command.cmd.upper() == "FROM":
            all_stages.append([])
        if all_stages:
            all_stages[-1].append(Instruction(command.cmd.upper(), command.flags, command.value))
    return all_stages


def instructions(stage: Sequence[Instruction], name: str) -> list[Instruction]:
    return [it for it in stage if it.name == name]


def environment_of_image() -> dict[str, str]:
    """The variables that the image sets, without PATH."""
    words = [word for it in instructions(stages()[-1], "ENV") for word in it.words]
    return {name: value for name, value in zip(words[::2], words[1::2], strict=True) if name != "PATH"}


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return read


def objects() -> dict[str, Any]:
    """The manifest's objects by kind."""
    return {it["kind"]: it for it in yaml.safe_load_all(KUBERNETES.read_text())}


def container() -> dict[str, Any]:
    (only,) = objects()["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(only)


def unit() -> dict[str, list[str]]:
    """The unit's directives with their values, in order."""
    directives: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            directives.setdefault(name, []).append(value)
    return directives


def environment_of_unit() -> dict[str, str]:
    assignments = [word.partition("=") for line in unit()["Environment"] for word in shlex.split(line)]
    return {name: value for name, _, value in assignments}


def understood(words: Sequence[str], variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> ServeSettings:
    """The settings of `wablock serve …` with these words behind `wablock`, and these variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert words[0] == "serve"
    _, bound, _ = app.parse_args(list(words), print_error=False, exit_on_error=False)
    settings = bound.arguments.get("settings", ServeSettings())
    assert isinstance(settings, ServeSettings)
    return settings


def known_variables() -> set[str]:
    """Every environment variable of every command."""
    return {name for argument in _arguments(app) for name in argument.parameter.env_var or ()}


def known_flags() -> set[str]:
    """Every flag of `wablock serve`."""
    return {name for argument in app["serve"].assemble_argument_collection() for name in argument.names}


def variables_in(path: Path) -> set[str]:
    return set(re.findall(r"\bWABLOCK_[A-Z_]*[A-Z]\b(?!=value)", path.read_text()))


def seconds(text: str) -> float:
    """The seconds of a time as Compose and systemd write it."""
    return float(text.removesuffix("s"))


def _arguments(of: App) -> Iterator[Any]:
    names = [name for name in of if not name.startswith("-")]
    if not names:
        yield from of.assemble_argument_collection()
    for name in names:
        yield from _arguments(of[name])
