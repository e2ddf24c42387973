"""Phrases that have a plainer synonym do not occur. Single words are in `.ci/words.txt`, which `make check` reads."""

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PLACES: Final = ("*.md", "docs/**/*.md", "docs/*.py", "deploy/*", "examples/*", "src/**/*.py")

INSTEAD: Final = {
    r"taken off": "removed",
    r"taken out": "removed",
    r"(?:come|comes|came) again": "retried",
    r"on order": "injected, on request",
    r"(?:be|is|are|was|were) over": "has ended, has expired",
    r"goes on where": "continues where",
    r"(?:hand|hands|handed|pass|passes|passed) on to": "forward to",
    r"of (?:his|her|its|their|your|our) own choice": "chosen by …",
    r"(?:put|puts) back": "restore, reset",
    r"(?:turn|turns|turned) back": "reset",
}
_PHRASE: Final = re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in INSTEAD), re.IGNORECASE)
_TEST_NAMES: Final = re.compile(r"`tests/[^`]*`|\w+_put_back\b")


def _checked_files() -> Iterator[Path]:
    """The files that `.ci/words` reads, without those that pyproject.toml skips."""
    skipped = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["codespell"]["skip"]
    for place in PLACES:
        for file in ROOT.glob(place):
            name = str(file.relative_to(ROOT))
            if file.is_file() and not any(fnmatch(name, it) or name.startswith(f"{it}/") for it in skipped):
                yield file


def test_no_file_has_a_phrase_with_a_plainer_synonym() -> None:
    phrases = []
    for file in _checked_files():
        text = " ".join(_TEST_NAMES.sub("", file.read_text()).split())
        phrases += [f"{file.relative_to(ROOT)}: {match[0]}" for match in _PHRASE.finditer(text)]

    assert phrases == []


def test_many_files_are_checked() -> None:
    assert len(set(_checked_files())) > 100
