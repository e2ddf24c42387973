"""Public client libraries, installed once into a folder that git ignores."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.missing import missing

FOLDER: Final = Path(__file__).parent.parent / ".clients"
SCRIPTS: Final = Path(__file__).parent / "conformance" / "clients"
RECEIVERS: Final = Path(__file__).parent / "receivers" / "programs"

_INSTALL: Final = SCRIPTS / "install.sh"
_COMPLETE: Final = FOLDER / "complete"
"""The script that installed what is there."""


def install() -> None:
    """Return when they are installed. Without Node.js or network the test is skipped on a laptop, and fails in CI."""
    if not _COMPLETE.exists() or _COMPLETE.read_text() != _INSTALL.read_text():
        process = subprocess.run([_INSTALL, FOLDER], check=False, capture_output=True, text=True)
        if process.returncode:
            missing(f"the client libraries cannot be installed: {process.stderr[-1_000:]}")
    for program in (SCRIPTS / "with_whatsapp_api_js.mjs", *RECEIVERS.glob("*.mjs")):
        shutil.copy(program, FOLDER / "js")  # node looks for packages beside the program
