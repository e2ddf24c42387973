"""Rules for the statements of the PostgreSQL store, so that they run on Citus and similar databases.

The statements are parsed by PostgreSQL's own parser.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pglast
import pytest
from pglast import ast as sql
from pglast.enums import A_Expr_Kind, BoolExprType
from pglast.visitors import Visitor

from wablock.storage import postgres

_KEYS: Final = {
    "block_list": "list_id",
    "blocked_user": "list_id",
    "event": "list_id",
    "answered_request": "list_id",
    "subscription_cursor": "list_id",
    "last_inbound": "phone_number_id",
    "downstream": "phone_number_id",
    "upstream": "phone_number_id",
}
"""The distributed tables, each with its distribution key."""

_EVERYWHERE: Final = {
    "account",
    "business_account",
    "account_list",
    "access_token",
    "phone_number",
    "attachment",
    "shared_list",
    "subscription",
    "wablock_rekeying",
    "wablock_schema",
}
"""The tables that every shard has a copy of."""

_ON_COORDINATOR: Final = {"identity_alias"}
"""The tables that only the coordinator has."""

_OF_THE_AUDIT: Final = {"events._LISTS_WITH_EVENTS"}
"""It looks for events that no list has, so no list is known."""

_ONLY_WITHOUT_WORKERS: Final = {
    f"checks.{kind}{ids}" for kind in ("_ROWS", "_ALL_ROWS") for ids in ("", "_BY_ALL_IDS", "_BY_PARENT_IDS")
}
"""The statements that no node of a cluster executes."""

_RARELY_BY_A_REQUEST: Final = {"directory._ADD_LIST", "directory._COMPLETE_NUMBER"}
"""For the first webhook of a number without a display number, and for the first change of one that was never added."""

_OF_NO_SHARD: Final = {
    "pg_dist_local_group",
    "pg_dist_partition",
    "pg_db_role_setting",
    "pg_database",
    "pg_settings",
    "pg_extension",
    "pg_stat_activity",
}

_FORBIDDEN: Final = re.compile(
    r"\b(xmax|xmin|ctid|pg_(try_)?advisory\w*|listen|notify|copy|nextval|serial|prepare\s+transaction|offset\s+[^0])\b",
    re.IGNORECASE,
)
_LIST: Final = Path(__file__).with_name("statements.txt")
"""The reach of each statement; see `_reach`."""
_VERBS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE")
_MIGRATIONS: Final = Path(inspect.getfile(postgres)).parents[1] / "migrations"


def _modules() -> list[ModuleType]:
    return [postgres, *(importlib.import_module(it.name) for it in _submodules())]


def _submodules() -> Iterator[pkgutil.ModuleInfo]:
    return pkgutil.iter_modules(postgres.__path__, "wablock.storage.postgres.")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        yield from _texts(tuple(value.values()))


def _queries(node: Any) -> Iterator[str]:
    """The queries in the parser's tree of a procedure."""
    if isinstance(node, dict):
        if isinstance(node.get("query"), str):
            yield node["query"]
        for part in node.values():
            yield from _queries(part)
    elif isinstance(node, list):
        for part in node:
            yield from _queries(part)


_PROCEDURES: Final = "\n".join(
    procedure
    for file in (*sorted((_MIGRATIONS / "postgres").glob("*.sql")), *sorted((_MIGRATIONS / "citus").glob("*.sql")))
    for procedure in re.findall(r"CREATE (?:OR REPLACE )?PROCEDURE.*?\$\$;", file.read_text(), re.DOTALL)
)
_OF_PROCEDURES: Final = {
    f"procedure {place}": query
    for place, query in enumerate(_queries(pglast.parse_plpgsql(_PROCEDURES)))
    if query.startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))
}
_STATEMENTS: Final = _OF_PROCEDURES | {
    f"{module.__name__.rpartition('.')[2]}.{name}{'' if place == 0 else place}": text
    for module in _modules()
    for name, value in vars(module).items()
    if name.startswith("_") and name.upper() == name
    for place, text in enumerate(_texts(value))
    if text.strip().startswith(_VERBS)
}


class _Scopes(Visitor):
    """Each part of a statement that names tables: the tables, the conditions for all rows, and whether it writes."""

    def __init__(self) -> None:
        self.parts: list[tuple[list[Any], list[Any], bool]] = []
        self.inserts: list[Any] = []

    def visit_SelectStmt(self, _: object, node: Any) -> None:  # noqa: N802 - the parser's name
        conditions = list(_all_of(node.whereClause))
        tables = [table for item in node.fromClause or () for table in _tables(item, conditions)]
        self.parts.append((tables, conditions, bool(node.lockingClause)))

    def visit_UpdateStmt(self, _: object, node: Any) -> None:  # noqa: N802
        assert not node.fromClause, "an UPDATE takes nothing from elsewhere"
        self.parts.append(([node.relation], list(_all_of(node.whereClause)), True))

    def visit_DeleteStmt(self, _: object, node: Any) -> None:  # noqa: N802
        assert not node.usingClause, "a DELETE takes nothing from elsewhere"
        self.parts.append(([node.relation], list(_all_of(node.whereClause)), True))

    def visit_InsertStmt(self, _: object, node: Any) -> None:  # noqa: N802
        self.inserts.append(node)


def _reach(statement: str) -> str:
    """Where Citus executes it: `here`, on `one shard`, on `several shards`, or on `all machines`."""
    scopes = _scopes(statement)
    tables = [(table, conditions) for tables, conditions, _ in scopes.parts for table in tables]
    if any(it.relation.relname in _KEYS for it in scopes.inserts):
        return "one shard"
    of_shards = [(table, conditions) for table, conditions in tables if table.relname in _KEYS]
    if of_shards and any(table.relname in _ON_COORDINATOR for table, _ in tables):
        return "the coordinator and shards"
    if of_shards:
        all_one = all(any(_names_key(it, table, one=True) for it in conditions) for table, conditions in of_shards)
        return "one shard" if all_one else "several shards"
    written = [it.relation.relname for it in scopes.inserts]
    written += [table.relname for tables, _, writes in scopes.parts if writes for table in tables]
    if any(name in _ON_COORDINATOR for name in written):
        return "the coordinator"
    return "all machines" if any(name in _EVERYWHERE for name in written) else "here"


def _is(node: object, kind: type) -> bool:
    """isinstance that does not narrow the type for mypy: the parser's types allow None everywhere."""
    return isinstance(node, kind)


def _all_of(condition: Any) -> Iterator[Any]:
    """The parts of a condition that are joined by AND."""
    if _is(condition, sql.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
        for part in condition.args:
            yield from _all_of(part)
    elif condition is not None:
        yield condition


def _tables(item: Any, conditions: list[Any]) -> Iterator[Any]:
    if _is(item, sql.RangeVar):
        yield item
    elif _is(item, sql.JoinExpr):
        conditions.extend(_all_of(item.quals))
        yield from _tables(item.larg, conditions)
        yield from _tables(item.rarg, conditions)


def _scopes(statement: str) -> _Scopes:
    scopes = _Scopes()
    scopes(pglast.parse_sql(statement))
    return scopes


def _names_key(condition: Any, table: Any, *, one: bool) -> bool:
    """Whether `condition` compares the key of `table` with a parameter or, if not `one`, with an array of keys."""
    kinds = [A_Expr_Kind.AEXPR_OP] if one else [A_Expr_Kind.AEXPR_OP, A_Expr_Kind.AEXPR_OP_ANY]
    if not (_is(condition, sql.A_Expr) and condition.kind in kinds and condition.name[0].sval == "="):
        return False
    if not _is(condition.lexpr, sql.ColumnRef):
        return False
    *of, column = [field.sval for field in condition.lexpr.fields]
    value = condition.rexpr.arg if isinstance(condition.rexpr, sql.TypeCast) else condition.rexpr
    name = table.alias.aliasname if table.alias else table.relname
    return column == _KEYS[table.relname] and of in ([], [name]) and _is_parameter(value)


def _is_parameter(value: Any) -> bool:
    """Whether the value is a parameter. In a procedure, a parameter has a name."""
    in_procedure = _is(value, sql.ColumnRef) and [field.sval for field in value.fields] == ["this_list"]
    return isinstance(value, sql.ParamRef) or in_procedure


@pytest.mark.parametrize("name", sorted(_STATEMENTS.keys() - _ONLY_WITHOUT_WORKERS - _OF_THE_AUDIT))
def test_a_statement_on_a_distributed_table_names_its_key(name: str) -> None:
    scopes = _scopes(_STATEMENTS[name])

    for tables, conditions, writes in scopes.parts:
        for table in tables:
            assert table.relname in {*_KEYS, *_EVERYWHERE, *_ON_COORDINATOR, *_OF_NO_SHARD}
            if table.relname in _KEYS:
                assert any(_names_key(condition, table, one=writes) for condition in conditions), table.relname
    for insert in scopes.inserts:
        if insert.relation.relname in _KEYS:
            key = _KEYS[insert.relation.relname]
            assert key in {column.name for column in insert.cols}
            assert (
                key in {column.name for column in insert.onConflictClause.infer.indexElems}
                if (insert.onConflictClause)
                else True
            )


@pytest.mark.parametrize("name", _STATEMENTS)
def test_a_statement_uses_nothing_that_postgresqls_relatives_lack(name: str) -> None:
    assert _FORBIDDEN.findall(_STATEMENTS[name]) == []


def test_the_reach_of_every_statement_is_in_the_list() -> None:
    """A statement that reaches more than before fails here, and its author has to know."""
    lines = [f"{_reach(text)}: {name}" for name, text in _STATEMENTS.items() if not name.startswith("procedure")]

    assert sorted(lines) == _LIST.read_text().splitlines()


def test_no_statement_of_a_cluster_reads_the_coordinator_and_shards_at_once() -> None:
    """Citus would send the whole table of the coordinator to the shards."""
    both = {name for name, text in _STATEMENTS.items() if _reach(text) == "the coordinator and shards"}

    assert both <= _ONLY_WITHOUT_WORKERS


def test_requests_of_the_block_api_and_the_gate_write_to_no_table_that_every_machine_has() -> None:
    """Such a write needs every worker, and a commit in two phases."""
    modules_of_requests = (
        "answered_requests",
        "checks",
        "linked_checks",
        "links",
        "lists",
        "reads",
        "settling",
        "together",
        "procedure",
    )
    written = [name for name, text in _STATEMENTS.items() if _reach(text) == "all machines"]

    assert [name for name in written if _home(name) in modules_of_requests] == []
    assert set(written) >= _RARELY_BY_A_REQUEST


def test_the_rules_detect_violations() -> None:
    bad = [
        "SELECT 1 FROM blocked_user WHERE identity = $1",
        "SELECT 1 FROM blocked_user WHERE list_id = $1 OR seq = $2",
        "SELECT 1 FROM block_list WHERE list_id = ANY($1) FOR UPDATE",
        "DELETE FROM last_inbound WHERE phone_number_id = ANY($1)",
        "UPDATE block_list SET size = 0",
        "SELECT 1 FROM upstream JOIN downstream ON true WHERE upstream.phone_number_id = $1",
    ]

    for statement in bad:
        tables, conditions, writes = _scopes(statement).parts[0]
        missed = [it for it in tables if not any(_names_key(one, it, one=writes) for one in conditions)]
        assert missed, statement


def test_the_statements_are_found() -> None:
    assert len(_STATEMENTS) > 50
    assert len(_OF_PROCEDURES) == 46
    assert {"lists._LOCK", "checks._ROWS", "links._LEARN", "directory._REMOVE_REST3"} <= set(_STATEMENTS)


class _Calls(ast.NodeVisitor):
    """The database calls in a module, each with its function."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ast.expr, list[ast.expr]]] = []
        self._where: list[str] = []

    def _enter(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._where.append(node.name)
        self.generic_visit(node)
        self._where.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _enter  # noqa: N815 - as ast names them

    def visit_Call(self, node: ast.Call) -> None:
        methods = ("fetch", "fetchrow", "fetchval", "execute", "executemany")
        if isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            self.calls.append((self._where[0] if self._where else "", node.args[0], node.args[1:]))
        self.generic_visit(node)


def _calls(module: ModuleType) -> _Calls:
    calls = _Calls()
    calls.visit(ast.parse(inspect.getsource(module)))
    return calls


@pytest.mark.parametrize("module", _modules(), ids=lambda module: module.__name__)
def test_no_statement_is_built_where_it_is_used(module: ModuleType) -> None:
    for _, statement, _ in _calls(module).calls:
        if isinstance(statement, ast.Constant):
            assert str(statement.value).startswith(("SET ", "SHOW "))
        else:
            assert isinstance(statement, ast.Name | ast.Subscript)


@pytest.mark.parametrize("module", _modules(), ids=lambda module: module.__name__)
def test_a_transaction_writes_to_one_list(module: ModuleType) -> None:
    written: dict[str, set[str]] = {}
    for where, statement, args in _calls(module).calls:
        text = vars(module).get(statement.id, "") if isinstance(statement, ast.Name) else ""
        if isinstance(text, str) and _writes_to_lists(text):
            key = args[0].value if isinstance(args[0], ast.Starred) else args[0]
            if isinstance(key, ast.ListComp) and isinstance(key.elt, ast.Tuple):  # of executemany
                key = key.elt.elts[0]
            written.setdefault(where, set()).add(ast.unparse(key).removeprefix("*"))

    assert {where: keys for where, keys in written.items() if len(keys) > 1} == {}


def _writes_to_lists(statement: str) -> bool:
    if not statement.strip().startswith(_VERBS):
        return False
    scopes = _scopes(statement)
    written = [table.relname for tables, _, writes in scopes.parts if writes for table in tables]
    return any(name in _KEYS for name in [*written, *(insert.relation.relname for insert in scopes.inserts)])


def _made_by(folder: str) -> str:
    return "\n".join(file.read_text() for file in sorted((_MIGRATIONS / folder).glob("*.sql")))


def test_every_table_is_declared_to_citus() -> None:
    tables = {*re.findall(r"CREATE TABLE (\w+)", _made_by("postgres")), "wablock_schema"}
    kinds = "reference_table|distributed_table|undistribute_table|local_table_to_metadata"
    declarations = re.findall(rf"({kinds})\('(\w+)'(?:, '(\w+)')?", _made_by("citus"))
    declared: dict[str, tuple[str, str]] = {}
    for kind, table, key in declarations:
        if kind == "undistribute_table":
            del declared[table]
        else:
            assert table not in declared
            declared[table] = kind, key

    assert set(declared) == tables
    assert {table: key for table, (kind, key) in declared.items() if kind == "distributed_table"} == _KEYS
    assert {table for table, (kind, _) in declared.items() if kind == "reference_table"} == _EVERYWHERE
    assert {table for table, (kind, _) in declared.items() if kind == "local_table_to_metadata"} == _ON_COORDINATOR


def test_a_set_of_rows_for_one_place_can_be_written_one_by_one() -> None:
    """Citus makes a set with a COPY and, on a worker, with a two-phase commit."""
    sets = {(_home(name), _inserted(text)) for name, text in _STATEMENTS.items() if _inserts_a_set(text)}
    ones = {(_home(name), _inserted(text)) for name, text in _STATEMENTS.items() if _inserts_one(text)}

    assert {"procedure", "lists", "links"} <= {home for home, _ in sets}
    assert {(home, table) for home, table in sets if table in {*_KEYS, *_ON_COORDINATOR}} <= ones


def _home(name: str) -> str:
    """The module, or `procedure`."""
    return re.split(r"[. ]", name)[0]


def _inserted(statement: str) -> str:
    inserts = _scopes(statement).inserts
    return inserts[0].relation.relname if inserts else ""


def _inserts_a_set(statement: str) -> bool:
    """Whether it inserts rows that are not in a table, and not written out."""
    return any(not it.selectStmt.valuesLists and not _has_table(it.selectStmt) for it in _scopes(statement).inserts)


def _has_table(query: Any) -> bool:
    return any(True for item in query.fromClause or () for _ in _tables(item, []))


def _inserts_one(statement: str) -> bool:
    return any(len(it.selectStmt.valuesLists or ()) == 1 for it in _scopes(statement).inserts)


def test_every_unique_key_of_a_distributed_table_has_the_shards_key() -> None:
    unique = []
    for raw in pglast.parse_sql(_made_by("postgres")):
        statement: Any = raw.stmt
        if _is(statement, sql.IndexStmt) and statement.unique:
            unique.append((statement.relation.relname, [param.name for param in statement.indexParams]))
        if _is(statement, sql.CreateStmt):
            unique += [(statement.relation.relname, columns) for columns in _keys_of(statement)]

    of_shards = [(table, columns) for table, columns in unique if table in _KEYS]
    assert len(of_shards) >= len(_KEYS)
    assert [it for it in of_shards if _KEYS[it[0]] not in it[1]] == []


def _keys_of(table: Any) -> Iterator[list[str]]:
    for element in table.tableElts:
        constraints = [element] if _is(element, sql.Constraint) else element.constraints or ()
        for constraint in constraints:
            if constraint.contype.name in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
                yield [key.sval for key in constraint.keys] if constraint.keys else [element.colname]


def test_ids_are_compared_byte_by_byte() -> None:
    ids = {
        "list_id",
        "phone_number_id",
        "account_id",
        "waba_id",
        "downstream_id",
        "identity",
        "alias",
        "wa_id",
        "user_id",
    }
    loose = [(table.relation.relname, column.colname) for table, column in _columns() if _is_loose(column)]

    assert [it for it in loose if it[1] in ids] == []
    assert ("blocked_user", "reason") in loose


def _columns() -> Iterator[tuple[Any, Any]]:
    tables: list[Any] = [raw.stmt for raw in pglast.parse_sql(_made_by("postgres"))]
    for table in tables:
        if _is(table, sql.CreateStmt):
            yield from ((table, column) for column in table.tableElts if _is(column, sql.ColumnDef))


def _is_loose(column: Any) -> bool:
    return column.collClause is None or column.collClause.collname[0].sval != "C"
