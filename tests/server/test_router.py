"""The router finds the place that the first matching template has."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wablock.contract.errors import UnknownPath
from wablock.contract.versions import is_version
from wablock.server.answers import Answer
from wablock.server.request import Request
from wablock.server.router import Router, route

_PIECES = ("", "a", "b", "7", "v25.0", "v1", "users", "line\nbreak", "{name}")
_ENDS = ("", "a", "users", "{name}", "{other}", "{version}", "{number_id}", "{edge}")
_MIDDLES = ("a", "users", "{version}", "{number_id}", "{id}")

_templates = st.lists(
    st.builds(
        lambda middles, end: "/" + "/".join([*(it for it in dict.fromkeys(middles) if it != end), end]),
        st.lists(st.sampled_from(_MIDDLES), max_size=2),
        st.sampled_from(_ENDS),
    ),
    max_size=6,
    unique=True,
)
_paths = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4).map(lambda pieces: "/" + "/".join(pieces))


async def _nothing(_: Request) -> Answer:
    return Answer(200, b"")


def _match(template: str, path: str) -> dict[str, str] | None:
    """The values of the template's names, by the router's documentation; None if the path is not one of its paths."""
    names, segments = template.split("/"), path.split("/")
    if names[-1] == "{edge}" and len(segments) > len(names):
        segments = [*segments[: len(names) - 1], "/".join(segments[len(names) - 1 :])]
    if len(names) != len(segments):
        return None
    values = {}
    for name, segment in zip(names, segments, strict=True):
        if not name.startswith("{"):
            if name != segment:
                return None
            continue
        values[name[1:-1]] = segment
        is_right = {
            "{version}": is_version(segment),
            "{number_id}": segment.isascii() and segment.isdigit(),
            "{edge}": True,
        }
        if not is_right.get(name, bool(segment)):
            return None
    return values


def _expected(templates: Sequence[str], path: str) -> tuple[str, dict[str, str]] | None:
    exact = [template for template in templates if template == path and "{" not in template]
    patterns = [template for template in templates if "{" in template]
    patterns.sort(key=lambda template: "{edge}" in template)  # only a path with no other place is an edge
    for template in exact + patterns:
        values = _match(template, path)
        if values is not None:
            return template, values
    return None


def _found(router: Router, path: str) -> tuple[str, dict[str, str]] | None:
    try:
        place, values = router.find(path)
    except UnknownPath:
        return None
    return place.operation, values


@given(_templates, st.lists(_paths, max_size=8))
def test_a_path_has_the_place_of_the_first_template_that_it_matches(templates: list[str], paths: list[str]) -> None:
    router = Router([route("GET", template, _nothing) for template in templates])

    for path in [*paths, *paths]:  # the second time they are remembered
        assert _found(router, path) == _expected(templates, path)


@pytest.mark.parametrize("segment", ["+16505550101", "US.1", "a b", "%2F"])
def test_the_last_segment_of_a_path_is_returned_as_it_is(segment: str) -> None:
    router = Router([route("GET", "/{number}/check/{user}", _nothing)])

    assert _found(router, f"/1/check/{segment}") == ("/{number}/check/{user}", {"number": "1", "user": segment})


def test_values_of_one_request_are_not_those_of_another() -> None:
    router = Router([route("GET", "/{number}/check/{user}", _nothing)])

    first, second = router.find("/1/check/a"), router.find("/1/check/b")

    assert (first[1], second[1]) == ({"number": "1", "user": "a"}, {"number": "1", "user": "b"})
