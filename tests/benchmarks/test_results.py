"""Results: the table, the JSON, the generated part of the page, and the picture."""

import io
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from benchmarks.figures import Figure
from benchmarks.machine import Machine
from benchmarks.plot import part_of_limit, svg
from benchmarks.questions import Question
from benchmarks.results import Results, as_json, number, print_results
from rich.console import Console

from benchmarks import page

POST = Question("durable POST", "ms", at_most=True, required=8, wanted=6)
ROWS = Question("rows ÷ a loop", "", at_most=False, required=0.7, wanted=0.85)
MEMORY = Question("memory", "", at_most=True, required=1.5)
FIGURES = [Figure(POST, 9.123456, {"CPU µs": 71.26}), Figure(ROWS, 0.9, {}), Figure(MEMORY, 1, {})]
RESULTS = Results(
    Machine("2026-11-27", "EPYC", 2, 24.1, "6.1", 5_000.4, 0.25, 1.5, {"wablock": "0.1.0", "nginx": "1.22.1"}),
    FIGURES,
    {"requests": 60, "growth": 30},
)


def printed(width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    print_results(RESULTS, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [50, 72, 200])
def test_every_width_shows_each_value_with_its_limits_and_whether_it_reaches_them(width: int) -> None:
    text = printed(width)

    for part in ("durable POST", "9.12 ms", "≤ 8", "≤ 6", "missed", "CPU µs 71.3", "0.900", "≥ 0.85", "wanted"):
        assert part in text
    assert max(map(len, text.splitlines())) <= width


def test_the_machine_and_the_time_of_each_step_are_shown() -> None:
    text = printed(120)

    assert "EPYC, 2 cores" in text
    assert "5,000 syncs a second" in text
    assert "0.2 before the run, 1.5 at its end" in text
    assert "wablock 0.1.0, nginx 1.22.1" in text
    assert "time: 1.5 minutes: requests 60 s, growth 30 s" in text


def test_the_json_has_values_limits_medians_and_the_machine() -> None:
    content = msgspec.json.decode(as_json(RESULTS))

    assert content["figures"][0] == {
        "text": "durable POST",
        "unit": "ms",
        "at_most": True,
        "required": 8,
        "wanted": 6,
        "value": 9.1235,
        "verdict": "missed",
        "medians": {"CPU µs": 71.26},
    }
    assert content["machine"]["versions"] == {"wablock": "0.1.0", "nginx": "1.22.1"}
    assert content["seconds"] == {"requests": 60, "growth": 30}


def test_the_page_changes_only_between_its_markers() -> None:
    text = f"# Performance\n\n{page.BEGIN}\nold\n{page.END}\n\nNotes.\n"

    once = page.with_results(text, RESULTS, "images/plot.svg")

    assert once.startswith(f"# Performance\n\n{page.BEGIN}\n")
    assert once.endswith(f"{page.END}\n\nNotes.\n")
    assert "old" not in once
    assert "| durable POST | 9.12 ms | ≤ 8 | ≤ 6 | **missed** | CPU µs 71.3 |" in once
    assert "| memory | 1.00 | ≤ 1.5 |  | required |  |" in once
    assert "(images/plot.svg)" in once
    assert "- kernel: 6.1\n" in once
    assert page.with_results(once, RESULTS, "images/plot.svg") == once


def test_the_page_of_the_docs_has_the_markers() -> None:
    text = (Path(__file__).parents[2] / "docs/performance.md").read_text()

    assert "| durable POST | 9.12 ms |" in page.with_results(text, RESULTS, "images/performance.svg")


@pytest.mark.parametrize("text", ["", page.BEGIN, page.END, page.END + page.BEGIN])
def test_a_page_without_both_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must contain"):
        page.with_results(text, RESULTS, "images/plot.svg")


def test_the_picture_has_its_text_as_text_and_a_style_for_dark_pages() -> None:
    root = ET.fromstring(svg(FIGURES))

    texts = {"".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"durable POST", "rows ÷ a loop", "9.12 ms  (≤ 8, wanted ≤ 6)", "1.00  (≤ 1.5)"} <= texts
    assert "prefers-color-scheme: dark" in "".join(root.itertext())


def test_the_same_figures_make_the_same_picture() -> None:
    assert svg(FIGURES) == svg(FIGURES)


@pytest.mark.parametrize(
    "figure, part", [(Figure(POST, 4, {}), 0.5), (Figure(POST, 16, {}), 2), (Figure(ROWS, 1.4, {}), 0.5)]
)
def test_the_bar_of_a_better_value_is_shorter(figure: Figure, part: float) -> None:
    assert part_of_limit(figure, figure.value) == part


@pytest.mark.parametrize(
    "value, text", [(0.0456, "0.046"), (1.234, "1.23"), (45.67, "45.7"), (4_567.8, "4,568"), (0, "0.000")]
)
def test_numbers_have_about_three_digits(value: float, text: str) -> None:
    assert number(value) == text
