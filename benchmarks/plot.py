"""The picture of the results: a bar for each figure, as a multiple of what is required."""

import io
import re
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.figures import Figure, Verdict
from benchmarks.results import limits, value

_MOST: Final = 2.0  # longer bars are cut
_COLOURS: Final = {Verdict.WANTED: "#2a9d6f", Verdict.REQUIRED: "#4a90d9", Verdict.MISSED: "#d9622b"}
_MEANINGS: Final = {
    Verdict.WANTED: "reaches what is wanted",
    Verdict.REQUIRED: "reaches what is required",
    Verdict.MISSED: "misses it",
}
_GREY: Final = "#8b949e"
_INK: Final = "#24292f"
# A page shows the picture on its own background, which may be dark. matplotlib writes colours as styles of elements.
_STYLE: Final = "<style>@media (prefers-color-scheme: dark) { text { fill: #e6edf3 !important } }</style>"
_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "wablock",  # the same results make the same file
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _GREY,
    "xtick.color": _GREY,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
}


def part_of_limit(figure: Figure, number: float) -> float:
    """`number` compared with what is required: 1 is exactly at the limit, more is past it, less is better."""
    return number / figure.question.required if figure.question.at_most else figure.question.required / number


def svg(figures: Sequence[Figure]) -> str:
    """The picture, readable on light and dark pages."""
    with mpl.rc_context(_SETTINGS):
        canvas = Canvas(figsize=(10, 0.42 * len(figures) + 1.1), layout="constrained")
        _draw(canvas.add_subplot(), figures)
        written = io.StringIO()
        canvas.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return re.sub(r"(<svg [^>]*>)", rf"\1\n {_STYLE}", written.getvalue(), count=1)


def _draw(axes: Axes, figures: Sequence[Figure]) -> None:
    for row, figure in enumerate(figures):
        axes.barh(row, min(part_of_limit(figure, figure.value), _MOST), height=0.6, color=_COLOURS[figure.verdict])
        if figure.question.wanted is not None:
            axes.vlines(part_of_limit(figure, figure.question.wanted), row - 0.42, row + 0.42, colors=_GREY, lw=2)
        axes.text(1.03, row, _label(figure), va="center_baseline", transform=axes.get_yaxis_transform())
    axes.axvline(1, color=_GREY, lw=1.5, ls="--")
    axes.set_yticks(range(len(figures)), [figure.question.text for figure in figures])
    axes.set_ylim(len(figures) - 0.4, -0.6)
    axes.tick_params(left=False)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.set_xlim(0, _MOST)
    axes.set_xticks([0, 1, _MOST], ["0", "required", f"{_MOST:g} times that, or more"])
    handles: list[Artist] = [Patch(color=_COLOURS[verdict], label=meaning) for verdict, meaning in _MEANINGS.items()]
    handles.append(Line2D([], [], color=_GREY, lw=2, label="what is wanted; shorter bars are better"))
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)


def _label(figure: Figure) -> str:
    required, wanted = limits(figure)
    return f"{value(figure)}  ({required}{f', wanted {wanted}' if wanted else ''})"
