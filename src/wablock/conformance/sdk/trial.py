"""The runs of an SDK's script, one for each scenario."""

import os
import subprocess
from collections.abc import Callable, Sequence
from typing import Final

from wablock.conformance.sdk.judging import Verdict, environment, judged
from wablock.conformance.sdk.playing import playing
from wablock.conformance.sdk.scenarios import scenarios

_ENDS_WITHIN: Final = 60.0  # seconds for one scenario


def run(command: Sequence[str], port: int, on_verdict: Callable[[Verdict], None]) -> list[Verdict]:
    """Run `command` for every scenario, and call `on_verdict` after each. Raises `OSError` if it cannot be started."""
    verdicts = []
    with playing(port) as player:
        for scenario in scenarios():
            player.choose(scenario)
            status, output = _run(command, environment(scenario, player.url))
            verdict = judged(scenario, player.requests, status, output)
            verdicts.append(verdict)
            on_verdict(verdict)
    return verdicts


def _run(command: Sequence[str], variables: dict[str, str]) -> tuple[int | None, str]:
    """The exit status, None after a timeout, and the output."""
    try:
        ran = subprocess.run(  # noqa: S603 - the user's own command
            command,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ENDS_WITHIN,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return ran.returncode, ran.stdout if ran.returncode == 0 else ran.stdout + ran.stderr
