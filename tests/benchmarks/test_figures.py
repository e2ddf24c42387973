"""Figures: which limit an answer reaches, and percentiles."""

import pytest
from benchmarks.figures import Figure, Verdict, percentile
from benchmarks.questions import Question

TIME = Question("time of a request", "ms", at_most=True, required=8, wanted=6)
RATE = Question("rate of requests", "", at_most=False, required=0.7, wanted=0.85)


@pytest.mark.parametrize(
    "value, verdict", [(6, Verdict.WANTED), (6.1, Verdict.REQUIRED), (8, Verdict.REQUIRED), (8.1, Verdict.MISSED)]
)
def test_a_value_with_an_upper_limit_reaches_it_from_below(value: float, verdict: Verdict) -> None:
    assert Figure(TIME, value, {}).verdict == verdict


@pytest.mark.parametrize(
    "value, verdict",
    [(0.85, Verdict.WANTED), (0.84, Verdict.REQUIRED), (0.7, Verdict.REQUIRED), (0.69, Verdict.MISSED)],
)
def test_a_value_with_a_lower_limit_reaches_it_from_above(value: float, verdict: Verdict) -> None:
    assert Figure(RATE, value, {}).verdict == verdict


def test_a_value_whose_question_wants_no_more_reaches_what_is_required() -> None:
    memory = Question("memory", "MB", at_most=True, required=1.5)

    assert Figure(memory, 0.1, {}).verdict == Verdict.REQUIRED


@pytest.mark.parametrize("percent, value", [(0, 1), (1, 1), (50, 50), (99, 99), (99.1, 100), (100, 100)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile(range(100, 0, -1), percent) == value


def test_every_percentile_of_one_value_is_this_value() -> None:
    assert [percentile([7], percent) for percent in (0, 50, 99, 100)] == [7, 7, 7, 7]
