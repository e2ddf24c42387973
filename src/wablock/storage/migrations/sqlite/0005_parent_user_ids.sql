-- A parent user id is one more alias, and two ids can be linked without a number: then identity is a user_id, and wa_id
-- is NULL. SQLite cannot take NOT NULL off a column, so the table is written again.

CREATE TABLE identity_alias_5 (
    account_id TEXT NOT NULL,
    alias TEXT NOT NULL,
    identity TEXT NOT NULL,
    wa_id TEXT,
    PRIMARY KEY (account_id, alias)
) STRICT, WITHOUT ROWID;

INSERT INTO identity_alias_5 (account_id, alias, identity, wa_id)
SELECT account_id, alias, identity, wa_id FROM identity_alias;

DROP TABLE identity_alias;

ALTER TABLE identity_alias_5 RENAME TO identity_alias;

CREATE INDEX identity_alias_identity ON identity_alias (account_id, identity);
