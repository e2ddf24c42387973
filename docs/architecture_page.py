"""The page `architecture.md`: the layers as import-linter holds them, the imports as they are, a line for each folder."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grimp

_ROOT: Final = Path(__file__).parent.parent
_SOURCE: Final = _ROOT / "src/wablock"
_HELPERS: Final = frozenset(("__main__", "printable", "public_credentials", "typed_secrets"))  # not in the picture

_HEAD: Final = """\
# Architecture

Generated from the code by `make docs`. The rules are in the middle and do no I/O. Around them, each external system has its
own folder. One file connects all parts: `wiring.py`. An arrow means *imports*. If A imports B and B imports C, the diagram does
not show that A also imports C. Imports point down and never form a circle; `make check` checks both.

```mermaid
flowchart TD
"""
_FLOWS: Final = """\
```

**A POST to `block_users`:** `server/protocol` reads the bytes → `server/router` finds the handler → `server/callers` checks the
token → `server/endpoints/block_users` → `BlockList.block` in `block_list/service` → `storage/group_commit` → one transaction of
a store → the outcome becomes JSON in `contract/wire`. Each failure is an exception, which `server/answers` turns into a response.

**A webhook:** `server/endpoints/webhooks` → `gate/inbound` verifies the signature, reads the senders, checks the block list, and
removes the messages of blocked users → `gate/delivery` → `outgoing/downstreams` posts the rest to the receivers.

**A message of the business:** `server/endpoints/messages` → `gate/outbound` reads the recipients and checks the block list →
`outgoing/upstreams` sends it to the number's upstream and streams the response back.

## Where a change goes

| to add | change | and |
|---|---|---|
| an endpoint | a file in `server/endpoints/` whose class has `routes()`; `wiring.py` creates its instance | `reference/openapi/` describes it, `reference/openapi/schemas.py` names its types, `docs/fidelity.md` has its row |
| a column | a new file in each folder of `storage/migrations/`; the statements in `storage/sqlite/` and `storage/postgres/` | the value in `block_list/ports.py`, a test in `tests/storage/`, which runs on every store |
| a setting | a field in `settings.py`: its flag, variable, default and help | the part that needs it gets its settings from `wiring.py`; `make docs` |
| a field of a webhook | its place in `gate/webhook/documented.py` or `items.py`; which user it belongs to, in `reading.py` and `links.py`; whether it is removed with a dropped item, in `cutting.py` | its payload in `tests/webhooks/` |
| a command | a file in `cli/`, and its name in `cli/__init__.py` | it calls `client/` if it speaks to a server, `cli/databases.py` if it opens a database; `make docs` |
| an error | a class in `contract/errors.py` if Meta published it, in `failures.py` if not; raise it where the fault is detected | its meaning and what to do in `reference/failures.py`; `make docs` |
| a store | a folder in `storage/` that implements `Store` of `storage/__init__.py`: `BlockStore`, `Directory`, `RouteStore` | `open_store` opens it, `tests/storage/adapters.py` adds it to every test of stores |
| a metric | `server/metrics.py`; a part below the server calls it through a port, such as `GateMeter` | `docs/reference/metrics.md` |
| a limit on memory | a constant `_MOST_…` beside the data that it limits; in `settings.py` if operators may change it | a test that reaches the limit; `docs/scaling.md` if a real server can reach it |
| a page | in the reference: `reference/pages.py` and `reference/templates/`; in the documentation: a file in `docs/`, with a link in `docs/README.md` | if the page is generated from the code: `docs/generate.py` |

[CONTRIBUTING](../CONTRIBUTING.md) lists where to make other changes. [Decisions](decisions/) give the reasons for the design.

## The layers, from the top

| part | what lives there | modules |
|---|---|---|
"""


def architecture() -> str:
    """The page of the architecture."""
    picture = "".join(f"    {line}\n" for line in _picture())
    table = "".join(f"| {' | '.join(row)} |\n" for row in _rows())
    return _HEAD + picture + _FLOWS + table


def _layers() -> list[list[str]]:
    """From the top, as import-linter reads them; the parts of one layer do not import each other."""
    contracts = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return [layer.split(" | ") for layer in contracts[0]["layers"]]


def _picture() -> Iterator[str]:
    parts = [part for layer in _layers() for part in layer if part not in _HELPERS]
    graph = grimp.build_graph("wablock", cache_dir=None)
    for part in parts:
        graph.squash_module(f"wablock.{part}")
    imports = {
        part: {
            other
            for other in parts
            if other != part and graph.direct_import_exists(importer=_name(part), imported=_name(other))
        }
        for part in parts
    }
    for layer in _layers():
        yield from (f"{part}[{_place(part)}]" for part in layer if part in imports)
    for part in parts:
        implied = {far for near in imports[part] for far in _reached(near, imports)}
        yield from (f"{part} --> {other}" for other in parts if other in imports[part] - implied)


def _reached(part: str, imports: dict[str, set[str]]) -> set[str]:
    near = imports[part]
    return near.union(*(_reached(other, imports) for other in near))


def _name(part: str) -> str:
    return f"wablock.{part}"


def _rows() -> Iterator[tuple[str, str, str]]:
    for part in (part for layer in _layers() for part in layer):
        folder = _SOURCE / part
        if not folder.is_dir():
            yield f"`{part}.py`", _first_line(_SOURCE / f"{part}.py"), ""
            continue
        yield f"`{part}/`", _first_line(folder / "__init__.py"), _modules(folder)
        for inner in sorted(it for it in folder.iterdir() if (it / "__init__.py").exists()):
            yield f"`{part}/{inner.name}/`", _first_line(inner / "__init__.py"), _modules(inner)


def _modules(folder: Path) -> str:
    return ", ".join(sorted(it.stem for it in folder.glob("*.py") if it.stem != "__init__"))


def _first_line(module: Path) -> str:
    return (ast.get_docstring(ast.parse(module.read_text())) or "").split("\n")[0].replace("|", "\\|")


def _place(part: str) -> str:
    return f"{part}/" if (_SOURCE / part).is_dir() else f"{part}.py"
