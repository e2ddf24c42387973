"""A clone of this project, and a release, as `make release` makes it."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent


_NOT_CLONED = [".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines())]


def cloned(folder: Path) -> Path:
    """Copy what a clone of this project has, as it is now, to this folder; return the folder."""
    return shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_NOT_CLONED), dirs_exist_ok=True)


def released(folder: Path, project: Path = ROOT) -> Path:
    """Make a release of `project` in this folder, with the packages of these tests; return the folder."""
    words = [f"BIN={Path(sys.executable).parent}", f"DIST={folder}"]
    made = subprocess.run(
        ["make", "--old-file=.venv/.server", *words, "release"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return folder
