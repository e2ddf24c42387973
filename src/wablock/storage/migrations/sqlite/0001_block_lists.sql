-- Times are microseconds since 1970. Ids are text, compared byte by byte.

CREATE TABLE account (
    account_id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE phone_number (
    phone_number_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (account_id),
    wa_id TEXT,
    country TEXT,
    rules TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX phone_number_account ON phone_number (account_id);

CREATE TABLE access_token (
    token_sha256 BLOB NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (account_id),
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    phone_number_ids TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX access_token_account ON access_token (account_id);

-- A number's own list has the number's id as its list_id. size counts its rows, expired ones that are not yet swept too.
CREATE TABLE block_list (
    list_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX block_list_account ON block_list (account_id);

-- Rows lie in the order in which a list is read, so that a page is one scan and a new block goes to the end.
CREATE TABLE blocked_user (
    list_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    identity TEXT NOT NULL,
    wa_id TEXT,
    user_id TEXT,
    input TEXT NOT NULL,
    blocked_at INTEGER NOT NULL,
    blocked_by TEXT NOT NULL,
    reason TEXT,
    note TEXT,
    expires_at INTEGER,
    PRIMARY KEY (list_id, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX blocked_user_identity ON blocked_user (list_id, identity);

CREATE INDEX blocked_user_expiry ON blocked_user (list_id, expires_at) WHERE expires_at IS NOT NULL;

-- A user_id that traffic or a request has shown to be the user with this identity.
CREATE TABLE identity_alias (
    account_id TEXT NOT NULL,
    alias TEXT NOT NULL,
    identity TEXT NOT NULL,
    wa_id TEXT NOT NULL,
    PRIMARY KEY (account_id, alias)
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_alias_identity ON identity_alias (account_id, identity);

CREATE TABLE last_inbound (
    phone_number_id TEXT NOT NULL,
    identity TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (phone_number_id, identity)
) STRICT, WITHOUT ROWID;

CREATE INDEX last_inbound_at ON last_inbound (at);
