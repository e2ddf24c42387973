-- An account is a business portfolio: its WhatsApp Business Accounts may have app secrets and verify tokens of their own. What one of
-- them lacks is the account's. A node of the version before knows only the account's.

-- Every request waits behind this. A backup may read the tables for hours, so it gives up before long.
SET LOCAL lock_timeout TO '3s';
-- Without Citus this setting has no meaning, and PostgreSQL accepts it.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

CREATE TABLE business_account (
    waba_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    app_secret BYTEA,
    verify_token_sha256 BYTEA,
    created_at BIGINT NOT NULL
);

CREATE INDEX business_account_account ON business_account (account_id, waba_id);
CREATE INDEX business_account_signer ON business_account (account_id) WHERE app_secret IS NOT NULL;
CREATE INDEX business_account_verifier ON business_account (verify_token_sha256) WHERE verify_token_sha256 IS NOT NULL;

-- name_key is the same for names that differ only in case. What a node of the version before adds has no name.
ALTER TABLE phone_number ADD COLUMN name TEXT;
ALTER TABLE phone_number ADD COLUMN name_key TEXT COLLATE "C";
ALTER TABLE phone_number ADD COLUMN waba_id TEXT COLLATE "C";

CREATE INDEX phone_number_account ON phone_number (account_id);
CREATE UNIQUE INDEX phone_number_name ON phone_number (account_id, name_key) WHERE name_key IS NOT NULL;
