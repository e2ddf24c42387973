-- The outcomes of requests with an idempotency key, each in the transaction of its change. Kept for a day.

CREATE TABLE answered_request (
    list_id TEXT COLLATE "C" NOT NULL,
    key_hash BYTEA NOT NULL,
    request_hash BYTEA NOT NULL,
    outcome TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (list_id, key_hash)
);

CREATE INDEX answered_request_at ON answered_request (list_id, at);
