SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

SELECT create_distributed_table('event', 'list_id', colocate_with => 'block_list');

-- In a cluster the procedure writes few rows one by one, as wablock_write_lists_2 does there.
CREATE OR REPLACE PROCEDURE wablock_write_lists_3(
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
    kept RECORD;
    wrote RECORD;
    new RECORD;
    most_alone CONSTANT INTEGER := 8;
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
        IF is_as_expected AND jsonb_array_length(change -> 'rows') <= most_alone THEN
            FOR kept IN SELECT * FROM jsonb_to_recordset(change -> 'rows') AS entry (
                identity TEXT, seq BIGINT, wa_id TEXT, user_id TEXT, input TEXT, blocked_at BIGINT, blocked_by TEXT,
                reason TEXT, note TEXT, expires_at BIGINT, updated_at BIGINT, updated_by TEXT, source TEXT, batch_id TEXT
            ) LOOP
                INSERT INTO blocked_user (
                    list_id, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
                    updated_at, updated_by, source, batch_id
                )
                VALUES (
                    this_list, kept.identity, kept.seq, kept.wa_id, kept.user_id, kept.input, kept.blocked_at,
                    kept.blocked_by, kept.reason, kept.note, kept.expires_at,
                    kept.updated_at, kept.updated_by, kept.source, kept.batch_id
                )
                ON CONFLICT (list_id, identity) DO UPDATE SET
                    seq = excluded.seq, wa_id = excluded.wa_id, user_id = excluded.user_id, input = excluded.input,
                    blocked_at = excluded.blocked_at, blocked_by = excluded.blocked_by, reason = excluded.reason,
                    note = excluded.note, expires_at = excluded.expires_at, updated_at = excluded.updated_at,
                    updated_by = excluded.updated_by, source = excluded.source, batch_id = excluded.batch_id;
            END LOOP;
        ELSIF is_as_expected AND change ? 'rows' THEN
            INSERT INTO blocked_user (
                list_id, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
                updated_at, updated_by, source, batch_id
            )
            SELECT this_list, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at,
                   updated_at, updated_by, source, batch_id
            FROM jsonb_to_recordset(change -> 'rows') AS entry (
                identity TEXT, seq BIGINT, wa_id TEXT, user_id TEXT, input TEXT, blocked_at BIGINT, blocked_by TEXT,
                reason TEXT, note TEXT, expires_at BIGINT, updated_at BIGINT, updated_by TEXT, source TEXT, batch_id TEXT
            )
            ON CONFLICT (list_id, identity) DO UPDATE SET
                seq = excluded.seq, wa_id = excluded.wa_id, user_id = excluded.user_id, input = excluded.input,
                blocked_at = excluded.blocked_at, blocked_by = excluded.blocked_by, reason = excluded.reason,
                note = excluded.note, expires_at = excluded.expires_at, updated_at = excluded.updated_at,
                updated_by = excluded.updated_by, source = excluded.source, batch_id = excluded.batch_id;
        END IF;
        IF is_as_expected AND jsonb_array_length(change -> 'wrote') <= most_alone THEN
            FOR wrote IN SELECT * FROM jsonb_to_recordset(change -> 'wrote') AS entry (identity TEXT, at BIGINT) LOOP
                INSERT INTO last_inbound (phone_number_id, identity, at) VALUES (this_list, wrote.identity, wrote.at)
                ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = greatest(last_inbound.at, excluded.at);
            END LOOP;
        ELSIF is_as_expected AND change ? 'wrote' THEN
            INSERT INTO last_inbound (phone_number_id, identity, at)
            SELECT this_list, identity, at
            FROM jsonb_to_recordset(change -> 'wrote') AS entry (identity TEXT, at BIGINT)
            ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = greatest(last_inbound.at, excluded.at);
        END IF;
        IF is_as_expected AND jsonb_array_length(change -> 'events') <= most_alone THEN
            FOR new IN SELECT * FROM jsonb_to_recordset(change -> 'events') AS entry (
                at BIGINT, batch_id TEXT, text TEXT, hash TEXT
            ) LOOP
                INSERT INTO event (list_id, at, batch_id, text, hash)
                VALUES (this_list, new.at, new.batch_id, new.text, decode(new.hash, 'base64'));
            END LOOP;
        ELSIF is_as_expected AND change ? 'events' THEN
            INSERT INTO event (list_id, at, batch_id, text, hash)
            SELECT this_list, at, batch_id, text, decode(hash, 'base64')
            FROM jsonb_to_recordset(change -> 'events') AS entry (at BIGINT, batch_id TEXT, text TEXT, hash TEXT);
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
