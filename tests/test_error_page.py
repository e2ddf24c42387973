"""The page of errors lists every failure, and no other."""

import inspect
import re
from pathlib import Path
from typing import Final

from wablock import failures
from wablock.contract import errors

PAGE: Final = (Path(__file__).parent.parent / "docs/how-to/what-each-error-means.md").read_text()
WHOLE, ONE_USER = PAGE.split("## One user of a request")

_WHOLE_ROW = re.compile(r"^\| (\d+) \| (\d*) ?\| (\d+) \|", re.MULTILINE)
_USER_ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)


def test_every_failure_of_a_request_has_a_row_with_its_code_subcode_and_status() -> None:
    kinds = [
        kind
        for module in (errors, failures)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, errors.GraphError) and kind is not errors.GraphError
    ]

    rows = {
        (int(code), int(subcode) if subcode else None, int(status))
        for code, subcode, status in _WHOLE_ROW.findall(WHOLE)
    }
    assert rows == {(kind.code, kind.subcode, kind.status) for kind in kinds}


def test_every_failure_of_one_user_has_a_row() -> None:
    kinds = [
        kind
        for module in (errors, failures)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, errors.UserFailure) and kind is not errors.UserFailure
    ]

    assert {int(code) for code in _USER_ROW.findall(ONE_USER)} == {kind.code for kind in kinds}
