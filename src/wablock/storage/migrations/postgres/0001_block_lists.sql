-- Times are microseconds since 1970. Ids are text, compared byte by byte.
-- What a list or a number owns is kept under its id, which is in every key: on Citus that is the shard key. It is not the
-- first in the keys of many rows: a planner that takes every list for a small one, as it does before the first statistics
-- and wherever a list is new, would walk through the list rather than look a user up.

CREATE TABLE account (
    account_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    app_secret BYTEA,
    verify_token_sha256 BYTEA,
    created_at BIGINT NOT NULL
);

CREATE INDEX account_signer ON account (account_id) WHERE app_secret IS NOT NULL;
CREATE INDEX account_verifier ON account (verify_token_sha256) WHERE verify_token_sha256 IS NOT NULL;

-- Which lists an account has, its numbers' own among them, so that no statement has to ask every shard.
-- A list that was given up may still be here: what block_list says counts.
CREATE TABLE account_list (
    account_id TEXT COLLATE "C" NOT NULL,
    list_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, list_id)
);

CREATE TABLE access_token (
    token_sha256 BYTEA NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    phone_number_ids TEXT[],
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE INDEX access_token_account ON access_token (account_id);

-- A user_id that traffic or a request has shown to be the user with this identity. settled: every list knows it too.
CREATE TABLE identity_alias (
    account_id TEXT COLLATE "C" NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    wa_id TEXT COLLATE "C" NOT NULL,
    settled BOOLEAN NOT NULL,
    PRIMARY KEY (alias, account_id)
);

CREATE INDEX identity_alias_identity ON identity_alias (identity, account_id);

CREATE TABLE phone_number (
    phone_number_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    wa_id TEXT COLLATE "C",
    country TEXT,
    rules TEXT,
    created_at BIGINT NOT NULL
);

-- A number's own list has the number's id as its list_id. size counts its rows, expired ones that are not yet swept too.
-- No block expires before next_expiry. revision grows with whatever is written to the list. writers: of the nodes
-- that last wrote to it each one's number and the number of its batch, so that a node which lost the connection at
-- COMMIT learns whether it was done.
CREATE TABLE block_list (
    list_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    size BIGINT NOT NULL,
    next_expiry BIGINT,
    revision BIGINT NOT NULL,
    writers BIGINT[] NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE blocked_user (
    list_id TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL CHECK (seq > 0),
    wa_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    input TEXT NOT NULL,
    blocked_at BIGINT NOT NULL,
    blocked_by TEXT NOT NULL,
    reason TEXT,
    note TEXT,
    expires_at BIGINT,
    PRIMARY KEY (identity, list_id)
);

-- Only who names a seq may use it: users are looked up by their identity, however few rows of a list there seem to be.
CREATE UNIQUE INDEX blocked_user_seq ON blocked_user (list_id, seq) WHERE seq > 0;
CREATE INDEX blocked_user_expiry ON blocked_user (list_id, expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE last_inbound (
    phone_number_id TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (identity, phone_number_id)
);

CREATE INDEX last_inbound_at ON last_inbound (phone_number_id, at) WHERE at > 0;

-- Secrets are sealed with a key that is not in this database.
CREATE TABLE downstream (
    phone_number_id TEXT COLLATE "C" NOT NULL,
    downstream_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    url TEXT NOT NULL,
    secret BYTEA,
    headers BYTEA,
    timeout_ms INTEGER NOT NULL,
    required BOOLEAN NOT NULL,
    may_be_inside BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (phone_number_id, downstream_id)
);

CREATE TABLE upstream (
    phone_number_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    url TEXT NOT NULL,
    token BYTEA NOT NULL,
    timeout_ms INTEGER NOT NULL,
    may_be_inside BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- What was decided of several lists, each in a transaction of its own, in one round trip. Of a list whose revision is
-- not the expected one any more, or which another node has locked, nothing is written, and it is not among the written.
CREATE PROCEDURE wablock_write_lists_1(
    list_ids TEXT[], revisions BIGINT[], changes JSONB, INOUT written TEXT[] DEFAULT NULL
)
LANGUAGE plpgsql AS $$
DECLARE
    this_list TEXT;
    change JSONB;
    gone TEXT[];
    wrote_last BIGINT[];
    found_revision BIGINT;
    is_as_expected BOOLEAN;
BEGIN
    written := '{}';
    FOR place IN 1..cardinality(list_ids) LOOP
        this_list := list_ids[place];
        change := changes -> (place - 1);
        SELECT revision INTO found_revision FROM block_list WHERE list_id = this_list FOR UPDATE SKIP LOCKED;
        is_as_expected := coalesce(found_revision = revisions[place], false);
        IF is_as_expected AND change ? 'removed' THEN
            gone := ARRAY(SELECT jsonb_array_elements_text(change -> 'removed'));
            DELETE FROM blocked_user WHERE list_id = this_list AND identity = ANY(gone);
        END IF;
        IF is_as_expected AND change ? 'rows' THEN
            INSERT INTO blocked_user (
                list_id, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at
            )
            SELECT this_list, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at
            FROM jsonb_to_recordset(change -> 'rows') AS kept (
                identity TEXT, seq BIGINT, wa_id TEXT, user_id TEXT, input TEXT, blocked_at BIGINT, blocked_by TEXT,
                reason TEXT, note TEXT, expires_at BIGINT
            )
            ON CONFLICT (list_id, identity) DO UPDATE SET
                seq = excluded.seq, wa_id = excluded.wa_id, user_id = excluded.user_id, input = excluded.input,
                blocked_at = excluded.blocked_at, blocked_by = excluded.blocked_by, reason = excluded.reason,
                note = excluded.note, expires_at = excluded.expires_at;
        END IF;
        IF is_as_expected AND change ? 'wrote' THEN
            INSERT INTO last_inbound (phone_number_id, identity, at)
            SELECT this_list, identity, at
            FROM jsonb_to_recordset(change -> 'wrote') AS wrote (identity TEXT, at BIGINT)
            ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = greatest(last_inbound.at, excluded.at);
        END IF;
        IF is_as_expected AND change ? 'head' THEN
            wrote_last := ARRAY(SELECT jsonb_array_elements_text(change -> 'writers'))::BIGINT[];
            UPDATE block_list SET
                version = (change -> 'head' ->> 'version')::BIGINT,
                size = (change -> 'head' ->> 'size')::BIGINT,
                next_expiry = (change -> 'head' ->> 'next_expiry')::BIGINT,
                writers = wrote_last,
                revision = revision + 1
            WHERE list_id = this_list;
        END IF;
        COMMIT;
        IF is_as_expected THEN
            written := written || this_list;
        END IF;
    END LOOP;
END
$$;
