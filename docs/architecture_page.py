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

**A POST to `block_users`:** `server/protocol` reads the bytes → `server/app` finds the endpoint with `server/router` →
`server/endpoints/block_users`, for which `server/callers` checks the token and reads the body → `BlockList.block` in
`block_list/service` → `BlockStore.apply` of a store, where `storage/group_commit` joins waiting changes into one transaction →
the outcome becomes JSON in `contract/wire`. A failure of the whole request is an exception: `server/app` catches it, and
`server/answers` writes the response. A failure of one user is part of the outcome.

**A webhook:** `server/endpoints/webhooks` → `gate/inbound` verifies the signature, reads the senders, checks the block list, and
removes the messages of blocked users → `gate/delivery` → `outgoing/downstreams` posts the rest to all receivers at the same
time, each with its own time limit.

**A message of the business:** `server/endpoints/messages` → `gate/outbound` reads the recipients and checks the block list →
`outgoing/upstreams` sends it to the number's upstream and streams the response back.

**An event for a subscriber:** `subscriptions/deliverer` looks for lists with events that a subscriber has not accepted, and takes
the lease of the subscription → `subscriptions/courier` reads the events, signs them, and lets `outgoing/downstreams` post them →
after a 2xx, `SubscriptionStore.reach` stores the place in the list's chain of events.

## Where a change goes

| to add | change | and |
|---|---|---|
| an endpoint | a file in `server/endpoints/` whose class has `routes()`; `wiring.py` creates its instance; `server/callers.py` checks token and scope | `reference/openapi/` describes it (`/v1/numbers/…` in `reference/openapi/routing.py`), `reference/openapi/schemas.py` names its types; a call in `client/management.py` and in both classes of `client/shells.py`, its answer in `client/answers.py` or `client/list_answers.py`, exported in `client/__init__.py`; stored data: a method in `block_list/service.py`, in `BlockStore` and in each store; data of one process: `server/worker_messages.py`; `docs/reference/client.md`; tests in `tests/server/` and `tests/conformance/`; its row in `docs/fidelity.md` |
| a member of a blocked user | `contract/wire.py`; `server/parameters.py` (names for `fields`, limit of form fields); `block_list/ports.py` (`Member`, `Listed`) or `block_list/changes.py` (`Block`), `block_list/pages.py` (`Row`), `block_list/service.py`, `block_list/list_state.py`; then a column | `client/`, `cli/listed_users.py`, `server/endpoints/members.py`, `reference/openapi/members.py`; tests in `tests/contract/`, `tests/storage/`, `tests/conformance/`; `docs/fidelity.md`, `docs/glossary.md`, `docs/reference/client.md`; tests also in `tests/block_list/`, `tests/client/`, `tests/cli/`; `make docs` |
| a column | a new file in `storage/migrations/sqlite/` and in `storage/migrations/postgres/` (in `storage/migrations/citus/` for a new table or procedure); the statements in `storage/sqlite/` and `storage/postgres/`, with the procedure that `storage/postgres/together.py` calls; `storage/moving/tables.py` | the value in `block_list/ports.py`, `access.py` or `gate/ports.py`; a test in `tests/storage/`, which runs on every store |
| a rule | its limit in `block_list/rules.py`; its precondition in `block_list/changes.py` and its `Refusal` in `block_list/ports.py`; the decision only in `block_list/list_state.py`; each store loads what it needs (`block_list/transaction.py` with `storage/sqlite/tables.py` and `storage/memory_tables.py`; `storage/postgres/lists.py` and `may_share` in `storage/postgres/together.py`); `block_list/service.py` sets the precondition | tests in `tests/block_list/` and `tests/storage/`, and in `tests/conformance/` if Meta says it; `docs/fidelity.md`, `docs/glossary.md` |
| a setting | a field in a group of `settings.py`: flag, variable, default, help | `wiring.py` passes a group whole to `server/`, and single values to other parts, such as `gate/` and `outgoing/`. A value of one receiver or upstream, such as its `timeout`, is not a setting: it is stored with it (`gate/ports.py`, `gate/routes/`, `server/endpoints/`, `cli/`, a column). `make docs`; a test of the effect; `docs/fidelity.md` |
| a field of a webhook | an item, such as a message: a class in `items.py`, and its array in `Value` of `gate/webhook/documented.py`; anything else only there; senders in `reading.py`; other ids, and `shows_others`, in `links.py`; each function that walks over items, in `cutting.py`; an array also in `gate/webhook/canonical.py`; a new kind of item also in `gate/webhook/change.py` and `gate/duplicates.py` | its payload in `tests/webhooks/`, tests in `tests/gate/webhook/`; `docs/fidelity.md`; a new kind also in `docs/reference/metrics.md`, and wherever `handover` stands in `src/` and `docs/` |
| a command | a file in `cli/`; its name, place and help in `cli/__init__.py` | `cli/api_server.py` if it speaks to a server, `cli/databases.py` if it opens a database; its name in `tests/cli/test_help.py`, its tests in `tests/cli/`; `make docs` |
| an error, or its text | a class in `contract/errors.py` if Meta published it, in `failures.py` if not; raise it where the fault is detected | to add one: its meaning in `reference/failures.py`, which takes the text from the class. To change a text: search for the old one in `docs/`, `cli/changed_users.py` and `tests/`. `make docs` |
| a store | a folder in `storage/` that implements `Store` of `storage/__init__.py`; `storage/urls.py` and `open_store`; a folder in `storage/migrations/` | `tests/storage/adapters.py`; empty databases for the tests beside `tests/postgres.py`; `cli/backups.py` and `cli/migrate.py`; the driver in the extra `server` and in both lists of `forbidden_modules` in `pyproject.toml`, then `make lock`; the help of `DatabaseUrl` in `settings.py`; a how-to |
| a metric | `server/metrics.py`; a part that may not import the server calls it through a port: `GateMeter` (`gate/ports.py`), `SubscriptionMeter` (`subscriptions/ports.py`), `CommitMeter` (`storage/group_commit.py`) | its double in `tests/storage/meters.py`; a store counts after the commit; tests in `tests/server/`; the values of all workers are added up, so a value that all workers share must not be a gauge; `docs/reference/metrics.md` |
| a rule of the client | what is retried: `client/retrying.py`; users in a request: `client/users.py`; page size: both classes of `client/shells.py`, for `check` in `client/calls.py`, for `wablock list` in `cli/listed_users.py`; end of a list: `client/trail.py` | tests in `tests/client/`; `docs/reference/client.md` |
| a limit on memory | a constant `_MOST_…` beside the data that it limits; in `settings.py` if operators may change it | a test that reaches the limit; `docs/scaling.md` if operators can meet it |
| a page | in the reference: `reference/pages.py` and `reference/templates/`; in the documentation: a file in `docs/`, with a link in `docs/README.md` | if the page is generated from the code: `docs/generate.py` |

[CONTRIBUTING](../CONTRIBUTING.md) says which file has which behaviour, [tests/README.md](../tests/README.md) where a test goes, and
[decisions](decisions/) why. A change that users notice goes into [CHANGELOG](../CHANGELOG.md).

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
