"""Programs that a test needs: without one it is skipped on a laptop, and fails in CI."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test on a laptop, and fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def installed(program: str) -> str:
    """The path of `program`. If it is not installed, the test ends, see `missing`."""
    return shutil.which(program) or missing(f"{program} is not installed")
