"""A PostgreSQL database that fails as a Citus cluster does.

A worker of the cluster has a part of the lists. If it is dead, Citus reports an error of class 08 for each statement
that needs it, `connection to the remote node … failed`, and the connection to the coordinator stays alive. If packets
to the worker get lost, such a statement waits. Row-level security does the same here, for all tables with lists' rows.
A write to a table that all machines have needs every worker, and so do the triggers here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.postgres import execute, procedure_of_clusters

from wablock.storage.postgres import settling
from wablock.storage.postgres.schema import prepare

DEAD: Final = "dead"
SILENT: Final = "silent"

_ROLE: Final = "wablock_test_node"  # row-level security does not apply to a superuser
_TABLES: Final = {
    "block_list": "list_id",
    "blocked_user": "list_id",
    "last_inbound": "phone_number_id",
    "downstream": "phone_number_id",
    "upstream": "phone_number_id",
}
_EVERYWHERE: Final = ("account", "account_list", "access_token", "phone_number")
_CLUSTER: Final = f"""
DO $$ BEGIN
  CREATE ROLE {_ROLE} LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
CREATE TABLE broken_worker (worker INTEGER PRIMARY KEY, how TEXT NOT NULL);
CREATE FUNCTION wablock_worker_of(list_id TEXT) RETURNS INTEGER LANGUAGE sql AS
  $$ SELECT 1 + right(list_id, 1)::integer % 2 $$;
CREATE FUNCTION worker_answers(list_id TEXT) RETURNS BOOLEAN LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  broken broken_worker;
BEGIN
  LOOP
    SELECT * INTO broken FROM broken_worker WHERE worker = wablock_worker_of(list_id);
    IF NOT FOUND THEN
      RETURN true;
    ELSIF broken.how = '{DEAD}' THEN
      RAISE EXCEPTION 'connection to the remote node postgres@10.0.0.2:5432 failed' USING ERRCODE = '08006';
    END IF;
    PERFORM pg_sleep(0.02);
  END LOOP;
END $$;
CREATE FUNCTION every_worker_answers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM worker_answers('1') AND worker_answers('2');
  RETURN NULL;
END $$;
GRANT ALL ON ALL TABLES IN SCHEMA {{schema}} TO {_ROLE};
GRANT USAGE ON SCHEMA {{schema}} TO {_ROLE};
"""
_POLICY: Final = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON {table} USING (worker_answers({key})) WITH CHECK (worker_answers({key}));
"""
_TRIGGER: Final = """
CREATE TRIGGER workers BEFORE INSERT OR UPDATE OR DELETE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION every_worker_answers();
"""


# Row-level security sees only rows that are there. Citus needs each worker that may have one.
ASKS_EACH_WORKER: Final = f"""
{settling._LISTED} AND (SELECT bool_and(worker_answers(wanted.list_id)) FROM unnest($1::text[]) AS wanted (list_id))
"""


class Workers:
    """The two workers of the database at `url`. A list whose id ends with an odd digit is on worker 2."""

    def __init__(self, bare_url: str) -> None:
        """`bare_url`: a database without tables. Its URL has the schema in `search_path`."""
        prepare(bare_url)
        schema = bare_url.rpartition("search_path=")[2]
        policies = "".join(_POLICY.format(table=table, key=key) for table, key in _TABLES.items())
        triggers = "".join(_TRIGGER.format(table=table) for table in _EVERYWHERE)
        execute(bare_url, _CLUSTER.replace("{schema}", schema) + policies + triggers + procedure_of_clusters())
        self._own_url = bare_url
        self.url: Final = bare_url.replace("//postgres@", f"//{_ROLE}@", 1)

    def break_(self, worker: int, how: str) -> None:
        self.repair(worker)
        execute(self._own_url, f"INSERT INTO broken_worker VALUES ({worker}, '{how}')")

    def repair(self, worker: int) -> None:
        execute(self._own_url, f"DELETE FROM broken_worker WHERE worker = {worker}")

    @contextmanager
    def broken(self, worker: int, how: str) -> Iterator[None]:
        self.break_(worker, how)
        try:
            yield
        finally:
            self.repair(worker)
