"""The end of a list on servers that return links, only cursors, or the same page forever."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.script import Script, answer_with, calls, refused
from tests.client.test_listings import NO_CHECK, page, queries, wa_ids, walked

from wablock.client import NoAnswer, Page
from wablock.client.calls import Walk
from wablock.client.exchange import HttpRequest, HttpResponse

# By developers.facebook.com/docs/graph-api/results a page may be empty and have a next one; without `next` it is the
# last. The reference page of block_users shows cursors and no links.
LINK = "https://elsewhere.example/v25.0/1/block_users?limit=2&after=a1"


def rows(count: int) -> list[dict[str, str]]:
    return [{"messaging_product": "whatsapp", "wa_id": f"1650555{n:04d}"} for n in range(count)]


class FakeServer:
    """A server of `block_users` with a shape of its own."""

    def __init__(
        self,
        count: int,
        largest: int,
        *,
        links: bool = False,
        cursors_at_the_end: bool = True,
        circle: Callable[[int], int | None] | None = None,
        cursor_text: Callable[[int, int], str] = lambda place, _: f"c{place}",
    ) -> None:
        self.rows = rows(count)
        self.requests = 0
        self._largest = largest
        self._links = links
        self._cursors_at_the_end = cursors_at_the_end
        self._circle = circle or (lambda _: None)
        self._cursor_text = cursor_text

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return NO_CHECK["Graph"]
        self.requests += 1
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        limit = min(int(query.get("limit", 25)), self._largest)
        first, last = self._range(query, limit)
        rows_of_page = self.rows[first:last]
        data: dict[str, Any] = {"data": rows_of_page}
        if rows_of_page and (self._cursors_at_the_end or last < len(self.rows) or "before" in query):
            paging: dict[str, Any] = {"cursors": {"after": self._cursor(last - 1), "before": self._cursor(first)}}
            if self._links and last < len(self.rows):
                paging["next"] = f"https://elsewhere.example/?after={self._cursor(last - 1)}"
            if self._links and first > 0:
                paging["previous"] = f"https://elsewhere.example/?before={self._cursor(first)}"
            data["paging"] = paging
        return answer_with(data)

    def _range(self, query: dict[str, str], limit: int) -> tuple[int, int]:
        if "before" in query:
            last = int(query["before"].partition("-")[0][1:])
            return max(last - limit, 0), last
        if "after" not in query:
            return 0, min(limit, len(self.rows))
        place = int(query["after"].partition("-")[0][1:])
        back_to = self._circle(place)
        first = place + 1 if back_to is None else back_to
        return first, min(first + limit, len(self.rows))

    def _cursor(self, place: int) -> str:
        return self._cursor_text(place, self.requests)


sizes = st.integers(0, 40)
limits = st.integers(1, 12)


@given(sizes, limits, limits, st.booleans(), st.booleans())
def test_a_walk_returns_every_user_once_for_any_sign_of_the_end(
    count: int,
    limit: int,
    largest: int,
    links: bool,  # noqa: FBT001 - a case
    cursors_at_the_end: bool,  # noqa: FBT001 - a case
) -> None:
    server = FakeServer(count, largest, links=links, cursors_at_the_end=cursors_at_the_end)

    pages = Script(server).run(walked(Walk(calls(), limit, None, forward=True)))

    assert wa_ids(pages) == [row["wa_id"] for row in server.rows]


@given(st.integers(1, 40), limits, limits, st.booleans())
def test_a_backward_walk_returns_every_earlier_user(
    count: int,
    limit: int,
    largest: int,
    links: bool,  # noqa: FBT001 - a case
) -> None:
    server = FakeServer(count, largest, links=links)

    pages = Script(server).run(walked(Walk(calls(), limit, f"c{count - 1}", forward=False)))

    assert sorted(map(str, wa_ids(pages))) == [row["wa_id"] for row in server.rows[:-1]]


@given(st.integers(1, 40), limits, limits, st.data())
def test_a_circle_of_any_length_is_an_error_and_no_endless_loop(
    count: int, limit: int, largest: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, count - 1))
    links = data.draw(st.booleans())
    server = FakeServer(count, largest, links=links, circle=lambda place: start if place >= count - 1 else None)

    script = Script(_linked_for_ever(server) if links else server)
    with pytest.raises(NoAnswer, match="repeats its pages"):
        script.run(walked(Walk(calls(), limit, None, forward=True)))

    assert server.requests <= 2 * count + 2


@given(st.integers(1, 40), limits, st.booleans())
def test_a_server_that_repeats_page_one_under_new_cursors_is_an_error(
    count: int,
    limit: int,
    links: bool,  # noqa: FBT001 - a case
) -> None:
    server = FakeServer(count, 12, circle=lambda _: 0, cursor_text=lambda place, request: f"c{place}-{request}")

    with pytest.raises(NoAnswer, match="repeats its pages"):
        Script(_linked_for_ever(server) if links else server).run(walked(Walk(calls(), limit, None, forward=True)))

    assert server.requests <= 200


def _linked_for_ever(server: FakeServer) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        response = server(request)
        return HttpResponse(
            200, response.body.replace(b'"paging":{', b'"paging":{"next":"https://elsewhere.example/",')
        )

    return answer


def test_a_list_with_only_cursors_is_read_by_after_to_an_empty_page() -> None:
    script = Script(page(0, 2, after="a1"), page(2, 4, after="a2"), answer_with({"data": []}))

    pages = script.run(walked(Walk(calls(), 2, None, forward=True)))

    assert wa_ids(pages) == [f"1650555{n:04d}" for n in range(4)]
    assert [query.get("after") for query in queries(script)] == [None, ["a1"], ["a2"]]


def test_an_empty_page_that_has_cursors_is_the_end() -> None:
    script = Script(page(0, 2, after="a1"), page(2, 2, after="a1"))

    script.run(walked(Walk(calls(), 2, None, forward=True)))

    assert len(script.requests) == 2


def test_an_empty_page_with_a_next_one_is_not_the_end() -> None:
    script = Script(page(0, 2, after="a1", has_next=True), page(2, 2, after="a2", has_next=True), page(2, 4))

    pages = script.run(walked(Walk(calls(), 2, None, forward=True)))

    assert wa_ids(pages) == [f"1650555{n:04d}" for n in range(4)]


def test_endless_empty_pages_are_an_error() -> None:
    numbers = iter(range(10_000))
    script = Script(lambda _: page(0, 0, after=f"a{next(numbers)}", has_next=True))

    with pytest.raises(NoAnswer, match="no new user"):
        script.run(walked(Walk(calls(), 2, None, forward=True)))


def test_the_first_page_without_a_next_link_is_the_last() -> None:
    script = Script(page(0, 2, after="a1", has_next=True), page(2, 4, after="a2"))

    script.run(walked(Walk(calls(), 2, None, forward=True)))

    assert len(script.requests) == 2


def test_a_cursor_that_is_only_in_the_link_is_used() -> None:
    script = Script(answer_with({"data": rows(2), "paging": {"next": LINK}}), page(2, 4))

    pages = script.run(walked(Walk(calls(), 2, None, forward=True)))

    assert len(wa_ids(pages)) == 4
    assert queries(script)[1]["after"] == ["a1"]


@pytest.mark.parametrize("link", ["https://elsewhere.example/?offset=25", "https://[", "/?after="])
def test_a_next_page_without_a_cursor_is_an_error(link: str) -> None:
    script = Script(answer_with({"data": rows(2), "paging": {"next": link}}))

    with pytest.raises(NoAnswer, match="no cursor"):
        script.run(walked(Walk(calls(), 2, None, forward=True)))


@pytest.mark.parametrize("paging", [None, {"cursors": None}, {"cursors": {}}, {"cursors": {"after": ""}}, {"next": ""}])
def test_a_page_without_a_cursor_is_the_last(paging: Any) -> None:
    script = Script(answer_with({"data": rows(2), "paging": paging}))

    assert len(wa_ids(script.run(walked(Walk(calls(), 2, None, forward=True))))) == 2


def test_the_pages_of_a_circle_are_returned_before_the_error() -> None:
    script = Script(page(0, 2, after="a1"), page(2, 4, after="a2"), page(4, 6, after="a1"))
    walk = Walk(calls(), 2, None, forward=True)

    pages = [script.run(walk.turn()) for _ in range(3)]

    assert wa_ids([it for it in pages if it]) == [f"1650555{n:04d}" for n in range(6)]
    with pytest.raises(NoAnswer, match="repeats its pages"):
        script.run(walk.turn())


def test_a_list_that_begins_again_may_show_all_its_pages_a_second_time() -> None:
    first = [page(n, n + 1, after=f"a{n}", has_next=True) for n in range(150)]
    script = Script(*first, refused(139102), *first, page(150, 151))

    pages = script.run(walked(Walk(calls(), 1, None, forward=True)))

    assert len(wa_ids(pages)) == 151


@given(st.integers(1, 40), limits, st.integers(0, 50))
def test_a_check_looks_through_the_whole_list_of_a_server_with_cursors_alone(
    count: int, largest: int, place: int
) -> None:
    server = FakeServer(count, largest)

    [user] = Script(server).run(calls().check(f"+1650555{place:04d}"))

    assert user.blocked == (place < count)


def test_a_check_never_returns_not_blocked_after_a_part_of_the_list() -> None:
    script = Script(FakeServer(9, 2, circle=lambda place: 0 if place == 5 else None))

    with pytest.raises(NoAnswer, match="repeats its pages"):
        script.run(calls().check("+16505550008"))


def test_a_check_ends_with_the_page_on_which_the_last_user_is_found() -> None:
    script = Script(FakeServer(9, 2, circle=lambda place: 0 if place == 5 else None))

    [user] = script.run(calls().check("+16505550005"))

    assert user.blocked


CURSORS = {"cursors": {"after": "a1", "before": "b1"}}
ENDS: Sequence[tuple[Any, dict[str, str], str | None, tuple[bool, bool]]] = [
    ({"data": rows(2), "paging": CURSORS}, {}, None, (True, False)),
    ({"data": rows(2), "paging": CURSORS}, {}, "a0", (True, True)),
    ({"data": rows(2), "paging": CURSORS | {"next": LINK}}, {}, None, (True, False)),
    ({"data": [], "paging": CURSORS}, {}, "a0", (False, False)),
    ({"data": [], "paging": CURSORS | {"next": LINK}}, {}, "a0", (True, False)),
    ({"data": rows(2)}, {}, "a0", (False, False)),
    ({"data": rows(2), "paging": CURSORS}, {"x-wablock-page": "first, last"}, None, (False, False)),
    ({"data": rows(2), "paging": CURSORS}, {"x-wablock-page": "last"}, "a0", (False, True)),
    ({"data": rows(2), "paging": CURSORS}, {"x-wablock-page": "first"}, "a0", (True, False)),
]


@pytest.mark.parametrize("body, headers, after, ends", ENDS)
def test_a_page_has_a_next_one_unless_it_is_certainly_the_last(
    body: Any, headers: dict[str, str], after: str | None, ends: tuple[bool, bool]
) -> None:
    first: Page = Script(HttpResponse(200, answer_with(body).body, headers)).run(calls().page(2, after, None, None))

    assert (first.has_next, first.has_previous) == ends


@given(sizes, limits)
def test_a_loop_over_has_next_shows_every_user_of_a_server_with_cursors_alone(count: int, limit: int) -> None:
    script = Script(FakeServer(count, 12))

    pages = [script.run(calls().page(limit, None, None, None))]
    while pages[-1].has_next:
        pages.append(script.run(calls().page(limit, pages[-1].after, None, None)))

    assert len(wa_ids(pages)) == count
