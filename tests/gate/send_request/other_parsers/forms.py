"""Generated requests with a recipient, in odd shapes that parsers read differently."""

import base64
import json
from random import Random
from typing import Final
from urllib.parse import quote

from wablock.gate.send_request.request import FORM, JSON, MULTIPART, SendRequest

ANNA: Final = "16505551234"
ANNAS_ID: Final = "US.13491208655302741918"
BEN: Final = "16505550101"

_ANNA: Final = (
    ANNA,
    "+" + ANNA,
    "+1 650-555-1234",
    "(650) 555-1234",
    "6505551234",
    "00" + ANNA,
    "011" + ANNA,
    "0" + ANNA,
    ANNA + ".0",
    ANNA + "\0",
    ANNA + "abc",
    f"\u202a+{ANNA}\u202c",
    "".join(chr(0xFF10 + int(digit)) for digit in ANNA),
    f"tel:+{ANNA}",
    f"{ANNA}@s.whatsapp.net",
    f"{ANNA}@g.us",
    f'"{ANNA}"',
    f'["{ANNA}"]',
    f"{BEN},{ANNA}",
    ANNAS_ID,
    f" {ANNAS_ID} ",
)
_OTHERS: Final = (
    BEN,
    "+" + BEN,
    "",
    " ",
    "unknown",
    "null",
    "Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
)
_NAMES: Final = (
    "to",
    "to",
    "to",
    "recipient",
    "To",
    "TO",
    "Recipient",
    "to[]",
    "to[0]",
    "to[a][b]",
    "[to]",
    "to[",
    "to]",
)
_ODD: Final = (
    "\0",
    " ",
    "\t",
    "\n",
    ".",
    "_",
    "[",
    "]",
    "[]",
    ";",
    "&",
    "=",
    "+",
    '"',
    "'",
    "\\",
    "%",
    "%00",
    "\u200b",
    "x",
    "é",
)
_BESIDE: Final = (
    ("type", "text"),
    ("messaging_product", "whatsapp"),
    ("recipient_type", "group"),
    ("Recipient_Type", "group"),
    ("_method", "PUT"),
    ("text[body]", f"to={ANNA}"),
    ("text", f'{{"body":"a;to={ANNA}&to={ANNA}"}}'),
    ("biz_opaque_callback_data", "x"),
)
_CHARSETS: Final = (
    "",
    "",
    "",
    "; charset=utf-8",
    "; charset=UTF-7",
    "; charset=utf-16",
    "; charset=ibm037",
    "; charset=latin1",
)


def form(random: Random) -> SendRequest:
    """A request: a form, multipart, JSON or only a query."""
    kind = random.choice((_urlencoded, _urlencoded, _multipart, _multipart, _json, _query))
    return kind(random)


def _name(random: Random) -> str:
    name = random.choice(_NAMES)
    for _ in range(random.choice((0, 0, 1, 1, 1, 2))):
        place = random.randrange(len(name) + 1)
        name = name[:place] + random.choice(_ODD) + name[place:]
    return name


def _value(random: Random) -> str:
    value = random.choice(_ANNA if random.random() < 0.6 else _OTHERS)
    if random.random() < 0.1:
        place = random.randrange(len(value) + 1)
        value = value[:place] + random.choice(_ODD) + value[place:]
    return value


def _pairs(random: Random) -> list[tuple[str, str]]:
    pairs = random.sample(_BESIDE, random.randrange(4))
    pairs += [(_name(random), _value(random)) for _ in range(random.choice((1, 1, 1, 2)))]
    random.shuffle(pairs)
    return pairs


def _escaped(random: Random, text: str) -> bytes:
    """`text` in a form, with the usual characters escaped, or with more or fewer."""
    how = random.random()
    if how < 0.6:
        return quote(text, safe="[]").replace("%20", "+").encode()
    if how < 0.8:
        return b"".join(b"%%%02X" % byte if random.random() < 0.3 else bytes((byte,)) for byte in text.encode())
    return text.encode()


def _fields(random: Random) -> bytes:
    written = random.choice((b"&", b"&", b"&", b"&", b";", b"&&", b"&amp;", b"\n", b"&\0"))
    fields = [_escaped(random, name) + b"=" + _escaped(random, value) for name, value in _pairs(random)]
    if random.random() < 0.1:
        fields.append(
            random.choice(
                (
                    b"to",
                    b"=" + ANNA.encode(),
                    b"[",
                    b"to[=1]=" + ANNA.encode(),
                    b"a=b[to]=" + ANNA.encode(),
                    b"=to[%30%5d=" + ANNA.encode(),
                )
            )
        )
    return written.join(fields)


def _some_query(random: Random) -> bytes:
    return _fields(random).replace(b"\0", b"%00").replace(b"\n", b"%0A") if random.random() < 0.2 else b""


def _urlencoded(random: Random) -> SendRequest:
    body = random.choice((b"", b"", b"", b"\xef\xbb\xbf", b"&", b"?", b" ")) + _fields(random)
    return SendRequest(FORM + random.choice(_CHARSETS), _some_query(random), body)


def _query(random: Random) -> SendRequest:
    query = _fields(random).replace(b"\0", b"%00").replace(b"\n", b"%0A")
    return SendRequest(None, query, b"")


# -- JSON


def _json(random: Random) -> SendRequest:
    members = [(json.dumps(name), _json_value(random, value)) for name, value in _pairs(random)]
    members += [(json.dumps("context"), '{"message_id":"x"}')]
    if random.random() < 0.1:
        members.append(('"__proto__"', f'{{"to":"{ANNA}"}}'))
    text = "{" + ",".join(f"{name}:{value}" for name, value in members) + "}"
    text = (
        random.choice(("", "", "", "\ufeff", " \n", "[", "//x\n"))
        + text
        + random.choice(("", "", "", " ", "x", "}", "\0"))
    )
    body = text.encode(random.choice(("utf-8",) * 8 + ("utf-16", "utf-16-le", "utf-32", "utf-7")))
    return (
        SendRequest(random.choice((JSON, JSON, JSON, FORM, None)), _some_query(random), body)
        if random.random() < 0.8
        else (SendRequest(JSON + random.choice(_CHARSETS), b"", body))
    )


def _json_value(random: Random, value: str) -> str:
    text = json.dumps(value)
    number = value if value.isascii() and value.isdigit() and value[0] != "0" else None
    shapes = [text] * 6 + [f"[{text}]", f'{{"a":{text}}}', json.dumps(text), "null", "true", "[" * 40 + text + "]" * 40]
    if number:
        shapes += [number, number, number + ".0", number + "e0", "-" + number]
    return random.choice(shapes)


# -- multipart


def _multipart(random: Random) -> SendRequest:
    boundary = random.choice(("xYz", "xYz", "xYz", "----WebKitFormBoundaryAbC", "a'b", "a b"))
    parts = b"".join(_part(random, boundary, name, value) for name, value in _pairs(random))
    end = random.choice((b"--\r\n", b"--\r\n", b"--\r\n", b"--", b"", b"--\r\nepilogue\r\n", b"\r\n"))
    body = random.choice((b"", b"", b"", b"", b"\r\n", b"preamble\r\n")) + parts + b"--" + boundary.encode() + end
    parameter = random.choice(
        (f"; boundary={boundary}", f"; boundary={boundary}", f'; boundary="{boundary}"', "", "; boundary=other")
    )
    return SendRequest(MULTIPART + random.choice(_CHARSETS[:4]) + parameter, _some_query(random), body)


def _part(random: Random, boundary: str, name: str, value: str) -> bytes:
    parameters = random.choice(
        (f'name="{name}"',) * 8
        + (
            f"name={name}",
            f"name='{name}'",
            f"name*=utf-8''{name}",
            f'NAME="{name}"',
            f'name="a"; name="{name}"',
            f'name="{name}"; name="a"',
            f'name="a"; filename="b\\"; name="{name}"',
            f'name="a"; filename=b; name="{name}"',
            f'filename="b"; name="{name}"',
            f'name="{name}"; filename="b"',
            f'name="{name}"; filename=""',
            f'name="a";\r\n name="{name}"',
            f'name ="{name}"',
            f'name="a;name={name}"',
        )
    )
    disposition = random.choice(
        ("Content-Disposition: form-data; ",) * 6
        + ("content-disposition:form-data;", "Content-Disposition : form-data; ")
    )
    more_headers, content = random.choice(
        (("", value.encode()),) * 8
        + (
            ("\r\nContent-Type: text/plain", value.encode()),
            ("\r\nContent-Type: text/plain; charset=utf-16le", value.encode("utf-16-le")),
            ("\r\nContent-Type: application/json", json.dumps(value).encode()),
            ("\r\nContent-Transfer-Encoding: base64", base64.b64encode(value.encode())),
            ("\r\nContent-Transfer-Encoding: quoted-printable", value.replace("1", "=31").encode()),
            ("\r\nX: " + "y" * random.choice((1, 1_000, 5_100)), value.encode()),
            (f'\r\nContent-Disposition: form-data; name="{random.choice(("a", "to"))}"', value.encode()),
            ('\nContent-Disposition: form-data; name="to"', value.encode()),
        )
    )
    newline = random.choice(("\r\n",) * 12 + ("\n", "\r"))
    head = f"--{boundary}\r\n{disposition}{parameters}{more_headers}\r\n\r\n".replace("\r\n", newline)
    if random.random() < 0.05:
        return head.encode()  # the next boundary follows at once
    return head.encode() + content + newline.encode()
