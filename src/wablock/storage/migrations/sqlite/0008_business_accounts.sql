-- An account is a business portfolio: its WhatsApp Business Accounts may have app secrets and verify tokens of their own. What one of
-- them lacks is the account's.
CREATE TABLE business_account (
    waba_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (account_id),
    app_secret BLOB,
    verify_token_sha256 BLOB,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX business_account_account ON business_account (account_id, waba_id);
CREATE INDEX business_account_signer ON business_account (account_id) WHERE app_secret IS NOT NULL;
CREATE INDEX business_account_verifier ON business_account (verify_token_sha256) WHERE verify_token_sha256 IS NOT NULL;

-- name_key is the same for names that differ only in case.
ALTER TABLE phone_number ADD COLUMN name TEXT;
ALTER TABLE phone_number ADD COLUMN name_key TEXT;
ALTER TABLE phone_number ADD COLUMN waba_id TEXT;

CREATE UNIQUE INDEX phone_number_name ON phone_number (account_id, name_key) WHERE name_key IS NOT NULL;
