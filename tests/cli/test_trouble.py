"""A command reports a failing database in one line."""

from pathlib import Path

import apsw
import pytest
from tests.cli.command import WABLOCK, environment, run
from tests.end_to_end.deployment import Deployment


@pytest.mark.parametrize(
    "arguments",
    [("number", "add", "777"), ("number", "remove", "106540352242922", "--yes"), ("token", "create")],
    ids=" ".join,
)
def test_a_full_disk_is_one_line_and_nothing_is_changed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    deployment = Deployment(tmp_path)
    other = apsw.Connection(str(deployment.file))  # SQLite has created its other files already
    other.execute("SELECT count(*) FROM phone_number").fetchall()
    measured = [name for name in environment() if name.startswith("COVERAGE")]

    refused = run(
        "-c",
        'unset $1; ulimit -S -f 0; shift; exec "$@"',
        "bash",
        " ".join(measured) or "NOTHING",
        WABLOCK,
        *arguments,
        command="bash",
        WABLOCK_DATABASE=deployment.database,
    )

    numbers = other.execute("SELECT phone_number_id FROM phone_number").fetchall()
    other.close()
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr
    assert "wablock: (#139103) Internal error" in refused.stderr
    assert numbers == [("106540352242922",)]
