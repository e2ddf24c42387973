"""`wablock conformance --sdk`: its verdicts on a correct SDK and on SDKs with faults."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from tests.cli.command import run
from tests.client_libraries import FOLDER

from wablock.conformance.sdk.judging import judged
from wablock.conformance.sdk.playing import SdkRequest
from wablock.conformance.sdk.scenarios import PHONE_NUMBER_ID, TOKEN, Scenario, scenarios

SCRIPTS: Final = Path(__file__).parent / "sdk"
SCENARIOS: Final = {scenario.name: scenario for scenario in scenarios()}
PATH: Final = f"/v25.0/{PHONE_NUMBER_ID}/block_users"
HEADERS: Final = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
BODY: Final = b'{"messaging_product":"whatsapp","block_users":[{"user":"+16505551234"}]}'


def _tried(script: str, python: str = sys.executable) -> Any:
    process = run("conformance", "--sdk", "--json", "--", python, str(SCRIPTS / script))
    return json.loads(process.stdout), process.returncode


def _verdicts(report: Any) -> dict[str, Any]:
    return {verdict["scenario"]: verdict for verdict in report["verdicts"]}


def test_wablocks_own_client_gets_every_point() -> None:
    report, status = _tried("with_wablock.py")

    assert [verdict for verdict in report["verdicts"] if len(verdict) > 2] == []
    assert (report["points"], status) == (report["of"], 0)


def test_a_wrong_script_gets_the_place_of_its_error() -> None:
    report, status = _tried("with_requests.py")

    verdicts = _verdicts(report)
    assert status == 1
    assert "second page was not requested" in verdicts["list-pages"]["wrong_requests"]
    assert verdicts["unblock"]["wrong_requests"] == "no messaging_product in the body"
    assert verdicts["token"]["wrong_requests"] == "sent 2 requests, though the error is permanent"
    assert verdicts["hung-up"]["misunderstood"].startswith("exit status 1: requests.exceptions.ConnectionError")
    assert "wrong_requests" not in verdicts["block"]


@pytest.mark.usefixtures("client_libraries")
def test_the_report_shows_that_pywa_cannot_read_the_documented_list(tmp_path: Path) -> None:
    script = str(SCRIPTS / "with_pywa.py")
    report = tmp_path / "report.md"

    process = run("conformance", "--sdk", "--markdown", str(report), "--", str(FOLDER / "pywa/bin/python"), script)

    assert process.returncode == 1
    assert "KeyError: 'input'" in process.stdout
    assert "| list | The documented list, whose rows have no input | ✓ | exit status 1: KeyError: 'input' |" in (
        report.read_text()
    )
    assert "✓ A user is blocked" in process.stdout


@pytest.mark.parametrize(
    "sdk_request, fault",
    [
        (SdkRequest("GET", PATH, HEADERS, BODY), "GET instead of POST"),
        (SdkRequest("POST", "/v25.0/1/block_users", HEADERS, BODY), "the path"),
        (SdkRequest("POST", PATH, HEADERS | {"authorization": "Bearer other"}, BODY), "no Authorization"),
        (SdkRequest("POST", PATH, HEADERS, b"{nonsense"), "a body that is not JSON"),
        (SdkRequest("POST", PATH, HEADERS, b'{"block_users":[{"user":"+1"}]}'), "no messaging_product"),
        (SdkRequest("POST", PATH, HEADERS, b'{"messaging_product":"whatsapp"}'), "no block_users"),
        (
            SdkRequest("POST", PATH, HEADERS, b'{"messaging_product":"whatsapp","block_users":["+1"]}'),
            "items have no user",
        ),
    ],
)
def test_a_wrong_request_costs_a_point_and_is_named(sdk_request: SdkRequest, fault: str) -> None:
    verdict = judged(SCENARIOS["block"], [sdk_request], 0, "")

    assert fault in verdict.wrong_requests
    assert verdict.points == 1


@pytest.mark.parametrize("path", [PATH, f"/{PHONE_NUMBER_ID}/block_users", f"{PATH}?access_token={TOKEN}"])
def test_a_request_in_any_documented_form_is_correct(path: str) -> None:
    headers = {} if "access_token" in path else HEADERS

    assert judged(SCENARIOS["block"], [SdkRequest("POST", path, headers, BODY)], 0, "").points == 2


@pytest.mark.parametrize(
    "status, printed, fault",
    [
        (None, "", "timed out"),
        (3, "Traceback\nKeyError: 'input'", "exit status 3: KeyError: 'input'"),
        (0, '{"done": ["14155559876"]}', "done is ['14155559876']"),
    ],
)
def test_a_misunderstanding_costs_a_point_and_is_named(status: int | None, printed: str, fault: str) -> None:
    verdict = judged(SCENARIOS["block"], [SdkRequest("POST", PATH, HEADERS, BODY)], status, printed)

    assert fault in verdict.misunderstood
    assert verdict.points == 1


def test_an_sdk_that_sends_no_request_gets_a_note() -> None:
    assert judged(SCENARIOS["block"], [], 0, "").wrong_requests == "no request was sent"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_played_answers_are_json_except_those_of_a_proxy(scenario: Scenario) -> None:
    for played in scenario.answers:
        if scenario.name not in ("html", "hung-up"):
            assert isinstance(msgspec.json.decode(played.body), dict)


@pytest.mark.parametrize(
    "arguments, error",
    [
        (("--sdk",), "Add the command that runs your script"),
        (("--sdk", "--", "/nonexistent/sdk"), "Cannot run /nonexistent/sdk"),
        (("--", "true"), "A command needs --sdk"),
        ((), "Missing: an access token"),
    ],
)
def test_an_sdk_that_cannot_be_tested_is_reported_in_one_line(arguments: tuple[str, ...], error: str) -> None:
    process = run("conformance", *arguments)

    assert (process.returncode, process.stdout) == (2, "")
    assert error in process.stderr
