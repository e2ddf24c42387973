"""The report on an SDK as Markdown."""

from collections.abc import Sequence

from wablock.conformance.sdk.judging import Verdict


def score(verdicts: Sequence[Verdict]) -> str:
    points = sum(verdict.points for verdict in verdicts)
    return f"{points} of {2 * len(verdicts)} points in {len(verdicts)} scenarios"


def markdown(verdicts: Sequence[Verdict]) -> str:
    lines = [
        "# SDK report",
        "",
        score(verdicts),
        "",
        "| scenario | response | requests | result |",
        "|---|---|---|---|",
    ]
    for verdict in verdicts:
        cells = (verdict.wrong_requests or "✓", verdict.misunderstood or "✓")
        shown = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
        lines.append(f"| {verdict.scenario} | {verdict.sentence} | {shown[0]} | {shown[1]} |")
    return "\n".join([*lines, ""])
