"""A JSON schema as a tree of rows, one for each member. Pure."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from wablock.reference import wording

Components = dict[str, dict[str, Any]]

_DEEPEST: Final = 8  # no schema here is that deep; the limit stops recursive ones
_BOUNDS: Final = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("maxItems", "at most {} items"),
    ("default", "default {}"),
    ("pattern", "pattern {}"),
)


class SchemaRow(msgspec.Struct, frozen=True):
    """A member of a schema. `origin` is empty if Meta's reference page has the member, too."""

    name: str
    type: str = ""
    required: bool = False
    notes: str = ""
    description: str = ""
    origin: str = ""
    children: list["SchemaRow"] = []


def type_text(schema: dict[str, Any], *, as_object: bool = False) -> str:
    """`string`, `array of BlockedUser`, `BlockUsersData or ErrorEnvelope`; `as_object`: `object (User)`."""
    schema = _without_null(schema)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"object ({name})" if as_object else name
    if "anyOf" in schema and "type" not in schema:
        return " or ".join(type_text(each, as_object=as_object) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {type_text(schema.get('items', {}), as_object=as_object)}"
    return str(schema.get("type", "string" if "enum" in schema else "any"))


def rows(schema: dict[str, Any], components: Components, owner: str, *, as_object: bool = False) -> list[SchemaRow]:
    """The members of `schema`, whose name is `owner`. The members of an array's items are below a row `name[]`."""
    return list(_rows(schema, components, owner, as_object, _DEEPEST))


def _rows(
    schema: dict[str, Any],
    components: Components,
    owner: str,
    as_object: bool,  # noqa: FBT001 - private
    depth: int,
) -> Iterator[SchemaRow]:
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items() if depth else ():
        shape = _without_null(member)
        items = shape.get("items", {})
        inner, inner_name = _resolved(items or shape, components)
        children = list(_rows(inner, components, inner_name, as_object, depth - 1))
        if items and children:
            kind, description = type_text(items, as_object=as_object), inner.get("description", "")
            children = [SchemaRow(f"{name}[]", kind, description=description, children=children)]
        yield SchemaRow(
            name,
            type_text(shape, as_object=as_object),
            name in required,
            _notes(shape, nullable=shape is not member),
            member.get("description", ""),
            wording.origin(owner, name),
            children,
        )


def _resolved(schema: dict[str, Any], components: Components) -> tuple[dict[str, Any], str]:
    if "$ref" not in schema:
        return schema, ""
    name = schema["$ref"].rpartition("/")[2]
    return components[name], name


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    shapes = schema.get("anyOf", [])
    others = [each for each in shapes if each.get("type") != "null"]
    if len(others) == len(shapes):
        return schema
    return others[0] if len(others) == 1 else {"anyOf": others}


def _notes(schema: dict[str, Any], *, nullable: bool) -> str:
    notes = [text.format(schema[name]) for name, text in _BOUNDS if name in schema]
    if "enum" in schema:
        notes.insert(0, "one of " + ", ".join(f'"{each}"' for each in schema["enum"]))
    if nullable:
        notes.append("may be null")
    return "; ".join(notes)
