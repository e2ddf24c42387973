"""The layout of `--help`: for each option its name, and beside or below it the description. No name is broken.

It has no boxes, so that a terminal of any width and any encoding shows it, and so that it can be searched.
"""

import io
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from cyclopts.help import HelpEntry, HelpPanel
from rich.console import Console, ConsoleOptions
from rich.text import Text

_INDENT: Final = "  "
_WIDEST_NAME: Final = 24  # a longer name has its description below
_NARROWEST_TEXT: Final = 30
_MOST_COLUMNS: Final = 100  # longer lines are hard to read
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


class HelpPages:
    """See `cyclopts.help.HelpFormatter`."""

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:  # noqa: ARG002
        if usage:
            console.print(Text(f"Usage: {_plain(usage)}", "bold"))
            console.print()

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:  # noqa: ARG002
        for paragraph in _plain(description).split("\n\n") if description else ():
            for line in _wrapped(paragraph, _width(console)):
                _print(console, Text(line))
            console.print()

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:  # noqa: ARG002
        if not panel.entries:
            return
        _print(console, Text(f"{panel.title}:", "bold"))
        names = [", ".join(_names(entry)) for entry in panel.entries]
        texts = [_description(entry) for entry in panel.entries]
        beside = max((len(name) for name in names if len(name) <= _WIDEST_NAME), default=_WIDEST_NAME)
        widest = max(len(word) for text in texts for word in text.split(" "))
        if _width(console) < beside + 2 * len(_INDENT) + max(widest, _NARROWEST_TEXT):
            beside = len(_INDENT)  # all descriptions are below
        for name, text in zip(names, texts, strict=True):
            for line in _entry(name, text, beside, _width(console)):
                _print(console, line)
        console.print()


def _entry(name: str, description: str, beside: int, width: int) -> Iterator[Text]:
    margin = _INDENT + " " * beside + _INDENT
    lines = [margin + line for line in _wrapped(description, width - len(margin))]
    if len(name) <= beside:
        first = lines.pop(0).removeprefix(_INDENT + " " * len(name)) if lines else ""
        yield Text.assemble(_INDENT, (name, "cyan"), first)
    else:
        for line in _wrapped(
            name.replace(", ", ",\n").replace(" ", _NO_BREAK).replace("\n", " "), width - len(_INDENT)
        ):
            yield Text.assemble(_INDENT, (line, "cyan"))
    yield from map(Text, lines)


def _names(entry: HelpEntry) -> tuple[str, ...]:
    """The names of a positional argument, of an option with the kind of its value, or of a command."""
    if entry.positional_label:
        return (entry.positional_label,)
    value = f" {entry.metavar}" if entry.metavar else ""
    return tuple(f"{name}{value}" for name in entry.all_options)


def _description(entry: HelpEntry) -> str:
    """The text, then the choices, the variable and the default, each in brackets that stay on one line."""
    notes = []
    if entry.choices:
        notes.append(f"choices: {', '.join(entry.choices)}")
    notes += [f"env var: {variable}" for variable in entry.env_var or ()]
    if entry.default is not None and entry.default != "False":  # a flag is off unless it is there
        notes.append(f"default: {entry.default or 'empty'}")
    if entry.required:
        notes.append("required")
    return " ".join([_plain(entry.description), *map(_unbroken, notes)]).strip()


def _unbroken(note: str) -> str:
    return ", ".join(part.replace(" ", _NO_BREAK) for part in f"[{note}]".split(", "))


def _wrapped(text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False)
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _width(console: Console) -> int:
    return min(console.width, _MOST_COLUMNS)


def _plain(renderable: Any) -> str:
    """The text without styles and line breaks."""
    if renderable is None or isinstance(renderable, str):
        return renderable or ""
    plain = Console(file=io.StringIO(), width=10_000, force_terminal=False)
    with plain.capture() as capture:
        plain.print(renderable, end="")
    return "\n".join(line.rstrip() for line in capture.get().strip().splitlines())


def _print(console: Console, line: Text) -> None:
    console.print(line, soft_wrap=True, highlight=False)
