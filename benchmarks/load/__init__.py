"""Driving a server with wrk, from another core than the server's."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

SERVER_CORE = "0"
LOAD_CORE = "1"

_HERE = Path(__file__).parent


def rate_of(url: str, script: str) -> Callable[[], float]:
    """`requests_per_second` of this, to be called later."""
    return lambda: requests_per_second(url, script)


def requests_per_second(url: str, script: str, *, connections: int = 64, seconds: float = 3) -> float:
    """The rate of answers over `seconds`; raises where any of them was not 2xx."""
    assert urlsplit(url).hostname == "127.0.0.1"
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s"]
    output = subprocess.run(
        [*command, "-s", str(_HERE / f"{script}.lua"), url], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in output:
        raise RuntimeError(output)
    match = re.search(r"Requests/sec:\s*([\d.]+)", output)
    assert match is not None, output
    return float(match[1])
