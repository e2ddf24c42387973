"""Our page has all contents of Meta's reference page of the Block API, in its order."""

import json

import pytest
from tests.browser.reader import Reader, not_in_order, open_all, words

from wablock.contract import versions

_PATH = "/{Version}/{Phone-Number-ID}/block_users"
_METHODS = {"getBlockedUsers": "GET", "blockUsers": "POST", "unblockUsers": "DELETE"}
_TOP = [
    "WhatsApp Cloud API - Block API",
    "Copy for LLM",
    "View as Markdown",
    "Download OpenAPI spec",
    "The Block API allows businesses to manage blocked users on WhatsApp.",
    "Use this API to block users from sending messages to your business number,",
    "retrieve the list of blocked users, and unblock users when needed.",
    "For more information, see the Block Users Guide",
    "Base URL",
    "Endpoints",
    f"GET {_PATH}",
    f"POST {_PATH}",
    f"DELETE {_PATH}",
]
_AUTHORIZATION = (
    "Bearer token for API authentication. This should be a valid access token obtained through the appropriate OAuth "
    "flow or system user token."
)
_PARAMETERS = [
    "Header Parameters",
    "User-Agent string",
    "The user agent string identifying the client software making the request.",
    "Authorization string · required",
    _AUTHORIZATION,
    'Content-Type One of "application/json", "application/x-www-form-urlencoded", "multipart/form-data" · required',
    "Media type of the request body",
    "Path Parameters",
    "Version string · required",
    "Phone-Number-ID string · required",
]
_BODY = [
    "Request Body Optional",
    "Content Type: application/json",
    "Schema: object",
    "Show child attributes",
    "block_users array of object",
    "Show child attributes",
    "block_users[] object",
    "Show child attributes",
    "user string",
    "messaging_product string",
]
_LISTED = [
    "Responses",
    "200 Get blocked users",
    "Content Type: application/json",
    "Schema: GetBlockedUsersData",
    "Show child attributes",
    "GetBlockedUsersData",
    "data array of BlockedUser",
    "Show child attributes",
    "data[] BlockedUser",
    "Show child attributes",
    "messaging_product string",
    "wa_id string",
    "paging Paging",
    "Show child attributes",
    "cursors PaginationCursors",
    "Show child attributes",
    "after string",
    "before string",
]


def _changed(summary: str, schema: str, result: str, users: str) -> list[str]:
    return [
        "Responses",
        f"200 {summary}",
        "Content Type: application/json",
        f"Schema: {schema}",
        "Show child attributes",
        schema,
        f"block_users {result}",
        "Show child attributes",
        f"{users} array of BlockedUserOperation",
        "Show child attributes",
        f"{users}[] BlockedUserOperation",
        "Show child attributes",
        "input string",
        "wa_id string",
        "messaging_product string",
    ]


_DESCRIPTIONS = {
    "getBlockedUsers": _PARAMETERS + _LISTED,
    "blockUsers": _PARAMETERS + _BODY + _changed("Block user(s)", "BlockUsersData", "BlockUsersResult", "added_users"),
    "unblockUsers": _PARAMETERS
    + _BODY
    + _changed("Unblock user(s)", "UnblockUsersData", "UnblockUsersResult", "removed_users"),
}
_DONE = {"input": "+16505551234", "wa_id": "16505551234"}
_CURSOR = "eyJvZAmZAzZAXQiOjAsInZAlcnNpb25JZACI6IjE3Mzc2Nzk2ODgzODM1ODQifQZDZD"
_ANSWERS = {
    "getBlockedUsers": {
        "data": [{"messaging_product": "whatsapp", "wa_id": "16505551234"}],
        "paging": {"cursors": {"after": _CURSOR, "before": _CURSOR}},
    },
    "blockUsers": {"block_users": {"added_users": [_DONE]}, "messaging_product": "whatsapp"},
    "unblockUsers": {"block_users": {"removed_users": [_DONE]}, "messaging_product": "whatsapp"},
}
_SENT = """{
  "block_users": [
    {
      "user": "+16505551234"
    }
  ],
  "messaging_product": "whatsapp"
}"""
_END = [
    "Authentication",
    "Scheme Type Location",
    "bearerAuth HTTP Bearer Header: Authorization",
    "Usage Examples",
    "bearerAuth:",
    "Include Authorization: Bearer your-token-here in request headers",
    "Global Authentication Requirements",
    "All endpoints require:",
    "bearerAuth",
]

_VERSIONS = '.choice .fill[data-value="Version"], form [data-value="Version"]'
_REQUIRED = """all => [...all.querySelectorAll(".field")]
    .filter((field) => field.querySelector(".required") && !field.closest(".answer"))
    .map((field) => field.querySelector(".name").textContent)"""

operations = pytest.mark.parametrize("operation", _DESCRIPTIONS)


def test_the_page_has_metas_introduction(browser: Reader) -> None:
    with browser.reading() as page:
        seen = words(page, "main")

    assert not_in_order(seen, _TOP) == []
    assert browser.url in seen
    assert "This is wablock, not Meta." in seen


@operations
def test_an_operation_is_shown_line_by_line(browser: Reader, operation: str) -> None:
    with browser.reading() as page:
        open_all(page)
        seen = words(page, f"#{operation}")

    syntax = ["Request Syntax", f"{_METHODS[operation]} {_PATH}", "Try it"]
    shown = ["Select language", "cURL", "JavaScript", "Python", "Select status code", "200"]
    assert not_in_order(seen, [*syntax, *shown, *_DESCRIPTIONS[operation]]) == []


@operations
def test_only_the_parameters_that_meta_marks_are_required(browser: Reader, operation: str) -> None:
    with browser.reading() as page:
        open_all(page)
        names = page.locator(f"#{operation} .description").evaluate(_REQUIRED)

    assert names == ["Authorization", "Content-Type", "Version", "Phone-Number-ID"]


@operations
def test_child_attributes_show_on_a_click(browser: Reader, operation: str) -> None:
    with browser.reading() as page:
        answer = page.locator(f"#{operation} .answer").first
        before = answer.locator(".rows").first.is_visible()
        answer.locator("summary").first.click()
        after = answer.locator(".rows").first.is_visible()

    assert (before, after) == (False, True)


@operations
def test_the_curl_sample_is_the_pages(browser: Reader, operation: str) -> None:
    body = "{}" if operation == "getBlockedUsers" else _SENT

    with browser.reading(script=False) as page:
        seen = page.locator(f'#{operation} .panel[data-value="bash"] code').inner_text()

    assert seen == (
        f"curl --request {_METHODS[operation]} \\\n  --url '{browser.url}{_PATH}' \\\n"
        "  --header 'Authorization: Bearer <Token>' \\\n  --header 'Content-Type: application/json' \\\n"
        f"  --data '{body}'"
    )


@operations
def test_the_answer_shown_is_the_pages(browser: Reader, operation: str) -> None:
    with browser.reading() as page:
        seen = page.locator(f'#{operation} .panel[data-value="200"] code').first.inner_text()

    assert json.loads(seen) == _ANSWERS[operation]


@pytest.mark.parametrize("label", ["cURL", "JavaScript", "Python"])
def test_a_chosen_language_is_shown_everywhere(browser: Reader, label: str) -> None:
    with browser.reading() as page:
        page.locator("#blockUsers").get_by_label("Select language").select_option(label)
        seen = page.locator('.choice[data-choice="language"] .panel:visible')
        labels = seen.locator("code").evaluate_all("all => all.map((each) => each.className)")

    assert labels == [{"cURL": "bash", "JavaScript": "javascript", "Python": "python"}[label]] * 3


def test_every_status_has_its_answer(browser: Reader) -> None:
    with browser.reading() as page:
        choice = page.locator("#blockUsers").get_by_label("Select status code")
        statuses = choice.locator("option").all_inner_texts()
        seen = []
        for status in statuses:
            choice.select_option(status)
            seen += page.locator('#blockUsers .choice[data-choice="status"] .panel:visible').evaluate_all(
                "all => all.map((each) => each.dataset.value)"
            )

    assert seen == statuses
    assert {"200", "400", "401", "403", "500", "503"} <= set(statuses)


@pytest.mark.parametrize("version", ["v23.0", "v24.0", "v25.0"])
def test_a_chosen_version_is_filled_in_everywhere(browser: Reader, version: str) -> None:
    with browser.reading() as page:
        page.get_by_role("combobox", name="Version", exact=True).select_option(version)
        seen = page.locator(_VERSIONS).evaluate_all("all => all.map((each) => each.value || each.textContent)")

    assert set(seen) == {version}
    assert len(seen) > 10


def test_the_newest_version_is_chosen_at_the_start(browser: Reader) -> None:
    with browser.reading() as page:
        seen = page.locator(_VERSIONS).evaluate_all("all => all.map((each) => each.value || each.textContent)")

    assert set(seen) == {versions.KNOWN[-1]}


def test_the_page_has_metas_last_section(browser: Reader) -> None:
    with browser.reading() as page:
        seen = words(page, "#authentication") + words(page, "footer")

    assert not_in_order(seen, [*_END, "llms.txt · llms-full.txt · About"]) == []


def test_without_javascript_every_sample_and_answer_is_visible(browser: Reader) -> None:
    with browser.reading(script=False) as page:
        hidden = page.locator(".panel:not(:visible)").count()
        panels = page.locator(".panel:visible").count()

    assert hidden == 0
    assert panels > 9


def test_about_leads_to_what_this_page_is(browser: Reader) -> None:
    with browser.reading() as page:
        page.locator("footer").get_by_role("link", name="About").click()
        seen = words(page, ":target")

    assert (
        not_in_order(seen, ["About", "Apache License", "not affiliated with, endorsed by or connected to Meta"]) == []
    )
