"""The errors of a request that does not have the declared type, in Graph's words."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from wablock.contract import wire
from wablock.contract.errors import InvalidParameter, MissingParameter
from wablock.server.expiries import not_a_time

_ERROR_PLACE = re.compile(r" - at `\$((?:\.\w+|\[(?:\d+|\.\.\.)\])*)`\Z")  # a caller's value may contain the same text
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING_FIELD = re.compile(r"Object missing required field `(\w+)`")
_WRONG_CHOICE = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_EXPECTED = re.compile(r"Expected `([^`]*)`(.*?)(?:, got `.*`)?")
_KINDS: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_LONGEST_REPEATED = 100  # characters of a caller's text in an error message
_PLACE_PART = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")


def invalid(  # noqa: PLR0911 - one for each message
    message: str, choices: Sequence[str] | Mapping[str, Sequence[str]] = ()
) -> InvalidParameter:
    """A message of msgspec as a Graph error: `$.block_users[3].user` becomes `block_users[3][user]`.

    `choices` are the values of the enum in the decoded type, if it has one; of several, by the name of their members.
    """
    match = _ERROR_PLACE.search(message)
    place, problem = (match[1], message[: match.start()]) if match else ("", message)
    if unknown := _UNKNOWN_FIELD.fullmatch(problem) or _UNKNOWN_FIELD.fullmatch(message):
        parts = f"{_place_name(place)}[{{}}]" if place and unknown.string == problem else "{}"
        return InvalidParameter(f"Unknown parameter {parts.format(unknown[1][:_LONGEST_REPEATED])}.")
    if missing := _MISSING_FIELD.fullmatch(problem):
        return MissingParameter(_place_name(f"{place}.{missing[1]}"))
    name = _place_name(place)
    param = f"Param {name}" if name else "The body"
    if wrong := _WRONG_CHOICE.fullmatch(problem):
        values = choices.get(name, ()) if isinstance(choices, Mapping) else choices
        must = f"must be one of {', '.join(values)}" if values else f"cannot be {wrong[1][:_LONGEST_REPEATED]}"
        return InvalidParameter(f"{param} {must}.")
    if problem.endswith(f"matching regex {wire.WITHOUT_NUL!r}"):
        return InvalidParameter(f"{param} must not contain a NUL character.")
    if "datetime" in problem:
        return not_a_time(name)
    if expected := _EXPECTED.fullmatch(problem):
        kinds = [_KINDS.get(kind, kind) for kind in expected[1].split(" | ") if kind != "null"]
        article = "an" if kinds[0][:1] in "aio" else "a"
        return InvalidParameter(f"{param} must be {article} {' or '.join(kinds)}{expected[2]}.")
    return InvalidParameter(f"{param}: {problem[:_LONGEST_REPEATED]}.")


def _place_name(place: str) -> str:
    parts = [name or index for name, index in _PLACE_PART.findall(place)]
    return "".join([parts[0], *(f"[{part}]" for part in parts[1:])]) if parts else ""
