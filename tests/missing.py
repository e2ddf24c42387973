"""Programs that a test needs: without one it is skipped on a laptop, and fails in CI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
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


def need_package_index(folder: Path) -> None:
    """End the test, see `missing`, if pip cannot download a small package into this folder."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "idna"]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        missing("pip reaches no package index")
