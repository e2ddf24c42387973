-- Secrets are sealed with a key that is not in this file.

ALTER TABLE account ADD COLUMN app_secret BLOB;
ALTER TABLE account ADD COLUMN verify_token_sha256 BLOB;

CREATE INDEX account_signer ON account (account_id) WHERE app_secret IS NOT NULL;
CREATE INDEX account_verifier ON account (verify_token_sha256) WHERE verify_token_sha256 IS NOT NULL;

CREATE TABLE downstream (
    phone_number_id TEXT NOT NULL,
    downstream_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    url TEXT NOT NULL,
    secret BLOB,
    headers BLOB,
    timeout_ms INTEGER NOT NULL,
    required INTEGER NOT NULL,
    may_be_inside INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (phone_number_id, downstream_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX downstream_account ON downstream (account_id);

CREATE TABLE upstream (
    phone_number_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    url TEXT NOT NULL,
    token BLOB NOT NULL,
    timeout_ms INTEGER NOT NULL,
    may_be_inside INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
