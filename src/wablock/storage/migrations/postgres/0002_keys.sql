-- Some users have another key than the version before gave them (docs/decisions/0018). While this row is there, rows may
-- lie under those keys. older_are_gone: no node of the version before looks for them there any more. A new database has
-- no such row: its version is still 0 here.

CREATE TABLE wablock_rekeying (
    only_row BOOLEAN NOT NULL PRIMARY KEY CHECK (only_row),
    older_are_gone BOOLEAN NOT NULL
);

INSERT INTO wablock_rekeying (only_row, older_are_gone)
SELECT true, false WHERE EXISTS (SELECT 1 FROM wablock_schema WHERE version > 0);
