"""Every sample of the Block API runs after the number and token were typed once and its button copied it."""

import os
import shutil
import subprocess
import sys

import pytest
from tests.browser.reader import Reader
from tests.missing import missing
from tests.running_server import RunningServer

_EXPECTED = {"getBlockedUsers": '"wa_id":"16505551234"', "blockUsers": "added_users", "unblockUsers": "removed_users"}


def _copied(browser: Reader, server: RunningServer, operation: str, language: str) -> str:
    """The sample that the copy button copies, after the number and the token were typed at the top of the page."""
    with browser.reading() as page:
        page.locator("#number").fill(server.phone_number_id)
        page.locator("#token").fill(server.token)
        section = page.locator(f"#{operation}")
        section.get_by_label("Select language").select_option(language)
        section.locator(f'.panel[data-value="{language}"] .copy').click()
        page.get_by_text("Copied", exact=True).first.wait_for()
        text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def _run(text: str, *command: str) -> str:
    if shutil.which(command[0]) is None:
        missing(f"there is no {command[0]}")
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
    process = subprocess.run(
        command, input=text, check=False, env=environment, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module", autouse=True)
def _one_user_is_blocked(server: RunningServer, browser: Reader) -> None:
    _run(_copied(browser, server, "blockUsers", "bash"), "bash")


@pytest.mark.parametrize("operation", ["blockUsers", "getBlockedUsers"])
@pytest.mark.parametrize(
    "language, command",
    [("bash", ["bash"]), ("python", [sys.executable, "-"]), ("javascript", ["node", "--input-type=module", "-"])],
)
def test_a_copied_sample_runs(
    browser: Reader, server: RunningServer, operation: str, language: str, command: list[str]
) -> None:
    answered = _run(_copied(browser, server, operation, language), *command)

    assert _EXPECTED[operation] in answered


@pytest.mark.parametrize(
    "language, command",
    [("bash", ["bash"]), ("python", [sys.executable, "-"]), ("javascript", ["node", "--input-type=module", "-"])],
)
def test_a_copied_sample_unblocks(browser: Reader, server: RunningServer, language: str, command: list[str]) -> None:
    _run(_copied(browser, server, "blockUsers", "bash"), "bash")

    answered = _run(_copied(browser, server, "unblockUsers", language), *command)
    _run(_copied(browser, server, "blockUsers", "bash"), "bash")

    assert _EXPECTED["unblockUsers"] in answered


@pytest.mark.parametrize("operation", ["blockUsers", "getBlockedUsers"])
def test_a_javascript_sample_runs_in_the_page_too(browser: Reader, server: RunningServer, operation: str) -> None:
    text = _copied(browser, server, operation, "javascript")

    with browser.reading() as page:
        answered = page.evaluate(
            "async () => {"
            + text.replace("console.log(response.status, await response.text());", "")
            + "\nreturn await response.text(); }"
        )

    assert _EXPECTED[operation] in answered
