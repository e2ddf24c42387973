-- The outcomes of requests with an idempotency key, each in the transaction of its change. Kept for a day.

CREATE TABLE answered_request (
    list_id TEXT NOT NULL,
    key_hash BLOB NOT NULL,
    request_hash BLOB NOT NULL,
    outcome TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (list_id, key_hash)
) STRICT;

CREATE INDEX answered_request_at ON answered_request (at);
