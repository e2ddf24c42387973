"""Samples of a request in three languages. They run once their placeholders are filled in. Pure."""

import json
from typing import Any, Final

import msgspec

JSON: Final = "application/json"
TOKEN: Final = "<Token>"


class Sample(msgspec.Struct, frozen=True):
    language: str
    label: str
    text: str


class SampleRequest(msgspec.Struct, frozen=True):
    """The request to show. `body` is JSON; None: there is none. `headers` do not have its Content-Type."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any

    @property
    def all_headers(self) -> dict[str, str]:
        return self.headers if self.body is None else self.headers | {"Content-Type": JSON}


def samples(request: SampleRequest, *, curl_body: bool) -> list[Sample]:
    """The request in cURL, JavaScript and Python. `curl_body`: without a body, cURL sends `{}`, as on Meta's page."""
    in_curl = msgspec.structs.replace(request, body={}) if request.body is None and curl_body else request
    return [
        Sample("bash", "cURL", _curl(in_curl)),
        Sample("javascript", "JavaScript", _javascript(request)),
        Sample("python", "Python", _python(request)),
    ]


def _curl(request: SampleRequest) -> str:
    lines = [f"curl --request {request.method}", f"--url '{request.url}'"]
    lines += [f"--header '{name}: {value}'" for name, value in request.all_headers.items()]
    if request.body is not None:
        lines.append(f"--data {_quoted(json.dumps(request.body, indent=2, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    """`text` quoted as one word for a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def _javascript(request: SampleRequest) -> str:
    lines = [f"const response = await fetch('{request.url}', {{", f"  method: '{request.method}',"]
    if headers := request.all_headers:
        lines += ["  headers: {", *(f"    '{name}': '{value}'," for name, value in headers.items()), "  },"]
    if request.body is not None:
        payload = json.dumps(request.body, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        lines.append(f"  body: JSON.stringify({payload}),")
    return "\n".join([*lines, "});", "console.log(response.status, await response.text());"])


def _python(request: SampleRequest) -> str:
    lines = ["import requests", ""]
    arguments = [f'"{request.method}"', f'"{request.url}"']
    if headers := request.all_headers:
        lines.append(f"headers = {_literal(headers)}")
        arguments.append("headers=headers")
    if request.body is not None:
        lines.append(f"payload = {_literal(request.body)}")
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
