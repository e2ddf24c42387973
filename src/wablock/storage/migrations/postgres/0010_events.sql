-- What was done to each list, who did it, and what was there before. Events are added in the order of their list's chain, `at` grows
-- strictly, and `hash` proves an event and all earlier ones of its list. `text` NULL: it was deleted, and `commitment` is its hash.
-- A node of the version before changes lists without events.

CREATE TABLE event (
    list_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    batch_id TEXT,
    text TEXT,
    hash BYTEA NOT NULL,
    commitment BYTEA,
    PRIMARY KEY (list_id, at)
);

CREATE INDEX event_batch ON event (list_id, batch_id, at) WHERE batch_id IS NOT NULL;

-- Every request waits behind this. A backup may read the table for hours, so it gives up before long.
SET LOCAL lock_timeout TO '3s';
-- Without Citus this setting has no meaning, and PostgreSQL accepts it.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

-- The newest event of the list; the last one that was deleted because of its age; and of a list that was deleted, the account
-- that may still read its events.
ALTER TABLE block_list ADD COLUMN event_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE block_list ADD COLUMN event_hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE block_list ADD COLUMN oldest_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE block_list ADD COLUMN oldest_hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE block_list ADD COLUMN former_account_id TEXT COLLATE "C";

-- The second one stays: nodes of the version before call it. It differs only in the events.
CREATE PROCEDURE wablock_write_lists_3(
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
                list_id, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
                updated_at, updated_by, source, batch_id
            )
            SELECT this_list, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
                   updated_at, updated_by, source, batch_id
            FROM jsonb_to_recordset(change -> 'rows') AS kept (
                identity TEXT, seq BIGINT, wa_id TEXT, user_id TEXT, input TEXT, blocked_at BIGINT, blocked_by TEXT,
                reason TEXT, note TEXT, expires_at BIGINT, updated_at BIGINT, updated_by TEXT, source TEXT, batch_id TEXT
            )
            ON CONFLICT (list_id, identity) DO UPDATE SET
                seq = excluded.seq, wa_id = excluded.wa_id, user_id = excluded.user_id, input = excluded.input,
                blocked_at = excluded.blocked_at, blocked_by = excluded.blocked_by, reason = excluded.reason,
                note = excluded.note, expires_at = excluded.expires_at, updated_at = excluded.updated_at,
                updated_by = excluded.updated_by, source = excluded.source, batch_id = excluded.batch_id;
        END IF;
        IF is_as_expected AND change ? 'wrote' THEN
            INSERT INTO last_inbound (phone_number_id, identity, at)
            SELECT this_list, identity, at
            FROM jsonb_to_recordset(change -> 'wrote') AS wrote (identity TEXT, at BIGINT)
            ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = greatest(last_inbound.at, excluded.at);
        END IF;
        IF is_as_expected AND change ? 'events' THEN
            INSERT INTO event (list_id, at, batch_id, text, hash)
            SELECT this_list, at, batch_id, text, decode(hash, 'base64')
            FROM jsonb_to_recordset(change -> 'events') AS new (at BIGINT, batch_id TEXT, text TEXT, hash TEXT);
        END IF;
        IF is_as_expected AND change ? 'head' THEN
            wrote_last := ARRAY(SELECT jsonb_array_elements_text(change -> 'writers'))::BIGINT[];
            UPDATE block_list SET
                version = (change -> 'head' ->> 'version')::BIGINT,
                size = (change -> 'head' ->> 'size')::BIGINT,
                next_expiry = (change -> 'head' ->> 'next_expiry')::BIGINT,
                event_at = (change -> 'head' ->> 'event_at')::BIGINT,
                event_hash = decode(change -> 'head' ->> 'event_hash', 'base64'),
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
