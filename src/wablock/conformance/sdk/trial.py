"""An SDK's own script, run once for each scenario."""

import os
import subprocess
from collections.abc import Callable, Sequence
from typing import Final

from wablock.conformance.sdk.judging import Verdict, environment, judged
from wablock.conformance.sdk.playing import playing
from wablock.conformance.sdk.scenarios import scenarios

_ENDS_WITHIN: Final = 60.0  # seconds for one scenario


def tried(command: Sequence[str], port: int, told: Callable[[Verdict], None]) -> list[Verdict]:
    """Runs `command` for every scenario, telling each verdict as it comes. Raises `OSError` where it cannot be run."""
    verdicts = []
    with playing(port) as player:
        for scenario in scenarios():
            player.choose(scenario)
            status, printed = _run(command, environment(scenario, player.url))
            verdict = judged(scenario, player.sent, status, printed)
            verdicts.append(verdict)
            told(verdict)
    return verdicts


def _run(command: Sequence[str], variables: dict[str, str]) -> tuple[int | None, str]:
    """Its exit status, None where it had to be ended, and what it printed."""
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
