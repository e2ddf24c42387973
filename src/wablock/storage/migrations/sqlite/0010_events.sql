-- What was done to each list, who did it, and what was there before. Events are added in the order of their list's chain, `at` grows
-- strictly, and `hash` proves an event and all earlier ones of its list. `text` NULL: it was deleted, and `commitment` is its hash.
-- Rows lie in the order in which they are added, which fills the pages: with the key as their order a third would be empty.

CREATE TABLE event (
    list_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    batch_id TEXT,
    text TEXT,
    hash BLOB NOT NULL,
    commitment BLOB
) STRICT;

CREATE UNIQUE INDEX event_chain ON event (list_id, at);
CREATE INDEX event_batch ON event (list_id, batch_id, at) WHERE batch_id IS NOT NULL;

-- The newest event of the list; the last one that was deleted because of its age; and of a list that was deleted, the account
-- that may still read its events.
ALTER TABLE block_list ADD COLUMN event_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE block_list ADD COLUMN event_hash BLOB NOT NULL DEFAULT x'';
ALTER TABLE block_list ADD COLUMN oldest_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE block_list ADD COLUMN oldest_hash BLOB NOT NULL DEFAULT x'';
ALTER TABLE block_list ADD COLUMN former_account_id TEXT;

CREATE INDEX block_list_former_account ON block_list (former_account_id) WHERE former_account_id IS NOT NULL;
