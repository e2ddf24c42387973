"""The text of a file or of standard input. Both are read in the same way, whole, before a command does anything."""

import codecs
import io
import sys
from pathlib import Path
from typing import Final

from wablock.cli.arguments import Refused

STANDARD_INPUT: Final = Path("-")

_ZIP: Final = b"PK\x03\x04"  # of .xlsx and .ods, too
# The first that matches counts: the mark of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),  # "Unicode Text" of Excel, "Unicode" of Notepad, > of Windows PowerShell
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: Path) -> str:
    """The whole text; raises `Refused` if it cannot be read."""
    if path == STANDARD_INPUT:
        return _decoded(_standard_input(), "Standard input")
    try:
        return _decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise Refused(f"Cannot read {path}: {error.strerror}") from None


def lines_of(text: str) -> list[str]:
    """The lines as an editor numbers them, with the line ends of all systems."""
    return [line.removesuffix("\n") for line in io.StringIO(text, newline=None)]


def is_at_terminal() -> bool:
    """Whether a person types the input."""
    return sys.stdin is not None and sys.stdin.isatty()


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise Refused("Standard input is closed: pass a file, or a pipe")
    return sys.stdin.buffer.read()


def _decoded(data: bytes, source: str) -> str:
    if data.startswith(_ZIP):
        raise Refused(f"{source} is a workbook or an archive, not text. Save the sheet as CSV UTF-8")
    mark, encoding = next((it for it in _BYTE_ORDER_MARKS if data.startswith(it[0])), (b"", "utf-8"))
    data = data.removeprefix(mark)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(lines_of(data[: error.start].decode(encoding, "ignore") + "."))
        byte = f"the byte 0x{data[error.start]:02x} is not {encoding.upper()}"
        raise Refused(f"{source}, line {line:,}: {byte}. Save the text as UTF-8") from None
    if "\0" in text:
        line = len(lines_of(text.partition("\0")[0] + "."))
        raise Refused(
            f"{source}, line {line:,}: a NUL character, as in UTF-16 without its mark. Save the text as UTF-8"
        )
    return text
