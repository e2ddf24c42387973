"""Samples of a request in three languages. They run once their placeholders are filled in. Pure."""

import json
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

JSON: Final = "application/json"
TOKEN: Final = "<Token>"


class Sample(msgspec.Struct, frozen=True):
    language: str
    label: str
    text: str


def samples(
    method: str,
    url: str,
    body: Any,
    query: dict[str, str],
    headers_to_fill: list[str],
    *,
    needs_token: bool,
    curl_body: bool,
) -> list[Sample]:
    """The request in cURL, JavaScript and Python. `curl_body`: without a body, cURL sends `{}`, as on Meta's page."""
    whole = f"{url}?{urlencode(query)}" if query else url
    headers = {"Authorization": f"Bearer {TOKEN}"} if needs_token else {}
    headers |= {name: f"<{name}>" for name in headers_to_fill}
    typed_headers = headers if body is None else headers | {"Content-Type": JSON}
    curl_payload = {} if body is None and curl_body else body
    return [
        Sample(
            "bash",
            "cURL",
            _curl(
                method, whole, typed_headers if curl_payload is body else headers | {"Content-Type": JSON}, curl_payload
            ),
        ),
        Sample("javascript", "JavaScript", _javascript(method, whole, typed_headers, body)),
        Sample("python", "Python", _python(method, whole, typed_headers, body)),
    ]


def _curl(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    lines = [f"curl --request {method}", f"--url '{url}'"]
    lines += [f"--header '{name}: {value}'" for name, value in headers.items()]
    if body is not None:
        lines.append(f"--data {_quoted(json.dumps(body, indent=2, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    """`text` quoted as one word for a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def _javascript(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    lines = [f"const response = await fetch('{url}', {{", f"  method: '{method}',"]
    if headers:
        lines += ["  headers: {", *(f"    '{name}': '{value}'," for name, value in headers.items()), "  },"]
    if body is not None:
        payload = json.dumps(body, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        lines.append(f"  body: JSON.stringify({payload}),")
    return "\n".join([*lines, "});", "console.log(response.status, await response.text());"])


def _python(method: str, url: str, headers: dict[str, str], body: Any) -> str:
    lines = ["import requests", ""]
    arguments = [f'"{method}"', f'"{url}"']
    if headers:
        lines.append(f"headers = {_literal(headers)}")
        arguments.append("headers=headers")
    if body is not None:
        lines.append(f"payload = {_literal(body)}")
        arguments.append("json=payload")
    inner = "".join(f"    {each},\n" for each in [*arguments, "timeout=30"])
    return "\n".join(
        [*lines, "", f"response = requests.request(\n{inner})", "print(response.status_code, response.text)"]
    )


def _literal(value: Any, indent: str = "") -> str:
    """`value` as Python writes it, over several lines."""
    deeper = indent + "    "
    if isinstance(value, dict) and value:
        inner = "".join(f"{deeper}{json.dumps(name)}: {_literal(each, deeper)},\n" for name, each in value.items())
        return f"{{\n{inner}{indent}}}"
    if isinstance(value, list) and value:
        inner = "".join(f"{deeper}{_literal(each, deeper)},\n" for each in value)
        return f"[\n{inner}{indent}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
