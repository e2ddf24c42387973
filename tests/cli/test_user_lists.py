"""Lists of users as people have them: exports of spreadsheets, editors and shells, from a file and from a pipe.

The bytes are those that each program writes for a column of phone numbers.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import WABLOCK, environment, run_bytes
from tests.running_server import RunningServer, running_server

USERS = ["+16505550101", "+16505550102"]
LINES = "".join(f"{user}\r\n" for user in USERS)

READABLE = {
    "Unix": "\n".join(USERS).encode(),
    "Notepad, UTF-8": LINES.encode(),
    "Notepad, UTF-8 with BOM, and Excel's CSV UTF-8": LINES.encode("utf-8-sig"),
    "Notepad, UTF-16 LE, and > of Windows PowerShell": b"\xff\xfe" + LINES.encode("utf-16-le"),
    "Excel's Unicode Text": b"\xff\xfe" + LINES.encode("utf-16-le"),
    "Notepad, UTF-16 BE": b"\xfe\xff" + LINES.encode("utf-16-be"),
    "LibreOffice, UTF-32": b"\xff\xfe\x00\x00" + LINES.encode("utf-32-le"),
    "Mac OS 9": "\r".join(USERS).encode(),
    "each cell in quotation marks": "".join(f'"{user}"\r\n' for user in USERS).encode(),
    "numbers that a spreadsheet keeps as text": "".join(f'="{user}"\r\n' for user in USERS).encode(),
    "with comments and blanks": f"# spammers\n\n\t{USERS[0]}  # größer\n {USERS[1]} \n".encode(),
}
UNREADABLE = {
    "Excel's CSV": (b"phone,name\r\n+16505550101,Anna\r\n", "Line 1: 'phone,name' has commas, as a table has"),
    "Excel's CSV where the comma is decimal": (b"+16505550101;Anna\r\n", "'+16505550101;Anna' has semicolons"),
    "Excel's Unicode Text with columns": (
        b"\xff\xfe" + "+16505550101\tAnna\r\n".encode("utf-16-le"),
        r"'+16505550101\tAnna' has tabs",
    ),
    "users on one line": (b"+16505550101, +16505550102\n", "has commas"),
    "half of a quoted cell": (b'+16505550101\n"+1 650 555 0102\n', "Line 2: '\"+1 650 555 0102' has quotation marks"),
    "a shortened number in quotes": (b'"1,65E+10"\n', "Line 1: a spreadsheet has shortened a number to 1,65E+10"),
    "a file without lines": (b"+16505550101\n" + b"x" * 5_000, "xxxx'… has 5,000 characters"),
    "an Excel workbook": (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "is a workbook or an archive, not text"),
    "an apostrophe from a cell": (b"'+16505550101\n", "has quotation marks. Write +16505550101"),
    "a number that Excel has shortened": (b"1.65055E+10\r\n", "a spreadsheet has shortened a number to 1.65055E+10"),
    "the same where the comma is decimal": (b"1,65055E+10\r\n", "has shortened a number to 1,65055E+10"),
    "a byte in line 1,201": (
        b"".join(b"+1650555%04d\n" % line for line in range(1_200)) + b"+165055\xff0000\n+16505559999\n",
        "line 1,201: the byte 0xff is not UTF-8. Save the text as UTF-8",
    ),
    "Windows-1252": (b"+16505550101 # gr\xf6\xdfer\n", "line 1: the byte 0xf6 is not UTF-8"),
    "UTF-16 without a mark": ("+16505550101\n".encode("utf-16-le"), "line 1: a NUL character, as in UTF-16"),
    "half a character of UTF-16": (b"\xff\xfe" + "+16505550101\n".encode("utf-16-le") + b"\x31", "is not UTF-16-LE"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(params=["a file", "a pipe", "a hyphen"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The arguments that name the input. A file is written by the test."""
    return {"a file": ["--file", str(tmp_path / "users")], "a pipe": [], "a hyphen": ["--file", "-"]}[request.param]


def _run(server: RunningServer, command: str, source: list[str], content: bytes) -> tuple[int, str, str]:
    if source and source[-1] != "-":
        Path(source[-1]).write_bytes(content)
        content = b""
    variables = environment(
        WABLOCK_URL=server.url, WABLOCK_TOKEN=server.token, WABLOCK_PHONE_NUMBER_ID=server.phone_number_id
    )
    return run_bytes(WABLOCK, command, *source, stdin=content, variables=variables)


@pytest.mark.parametrize("content", READABLE.values(), ids=READABLE)
def test_a_list_is_read_in_every_encoding_that_marks_itself(
    server: RunningServer, source: list[str], content: bytes
) -> None:
    _run(server, "unblock", [], "\n".join(USERS).encode())

    status, output, errors = _run(server, "block", source, content)

    assert (status, output.partition("Batch: ")[0], errors) == (0, "Blocked 2 users.\n", "")


@pytest.mark.parametrize("content, problem", UNREADABLE.values(), ids=UNREADABLE)
def test_a_list_with_a_line_that_is_no_user_changes_nothing(
    server: RunningServer, source: list[str], content: bytes, problem: str
) -> None:
    _run(server, "unblock", [], "\n".join(USERS).encode())

    status, output, errors = _run(server, "block", source, content)

    assert (status, output) == (2, "")
    assert problem in errors
    assert errors.count("\n") == 1
    assert _run(server, "list", [], b"")[1] == "No users are blocked.\n"


def test_a_user_is_counted_once_however_often_the_list_has_it(server: RunningServer, source: list[str]) -> None:
    content = b"+16505550109\n+16505550109\n16505550109\n+1 (650) 555-0109\nhello\nhello\n"

    blocked = _run(server, "block", source, content)
    checked = _run(server, "check", source, content)
    unblocked = _run(server, "unblock", source, content)
    again = _run(server, "unblock", source, content)

    assert [output.partition("\n")[0] for _, output, _ in (blocked, unblocked, again)] == [
        "Blocked 1 user.",
        "Unblocked 1 user.",
        "Unblocked 0 users; 1 was not blocked.",
    ]
    assert checked[1].count("16505550109  yes") == 1
    assert all("\n1 user failed:\n" in output for _, output, _ in (blocked, checked, unblocked, again))


def test_a_closed_standard_input_is_one_line(server: RunningServer) -> None:
    variables = environment(WABLOCK_URL=server.url, WABLOCK_TOKEN=server.token, WABLOCK_PHONE_NUMBER_ID="1")

    status, output, errors = run_bytes("bash", "-c", f"{WABLOCK} block <&-", stdin=b"", variables=variables)

    assert (status, output) == (2, "")
    assert errors == "wablock: Standard input is closed: pass a file, or a pipe\n"
