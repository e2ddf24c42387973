"""The model as HTML and Markdown. All is rendered once, for an address that stands for the server's own."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

from wablock.reference.failures import failures
from wablock.reference.model import BLOCK_API, DocumentedSchema, OperationGroup, Reference, reference
from wablock.reference.schemas import SchemaRow
from wablock.reference.wording import ELSEWHERE, WABLOCK

_HERE: Final = "https://this-server.invalid"
_CODE: Final = re.compile(r"`([^`]+)`")
# A word that no lexer takes apart, in the place of each placeholder while the text is coloured.
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_-]+)\}|<([A-Za-z0-9-]+)>")
_HELD: Final = re.compile(r"Q7Q([BA])([A-Za-z0-9_]+?)Q7Q")


class Rendered(msgspec.Struct, frozen=True):
    """All texts, each for `_HERE`."""

    block_api: str
    own: str
    markdown: str
    index: str

    def at(self, text: str, base_url: str) -> bytes:
        """`text` for the server at `base_url`. What could end a word or a tag in any of the languages is escaped."""
        return text.replace(_HERE, quote(base_url, safe=":/.-_~[]%")).encode()


def render(document: dict[str, Any]) -> Rendered:
    """Takes long enough that an event loop should not wait for it."""
    environment = Environment(
        loader=PackageLoader("wablock.reference"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": _prose, "colour": _colour, "cell": _cell}
    told = reference(document, _HERE)
    of_meta = [group for group in told.groups if group.name == BLOCK_API]
    own = [group for group in told.groups if group.name != BLOCK_API]
    said = {
        "reference": told,
        "here": _HERE,
        "failures": failures(),
        "wablock": WABLOCK,
        "elsewhere": ELSEWHERE,
        "block_api": BLOCK_API,
    }
    shown = _named(of_meta)
    return Rendered(
        environment.get_template("page.html").render(
            said, groups=of_meta, schemas=[each for each in told.schemas if each.name in shown], root="", is_own=False
        ),
        environment.get_template("page.html").render(
            said, groups=own, schemas=_others(told, shown, own), root="../", is_own=True
        ),
        environment.get_template("reference.md").render(said, groups=[*of_meta, *own]),
        environment.get_template("llms.txt").render(said, groups=told.groups),
    )


def _named(groups: Sequence[OperationGroup]) -> set[str]:
    """The schemas that the operations of `groups` lead to."""
    found: set[str] = set()
    for group in groups:
        for operation in group.operations:
            for body in [*operation.bodies, *(body for answer in operation.answers for body in answer.bodies)]:
                found.update(body.schema_names)
                found.update(name for row in body.rows for name in _below(row))
    return found


def _below(row: SchemaRow) -> set[str]:
    named = set(re.findall(r"[A-Za-z]+", row.type))
    return named.union(*(_below(child) for child in row.children)) if row.children else named


def _others(told: Reference, shown: set[str], groups: Sequence[OperationGroup]) -> list[DocumentedSchema]:
    """What the other page does not show, and what this one needs: no schema is left out of both."""
    needed = _named(groups)
    return [each for each in told.schemas if each.name in needed or each.name not in shown]


def _prose(text: str) -> Markup:
    """Escaped, with what is between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped in the same line


def _colour(text: str, language: str) -> Markup:
    """Highlighted by classes; each placeholder is an element that the page can fill in."""
    held = _PLACEHOLDER.sub(_hold, text) if language != "json" else text
    formatter = HtmlFormatter(nowrap=True, classprefix="hl-")
    coloured = highlight(held, get_lexer_by_name(language, stripnl=False), formatter)
    return Markup(_HELD.sub(_release, coloured).rstrip("\n"))  # noqa: S704 - pygments escapes


def _hold(match: re.Match[str]) -> str:
    kind = "B" if match[1] else "A"
    return f"Q7Q{kind}{(match[1] or match[2]).replace('-', '_0_')}Q7Q"


def _release(match: re.Match[str]) -> str:
    name = match[2].replace("_0_", "-")
    shown = f"{{{name}}}" if match[1] == "B" else f"&lt;{name}&gt;"
    return f'<span class="fill" data-name="{name}">{shown}</span>'


def _cell(text: str) -> str:
    """One cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
