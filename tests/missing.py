"""What a test needs and a laptop may lack: there it skips, in CI it fails."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skips on a laptop, fails in CI."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def installed(program: str) -> str:
    """The path of `program`, which is there, or the test ends as `missing` has it."""
    return shutil.which(program) or missing(f"{program} is not installed")
