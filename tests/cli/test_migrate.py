"""`wablock migrate`."""

import asyncio
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.cli.command import run_here, without_warning
from tests.many_users import LISTS, NOON, with_users
from tests.postgres import bare_database, connected, execute
from tests.storage.meters import CountingMeter
from tests.storage.old_rows import full_database
from tests.storage.version_before import fill_sqlite
from tests.triggers import make_trigger

from wablock.access import Scope
from wablock.block_list.pages import PageRequest
from wablock.contract.spellings import one_spelling
from wablock.storage import CannotOpen, Store, open_store
from wablock.storage.sqlite import moves

USERS = 300
ACCOUNTS = ("account0", "account1", "account2")
NUMBERS = [f"10654035224{index}" for index in range(LISTS)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "wablock.db"
    with_users(path, USERS)
    with closing(apsw.Connection(str(path))) as connection:  # a user without a known number
        connection.execute("INSERT INTO identity_alias VALUES ('account0', 'US.ENT.1', 'US.no_number', NULL)")
    return path


@pytest.fixture
def old(filled: Path, tmp_path: Path) -> str:
    """The URL of a copy of the database with all kinds of rows."""
    shutil.copyfile(filled, tmp_path / "wablock.db")
    return f"sqlite:///{tmp_path / 'wablock.db'}"


@pytest.fixture
def new(tmp_path: Path) -> str:
    """The URL of an empty database on PostgreSQL."""
    return bare_database(tmp_path)


def everything(url: str) -> list[Any]:
    """All rows of a database that the ports return."""

    async def read() -> list[Any]:
        store = open_store(url, CountingMeter())
        try:
            return [it async for it in _rows_of(store)]
        finally:
            await store.close()

    return asyncio.run(read())


async def _rows_of(store: Store) -> Any:
    yield await store.numbers()
    yield sorted(await store.tokens(), key=lambda token: token.digest)
    yield list(await store.business_accounts())
    for account_id in ACCOUNTS:
        yield await store.find_account(account_id)
        yield await store.account_downstreams(account_id)
    for number_id in NUMBERS:
        yield await store.page(PageRequest(number_id, 1_000, NOON, details=True))
        yield await store.downstreams(number_id)
        yield await store.find_upstream(number_id)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    async def fetched(connection: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await connection.fetch(query)]

    return connected(url, fetched)


def test_everything_is_moved_unchanged(old: str, new: str) -> None:
    before = everything(old)

    moved = run_here("migrate", "--from", old, "--to", new)

    assert moved.returncode == 0, moved.stderr
    assert everything(new) == before
    assert len(before[1]) == 3
    assert {Scope.READ, Scope.WRITE} in [token.scopes for token in before[1]]


def test_a_database_of_an_older_version_is_moved_with_current_keys(tmp_path: Path, new: str) -> None:
    before, users = full_database(6)
    fill_sqlite(tmp_path / "wablock.db", before)

    moved = run_here("migrate", "--from", f"sqlite:///{tmp_path / 'wablock.db'}", "--to", new)

    assert moved.returncode == 0, moved.stderr
    kept = [identity for (identity,) in rows(new, "SELECT identity FROM blocked_user")]
    assert len(kept) == 3 * len(users)
    assert [identity for identity in kept if one_spelling(identity) != identity] == []
    assert rows(new, "SELECT works_with FROM wablock_schema") == [(2,)]
    assert rows(new, "SELECT older_are_gone FROM wablock_rekeying") == []


def test_missing_rows_in_postgresql_are_added(old: str, new: str) -> None:
    run_here("migrate", "--from", old, "--to", new)

    lists = rows(new, "SELECT list_id, account_id FROM block_list WHERE account_id <> '' ORDER BY 1")
    assert len(lists) == LISTS
    assert rows(new, "SELECT list_id, account_id FROM account_list ORDER BY 1") == lists
    assert rows(new, "SELECT DISTINCT revision, writers FROM block_list") == [(1, [])]
    assert rows(new, "SELECT DISTINCT settled FROM identity_alias") == [(True,)]
    assert rows(new, "SELECT list_id, next_expiry FROM block_list ORDER BY 1") == rows(
        new,
        "SELECT list_id, min(expires_at) FROM block_list LEFT JOIN blocked_user USING (list_id) GROUP BY 1 ORDER BY 1",
    )


def test_times_of_last_messages_and_links_are_moved(old: str, new: str, tmp_path: Path) -> None:
    run_here("migrate", "--from", old, "--to", new)

    with closing(apsw.Connection(str(tmp_path / "wablock.db"))) as connection:
        for query in (
            "SELECT account_id, alias, identity, wa_id FROM identity_alias ORDER BY 1, 2",
            "SELECT phone_number_id, identity, at FROM last_inbound ORDER BY 1, 2",
        ):
            old_rows = connection.execute(query).fetchall()
            assert rows(new, query) == old_rows
            assert old_rows


def test_the_move_leaves_nothing_behind_in_the_new_database(old: str, new: str) -> None:
    run_here("migrate", "--from", old, "--to", new)

    assert rows(new, "SELECT to_regclass('wablock_move')") == [(None,)]
    assert run_here("number", "add", "1", "--database", new).returncode == 0


def test_people_see_both_checksums_of_every_table_and_programs_all_of_them(old: str, new: str, tmp_path: Path) -> None:
    for_people = run_here("migrate", "--from", old, "--to", new, "--copy")
    for_programs = run_here("migrate", "--from", old, "--to", bare_database(tmp_path / "b"), "--json")

    report = json.loads(for_programs.stdout)
    assert report["equal"]
    assert report["old_sha256"] == report["new_sha256"]
    tables = {it["table"]: it for it in report["tables"]}
    assert tables["blocked_user"]["old"] == tables["blocked_user"]["new"]
    assert tables["blocked_user"]["old"]["rows"] == USERS
    assert for_people.stdout.count(tables["blocked_user"]["old"]["sha256"][:16]) == 2


def test_the_old_database_refuses_changes_and_names_the_new_one(old: str, new: str) -> None:
    run_here("migrate", "--from", old, "--to", new)

    refused = run_here("number", "add", "1", "--database", old)

    assert refused.returncode == 2
    assert "was moved to postgresql://" in refused.stderr


def test_a_database_is_moved_once(old: str, new: str, tmp_path: Path) -> None:
    run_here("migrate", "--from", old, "--to", new)

    again = run_here("migrate", "--from", old, "--to", new)
    elsewhere = run_here("migrate", "--from", old, "--to", bare_database(tmp_path / "b"))

    assert (again.returncode, elsewhere.returncode) == (2, 2)
    assert "is not empty" in again.stderr
    assert "already" in elsewhere.stderr


def test_after_a_rehearsal_the_old_database_stays_in_use(old: str, new: str) -> None:
    rehearsed = run_here("migrate", "--from", old, "--to", new, "--copy")

    assert rehearsed.returncode == 0, rehearsed.stderr
    assert "still in use" in rehearsed.stdout
    assert everything(new) == everything(old)
    assert run_here("number", "add", "1", "--database", old).returncode == 0


_SPOILS = """
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NEW.note := coalesce(NEW.note, '') || '!'; RETURN NEW; END $$;
CREATE TRIGGER spoil BEFORE INSERT ON blocked_user FOR EACH ROW WHEN (NEW.seq % 100 = 0) EXECUTE FUNCTION spoil();
"""


def test_the_old_database_stays_in_use_if_both_sides_differ(old: str, new: str) -> None:
    make_trigger(new, _SPOILS)

    moved = run_here("migrate", "--from", old, "--to", new)

    assert moved.returncode == 1
    assert "The checksums differ" in moved.stdout
    assert run_here("number", "add", "1", "--database", old).returncode == 0
    with pytest.raises(CannotOpen, match="half moved"):
        open_store(new, CountingMeter())


def test_after_a_difference_the_move_starts_from_the_beginning(old: str, new: str) -> None:
    make_trigger(new, _SPOILS)
    run_here("migrate", "--from", old, "--to", new)
    execute(new, "DROP TRIGGER spoil ON blocked_user")
    run_here("number", "add", "1", "--database", old)
    before = everything(old)

    moved = run_here("migrate", "--from", old, "--to", new)

    assert moved.returncode == 0, moved.stderr
    assert everything(new) == before


_REFUSES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON last_inbound FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def broken_off(old: str, new: str) -> str:
    """The error output of a move that stopped in the middle."""
    make_trigger(new, _REFUSES)
    refused = run_here("migrate", "--from", old, "--to", new)
    execute(new, "DROP TRIGGER refuse ON last_inbound")
    assert refused.returncode == 2
    return refused.stderr


def test_the_error_of_a_failed_move_is_one_line_with_advice(broken_off: str, old: str) -> None:
    assert "interrupted: no room" in broken_off
    assert "Run the same command again to continue" in broken_off
    assert f"wablock migrate --give-up --from {old}" in broken_off
    assert broken_off.count("\n") == 1


@pytest.mark.usefixtures("broken_off")
def test_an_interrupted_move_continues_where_it_stopped(old: str, new: str) -> None:
    execute(new, _REFUSES.replace("last_inbound", "blocked_user").replace("refuse", "refuse_again"))

    moved = run_here("migrate", "--from", old, "--to", new, "--json")

    assert json.loads(moved.stdout)["went_on"]
    assert moved.returncode == 0


@pytest.mark.usefixtures("broken_off")
def test_an_interrupted_move_keeps_both_sides_closed(old: str, new: str) -> None:
    into_the_old = run_here("number", "add", "1", "--database", old)
    into_the_new = run_here("number", "add", "1", "--database", new)

    assert "is being moved" in into_the_old.stderr
    assert "half moved" in into_the_new.stderr
    assert (into_the_old.returncode, into_the_new.returncode) == (2, 2)


@pytest.mark.usefixtures("broken_off")
def test_giving_up_a_move_opens_the_old_database(old: str, new: str) -> None:
    given_up = run_here("migrate", "--from", old, "--give-up")

    assert given_up.returncode == 0, given_up.stderr
    assert run_here("number", "add", "1", "--database", old).returncode == 0
    assert "half moved" in run_here("number", "add", "1", "--database", new).stderr


@pytest.mark.usefixtures("broken_off")
def test_after_giving_up_a_move_starts_from_the_beginning(old: str, new: str) -> None:
    run_here("migrate", "--from", old, "--give-up")
    run_here("number", "add", "1", "--database", old)
    before = everything(old)

    moved = run_here("migrate", "--from", old, "--to", new, "--json")

    assert not json.loads(moved.stdout)["went_on"]
    assert everything(new) == before


@pytest.mark.usefixtures("broken_off")
def test_half_of_another_database_is_not_changed(new: str, filled: Path, tmp_path: Path) -> None:
    shutil.copyfile(filled, tmp_path / "another.db")
    another = f"sqlite:///{tmp_path / 'another.db'}"

    refused = run_here("migrate", "--from", another, "--to", new)

    assert refused.returncode == 2
    assert "a part of another move" in refused.stderr
    assert run_here("number", "add", "1", "--database", another).returncode == 0


@pytest.mark.usefixtures("broken_off")
def test_an_interrupted_move_may_get_another_target(old: str, new: str, tmp_path: Path) -> None:
    moved = run_here("migrate", "--from", old, "--to", bare_database(tmp_path / "b"))

    assert moved.returncode == 0, moved.stderr
    assert "already" in run_here("migrate", "--from", old, "--to", new).stderr


@pytest.mark.usefixtures("broken_off")
def test_a_move_killed_between_closing_one_side_and_opening_the_other_is_completed(
    old: str, new: str, tmp_path: Path
) -> None:
    begun = moves.of_file(tmp_path / "wablock.db")
    assert begun is not None
    moves.finish(tmp_path / "wablock.db", begun.move_id)

    moved = run_here("migrate", "--from", old, "--to", new)

    assert moved.returncode == 0, moved.stderr
    assert run_here("number", "add", "1", "--database", new).returncode == 0


def test_the_rest_of_an_interrupted_rehearsal_does_not_matter(old: str, new: str) -> None:
    make_trigger(new, _REFUSES)
    rehearsed = run_here("migrate", "--from", old, "--to", new, "--copy")
    execute(new, "DROP TRIGGER refuse ON last_inbound")
    written_meanwhile = run_here("number", "add", "1", "--database", old)

    moved = run_here("migrate", "--from", old, "--to", new)

    assert rehearsed.returncode == 2
    assert "The old database is unchanged" in rehearsed.stderr
    assert (written_meanwhile.returncode, moved.returncode) == (0, 0)


def test_a_role_that_may_create_no_tables_gets_an_error_and_the_old_database_stays_open(old: str, new: str) -> None:
    schema = new.rpartition("search_path=")[2]
    role = f"reads_{schema}"
    execute(new, f"CREATE ROLE {role}; GRANT {role} TO CURRENT_USER; GRANT USAGE ON SCHEMA {schema} TO {role}")

    refused = run_here("migrate", "--from", old, "--to", f"{new}&role={role}")

    execute(new, f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert refused.returncode == 2
    assert "permission denied" in refused.stderr
    assert "The old database is unchanged" in refused.stderr
    assert run_here("number", "add", "1", "--database", old).returncode == 0


def test_a_damaged_database_is_not_moved(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "wablock.db"
    with closing(apsw.Connection(str(path))) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'blocked_user'").get
    with path.open("rb+") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)

    refused = run_here("migrate", "--from", old, "--to", new)

    assert refused.returncode == 2
    assert "malformed" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_going_back_after_a_move_needs_a_flag(old: str, new: str) -> None:
    run_here("migrate", "--from", old, "--to", new)

    refused = run_here("migrate", "--from", old, "--give-up")
    meant = run_here("migrate", "--from", old, "--give-up", "--yes")

    assert refused.returncode == 2
    assert "add --yes" in refused.stderr
    assert meant.returncode == 0
    assert run_here("number", "add", "1", "--database", old).returncode == 0


def test_a_database_in_use_cannot_be_a_target(old: str, new: str) -> None:
    run_here("number", "add", "1", "--database", new)

    refused = run_here("migrate", "--from", old, "--to", new)

    assert refused.returncode == 2
    assert "is not empty" in refused.stderr
    assert run_here("number", "add", "2", "--database", old).returncode == 0


def test_another_programs_database_cannot_be_a_target_and_is_not_changed(old: str, new: str) -> None:
    execute(new, "CREATE TABLE account (id INTEGER)")

    refused = run_here("migrate", "--from", old, "--to", new)

    assert refused.returncode == 2
    assert "a table account that is not wablock's" in refused.stderr
    assert rows(new, "SELECT to_regclass('wablock_schema')") == [(None,)]


def test_a_text_is_moved_without_nul_which_postgresql_cannot_store(old: str, new: str, tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / "wablock.db"))) as connection:
        connection.execute("UPDATE blocked_user SET note = 'a' || char(0) || 'b' WHERE seq = ?", (NOON,))

    moved = run_here("migrate", "--from", old, "--to", new)

    assert moved.returncode == 0, moved.stderr
    assert rows(new, f"SELECT note FROM blocked_user WHERE seq = {NOON}") == [("a\N{REPLACEMENT CHARACTER}b",)]


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("--from", "sqlite:///{folder}/none.db", "--to", "postgresql://h/d"), "There is no database"),
        (("--from", "sqlite:///{folder}/none.db", "--give-up"), "There is no database"),
        (("--from", "{old}", "--give-up"), "There is no move of"),
        (("--from", "{old}"), "write --to postgresql://"),
        (("--from", "{old}", "--to", "{old}"), "write --to postgresql://"),
        (("--from", "postgresql://u:secret@h/d", "--to", "{old}"), "write --from sqlite:///"),
        (("--from", "{old}", "--to", "postgresql://u:secret@127.0.0.1:1/d"), "postgresql://u@127.0.0.1:1/d"),
        (("--from", "{old}", "--to", "postgresql://127.0.0.1:1/d?user=u&password=secret"), "127.0.0.1:1/d"),
        (("--from", "{old}", "--to", "postgresql://u:secret@127.0.0.1:x/d"), "Cannot read the database URL"),
        (("--from", "postgre://u:secret@h/d", "--to", "postgresql://h/d"), "Cannot read the database URL"),
    ],
)
def test_a_failure_is_one_line_and_status_2_without_the_password(
    old: str, tmp_path: Path, arguments: tuple[str, ...], error: str
) -> None:
    refused = run_here("migrate", *(it.format(old=old, folder=tmp_path) for it in arguments))

    assert refused.returncode == 2
    assert error in refused.stderr
    assert "secret" not in refused.stderr
    assert without_warning(refused.stderr).count("\n") == 1
    assert run_here("number", "add", "1", "--database", old).returncode == 0
