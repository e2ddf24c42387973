"""`wablock migrate`."""

import asyncio
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.cli.command import called, without_warning
from tests.many_users import LISTS, NOON, with_users
from tests.postgres import bare_database, connected, execute
from tests.storage.meters import CountingMeter
from tests.storage.old_rows import full_database
from tests.storage.version_before import fill_sqlite
from tests.triggers import make_trigger

from wablock.access import Scope
from wablock.block_list.ports import PageRequest
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
    with closing(apsw.Connection(str(path))) as connection:  # of whom no number is known
        connection.execute("INSERT INTO identity_alias VALUES ('account0', 'US.ENT.1', 'US.no_number', NULL)")
    return path


@pytest.fixture
def old(filled: Path, tmp_path: Path) -> str:
    """The URL of a database of its own, with everything in it."""
    shutil.copyfile(filled, tmp_path / "wablock.db")
    return f"sqlite:///{tmp_path / 'wablock.db'}"


@pytest.fixture
def new(tmp_path: Path) -> str:
    """The URL of an empty database on PostgreSQL."""
    return bare_database(tmp_path)


def everything(url: str) -> list[Any]:
    """All that the ports show of a database."""

    async def shown() -> list[Any]:
        store = open_store(url, CountingMeter())
        try:
            return [it async for it in _shown(store)]
        finally:
            await store.close()

    return asyncio.run(shown())


async def _shown(store: Store) -> Any:
    yield await store.numbers()
    yield sorted(await store.tokens(), key=lambda token: token.digest)
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


def test_everything_is_moved_as_it_was(old: str, new: str) -> None:
    before = everything(old)

    moved = called("migrate", "--from", old, "--to", new)

    assert moved.returncode == 0, moved.stderr
    assert everything(new) == before
    assert len(before[1]) == 3
    assert {Scope.READ, Scope.WRITE} in [token.scopes for token in before[1]]


def test_a_database_of_the_version_before_is_moved_with_todays_keys(tmp_path: Path, new: str) -> None:
    before, users = full_database(6)
    fill_sqlite(tmp_path / "wablock.db", before)

    moved = called("migrate", "--from", f"sqlite:///{tmp_path / 'wablock.db'}", "--to", new)

    assert moved.returncode == 0, moved.stderr
    kept = [identity for (identity,) in rows(new, "SELECT identity FROM blocked_user")]
    assert len(kept) == 3 * len(users)
    assert [identity for identity in kept if one_spelling(identity) != identity] == []
    assert rows(new, "SELECT works_with FROM wablock_schema") == [(2,)]
    assert rows(new, "SELECT older_are_gone FROM wablock_rekeying") == []


def test_missing_rows_beside_those_in_postgresql_are_filled_in(old: str, new: str) -> None:
    called("migrate", "--from", old, "--to", new)

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
    called("migrate", "--from", old, "--to", new)

    with closing(apsw.Connection(str(tmp_path / "wablock.db"))) as connection:
        for query in (
            "SELECT account_id, alias, identity, wa_id FROM identity_alias ORDER BY 1, 2",
            "SELECT phone_number_id, identity, at FROM last_inbound ORDER BY 1, 2",
        ):
            found = connection.execute(query).fetchall()
            assert rows(new, query) == found
            assert found


def test_nothing_of_the_move_is_left_in_the_new_database(old: str, new: str) -> None:
    called("migrate", "--from", old, "--to", new)

    assert rows(new, "SELECT to_regclass('wablock_move')") == [(None,)]
    assert called("number", "add", "1", "--database", new).returncode == 0


def test_people_see_both_checksums_of_every_table_and_programs_all_of_them(old: str, new: str, tmp_path: Path) -> None:
    for_people = called("migrate", "--from", old, "--to", new, "--copy")
    for_programs = called("migrate", "--from", old, "--to", bare_database(tmp_path / "b"), "--json")

    told = json.loads(for_programs.stdout)
    assert told["equal"]
    assert told["old_sha256"] == told["new_sha256"]
    tables = {it["table"]: it for it in told["tables"]}
    assert tables["blocked_user"]["old"] == tables["blocked_user"]["new"]
    assert tables["blocked_user"]["old"]["rows"] == USERS
    assert for_people.stdout.count(tables["blocked_user"]["old"]["sha256"][:16]) == 2


def test_the_old_database_takes_no_changes_any_more_and_says_where_it_went(old: str, new: str) -> None:
    called("migrate", "--from", old, "--to", new)

    refused = called("number", "add", "1", "--database", old)

    assert refused.returncode == 2
    assert "was moved to postgresql://" in refused.stderr


def test_it_is_moved_once(old: str, new: str, tmp_path: Path) -> None:
    called("migrate", "--from", old, "--to", new)

    again = called("migrate", "--from", old, "--to", new)
    elsewhere = called("migrate", "--from", old, "--to", bare_database(tmp_path / "b"))

    assert (again.returncode, elsewhere.returncode) == (2, 2)
    assert "is not empty" in again.stderr
    assert "already" in elsewhere.stderr


def test_a_rehearsal_leaves_the_old_one_as_the_one_that_counts(old: str, new: str) -> None:
    rehearsed = called("migrate", "--from", old, "--to", new, "--copy")

    assert rehearsed.returncode == 0, rehearsed.stderr
    assert "still in use" in rehearsed.stdout
    assert everything(new) == everything(old)
    assert called("number", "add", "1", "--database", old).returncode == 0


_SPOILS = """
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NEW.note := coalesce(NEW.note, '') || '!'; RETURN NEW; END $$;
CREATE TRIGGER spoil BEFORE INSERT ON blocked_user FOR EACH ROW WHEN (NEW.seq % 100 = 0) EXECUTE FUNCTION spoil();
"""


def test_the_old_database_counts_if_both_sides_differ(old: str, new: str) -> None:
    make_trigger(new, _SPOILS)

    moved = called("migrate", "--from", old, "--to", new)

    assert moved.returncode == 1
    assert "The checksums differ" in moved.stdout
    assert called("number", "add", "1", "--database", old).returncode == 0
    with pytest.raises(CannotOpen, match="half moved"):
        open_store(new, CountingMeter())


def test_after_both_sides_differed_it_is_moved_again_from_the_beginning(old: str, new: str) -> None:
    make_trigger(new, _SPOILS)
    called("migrate", "--from", old, "--to", new)
    execute(new, "DROP TRIGGER spoil ON blocked_user")
    called("number", "add", "1", "--database", old)
    before = everything(old)

    moved = called("migrate", "--from", old, "--to", new)

    assert moved.returncode == 0, moved.stderr
    assert everything(new) == before


_REFUSES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON last_inbound FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def broken_off(old: str, new: str) -> str:
    """The output of a move that stopped in the middle."""
    make_trigger(new, _REFUSES)
    refused = called("migrate", "--from", old, "--to", new)
    execute(new, "DROP TRIGGER refuse ON last_inbound")
    assert refused.returncode == 2
    return refused.stderr


def test_the_reason_of_a_failed_move_is_one_line_with_what_to_do(broken_off: str, old: str) -> None:
    assert "interrupted: no room" in broken_off
    assert "Run the same command again to continue" in broken_off
    assert f"wablock migrate --give-up --from {old}" in broken_off
    assert broken_off.count("\n") == 1


@pytest.mark.usefixtures("broken_off")
def test_a_move_that_was_broken_off_goes_on_where_it_was(old: str, new: str) -> None:
    execute(new, _REFUSES.replace("last_inbound", "blocked_user").replace("refuse", "refuse_again"))

    moved = called("migrate", "--from", old, "--to", new, "--json")

    assert json.loads(moved.stdout)["went_on"]
    assert moved.returncode == 0


@pytest.mark.usefixtures("broken_off")
def test_a_move_that_was_broken_off_keeps_both_sides_closed(old: str, new: str) -> None:
    into_the_old = called("number", "add", "1", "--database", old)
    into_the_new = called("number", "add", "1", "--database", new)

    assert "is being moved" in into_the_old.stderr
    assert "half moved" in into_the_new.stderr
    assert (into_the_old.returncode, into_the_new.returncode) == (2, 2)


@pytest.mark.usefixtures("broken_off")
def test_a_move_that_is_given_up_opens_the_old_one(old: str, new: str) -> None:
    given_up = called("migrate", "--from", old, "--give-up")

    assert given_up.returncode == 0, given_up.stderr
    assert called("number", "add", "1", "--database", old).returncode == 0
    assert "half moved" in called("number", "add", "1", "--database", new).stderr


@pytest.mark.usefixtures("broken_off")
def test_after_it_was_given_up_it_is_moved_from_the_beginning(old: str, new: str) -> None:
    called("migrate", "--from", old, "--give-up")
    called("number", "add", "1", "--database", old)
    before = everything(old)

    moved = called("migrate", "--from", old, "--to", new, "--json")

    assert not json.loads(moved.stdout)["went_on"]
    assert everything(new) == before


@pytest.mark.usefixtures("broken_off")
def test_half_of_another_database_is_left_alone(new: str, filled: Path, tmp_path: Path) -> None:
    shutil.copyfile(filled, tmp_path / "another.db")
    another = f"sqlite:///{tmp_path / 'another.db'}"

    refused = called("migrate", "--from", another, "--to", new)

    assert refused.returncode == 2
    assert "a part of another move" in refused.stderr
    assert called("number", "add", "1", "--database", another).returncode == 0


@pytest.mark.usefixtures("broken_off")
def test_a_move_that_was_broken_off_may_go_elsewhere(old: str, new: str, tmp_path: Path) -> None:
    moved = called("migrate", "--from", old, "--to", bare_database(tmp_path / "b"))

    assert moved.returncode == 0, moved.stderr
    assert "already" in called("migrate", "--from", old, "--to", new).stderr


@pytest.mark.usefixtures("broken_off")
def test_a_move_that_was_killed_between_closing_one_side_and_opening_the_other_is_ended(
    old: str, new: str, tmp_path: Path
) -> None:
    begun = moves.of_file(tmp_path / "wablock.db")
    assert begun is not None
    moves.finish(tmp_path / "wablock.db", begun.move_id)

    moved = called("migrate", "--from", old, "--to", new)

    assert moved.returncode == 0, moved.stderr
    assert called("number", "add", "1", "--database", new).returncode == 0


def test_the_rest_of_an_interrupted_rehearsal_is_in_no_ones_way(old: str, new: str) -> None:
    make_trigger(new, _REFUSES)
    rehearsed = called("migrate", "--from", old, "--to", new, "--copy")
    execute(new, "DROP TRIGGER refuse ON last_inbound")
    written_meanwhile = called("number", "add", "1", "--database", old)

    moved = called("migrate", "--from", old, "--to", new)

    assert rehearsed.returncode == 2
    assert "The old database is unchanged" in rehearsed.stderr
    assert (written_meanwhile.returncode, moved.returncode) == (0, 0)


def test_a_role_that_may_make_no_tables_gets_an_error_and_the_old_database_stays_open(old: str, new: str) -> None:
    schema = new.rpartition("search_path=")[2]
    role = f"reads_{schema}"
    execute(new, f"CREATE ROLE {role}; GRANT {role} TO CURRENT_USER; GRANT USAGE ON SCHEMA {schema} TO {role}")

    refused = called("migrate", "--from", old, "--to", f"{new}&role={role}")

    execute(new, f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert refused.returncode == 2
    assert "permission denied" in refused.stderr
    assert "The old database is unchanged" in refused.stderr
    assert called("number", "add", "1", "--database", old).returncode == 0


def test_a_damaged_database_is_not_moved(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "wablock.db"
    with closing(apsw.Connection(str(path))) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'blocked_user'").get
    with path.open("rb+") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)

    refused = called("migrate", "--from", old, "--to", new)

    assert refused.returncode == 2
    assert "malformed" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_going_back_after_a_move_has_to_be_meant(old: str, new: str) -> None:
    called("migrate", "--from", old, "--to", new)

    refused = called("migrate", "--from", old, "--give-up")
    meant = called("migrate", "--from", old, "--give-up", "--yes")

    assert refused.returncode == 2
    assert "add --yes" in refused.stderr
    assert meant.returncode == 0
    assert called("number", "add", "1", "--database", old).returncode == 0


def test_a_database_in_use_is_no_target(old: str, new: str) -> None:
    called("number", "add", "1", "--database", new)

    refused = called("migrate", "--from", old, "--to", new)

    assert refused.returncode == 2
    assert "is not empty" in refused.stderr
    assert called("number", "add", "2", "--database", old).returncode == 0


def test_another_programs_database_is_no_target_and_left_alone(old: str, new: str) -> None:
    execute(new, "CREATE TABLE account (id INTEGER)")

    refused = called("migrate", "--from", old, "--to", new)

    assert refused.returncode == 2
    assert "a table account that is not wablock's" in refused.stderr
    assert rows(new, "SELECT to_regclass('wablock_schema')") == [(None,)]


def test_a_text_with_a_nul_which_postgresql_cannot_hold_is_moved_without_it(old: str, new: str, tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / "wablock.db"))) as connection:
        connection.execute("UPDATE blocked_user SET note = 'a' || char(0) || 'b' WHERE seq = ?", (NOON,))

    moved = called("migrate", "--from", old, "--to", new)

    assert moved.returncode == 0, moved.stderr
    assert rows(new, f"SELECT note FROM blocked_user WHERE seq = {NOON}") == [("a\N{REPLACEMENT CHARACTER}b",)]


@pytest.mark.parametrize(
    "arguments,said",
    [
        (("--from", "sqlite:///{folder}/none.db", "--to", "postgresql://h/d"), "There is no database"),
        (("--from", "sqlite:///{folder}/none.db", "--give-up"), "There is no database"),
        (("--from", "{old}", "--give-up"), "There is no move of"),
        (("--from", "{old}"), "write --to postgresql://"),
        (("--from", "{old}", "--to", "{old}"), "write --to postgresql://"),
        (("--from", "postgresql://u:secret@h/d", "--to", "{old}"), "write --from sqlite:///"),
        (("--from", "{old}", "--to", "postgresql://u:secret@127.0.0.1:1/d"), "postgresql://u@127.0.0.1:1/d"),
        (("--from", "{old}", "--to", "postgresql://127.0.0.1:1/d?user=u&password=secret"), "127.0.0.1:1/d"),
        (("--from", "{old}", "--to", "postgresql://u:secret@127.0.0.1:x/d"), "Cannot open the database"),
        (("--from", "postgre://u:secret@h/d", "--to", "postgresql://h/d"), "Cannot read the database URL"),
    ],
)
def test_a_failure_is_one_line_and_status_2_without_the_password(
    old: str, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = called("migrate", *(it.format(old=old, folder=tmp_path) for it in arguments))

    assert refused.returncode == 2
    assert said in refused.stderr
    assert "secret" not in refused.stderr
    assert without_warning(refused.stderr).count("\n") == 1
    assert called("number", "add", "1", "--database", old).returncode == 0
