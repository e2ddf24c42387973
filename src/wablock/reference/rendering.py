"""The model as HTML and Markdown, rendered once, with a placeholder for the server's address."""

import re
from collections.abc import Sequence
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

from wablock.reference.failures import failures
from wablock.reference.model import BLOCK_API, DocumentedSchema, OperationGroup, Reference, reference
from wablock.reference.rendered import HERE, Rendered
from wablock.reference.schemas import SchemaRow
from wablock.reference.wording import ELSEWHERE, WABLOCK

# The placeholders, and fields of "Try it", that the reader fills in once.
_VALUES: Final = {name: name for name in ("Version", "Phone-Number-ID", "Token")} | {
    "phone_number_id": "Phone-Number-ID",
    "token": "Token",
}
_CODE: Final = re.compile(r"`([^`]+)`")
# While a text is highlighted, each placeholder is replaced by a word that no lexer splits.
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_-]+)\}|<([A-Za-z0-9-]+)>")
_PROTECTED: Final = re.compile(r"Q7Q([BA])([A-Za-z0-9_]+?)Q7Q")


def render(document: dict[str, Any]) -> Rendered:
    """Render all texts. This is too slow for an event loop: call it in a thread."""
    environment = Environment(
        loader=PackageLoader("wablock.reference"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": _prose, "colour": _colour, "cell": _cell, "value": _VALUES.get}
    model = reference(document, HERE)
    block_api = [group for group in model.groups if group.name == BLOCK_API]
    own = [group for group in model.groups if group.name != BLOCK_API]
    names = _schema_names(block_api)
    contents = {
        "block_api": (block_api, [each for each in model.schemas if each.name in names]),
        "own": (own, _others(model, names, own)),
        "whole": (model.groups, model.schemas),
    }
    context = {
        "reference": model,
        "here": HERE,
        "failures": failures(),
        "wablock": WABLOCK,
        "elsewhere": ELSEWHERE,
        "block_api": BLOCK_API,
    }

    def rendered(template: str, page: str, root: str = "") -> str:
        groups, schemas = contents[page]
        more = {"groups": groups, "schemas": schemas, "root": root, "is_own": page == "own"}
        return environment.get_template(template).render(context, **more)

    return Rendered(
        rendered("page.html", "block_api"),
        rendered("page.html", "own", root="../"),
        rendered("reference.md", "block_api"),
        rendered("reference.md", "own"),
        rendered("reference.md", "whole"),
        rendered("llms.txt", "whole"),
    )


def _schema_names(groups: Sequence[OperationGroup]) -> set[str]:
    """The names of all schemas that the operations of `groups` use."""
    names: set[str] = set()
    for group in groups:
        for operation in group.operations:
            for body in [*operation.bodies, *(body for answer in operation.answers for body in answer.bodies)]:
                names.update(body.schema_names)
                names.update(name for row in body.rows for name in _names_in(row))
    return names


def _names_in(row: SchemaRow) -> set[str]:
    names = set(re.findall(r"[A-Za-z]+", row.type))
    return names.union(*(_names_in(child) for child in row.children)) if row.children else names


def _others(model: Reference, names: set[str], groups: Sequence[OperationGroup]) -> list[DocumentedSchema]:
    """The schemas that `groups` use, and all that are not in `names`. So each schema is on at least one page."""
    needed = _schema_names(groups)
    return [each for each in model.schemas if each.name in needed or each.name not in names]


def _prose(text: str) -> Markup:
    """The text escaped, with text in backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped in the same line


def _colour(text: str, language: str) -> Markup:
    """The text highlighted by classes. Each placeholder is an element that the page can fill in."""
    protected = _PLACEHOLDER.sub(_protect, text) if language != "json" else text
    formatter = HtmlFormatter(nowrap=True, classprefix="hl-")
    coloured = highlight(protected, get_lexer_by_name(language, stripnl=False), formatter)
    return Markup(_PROTECTED.sub(_restore, coloured).rstrip("\n"))  # noqa: S704 - pygments escapes


def _protect(match: re.Match[str]) -> str:
    kind = "B" if match[1] else "A"
    return f"Q7Q{kind}{(match[1] or match[2]).replace('-', '_0_')}Q7Q"


def _restore(match: re.Match[str]) -> str:
    name = match[2].replace("_0_", "-")
    text = f"{{{name}}}" if match[1] == "B" else f"&lt;{name}&gt;"
    value = f' data-value="{_VALUES[name]}"' if name in _VALUES else ""
    return f'<span class="fill"{value}>{text}</span>'


def _cell(text: str) -> str:
    """The text as one cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
