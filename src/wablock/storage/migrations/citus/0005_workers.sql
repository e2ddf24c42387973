-- A backup may read the tables for hours, and every request waits behind this. So it gives up before long.
SET LOCAL lock_timeout TO '3s';
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

-- Which worker has a list. Each worker has its own connections in a node, so one that fails does not stop the others. The
-- function reads only tables that all machines of a cluster have.
CREATE FUNCTION wablock_worker_of(list_id TEXT) RETURNS INTEGER LANGUAGE sql STABLE AS $$
    SELECT groupid FROM pg_dist_placement
    WHERE shardid = get_shard_id_for_distribution_column('block_list', list_id) AND shardstate = 1
    ORDER BY groupid LIMIT 1
$$;

-- A node at a worker finds the schema, and does not begin a second one.
SELECT create_reference_table('wablock_schema');

-- Every request looks its number up, so this must not depend on one shard.
SELECT undistribute_table('phone_number');
SELECT create_reference_table('phone_number');

-- Citus does not send the settings of a session to its workers. With their own settings they would read whole lists for some
-- statements. Only the database's owner may do this; for other roles the node logs what to do.
DO $$
DECLARE
    setting TEXT;
BEGIN
    FOREACH setting IN ARRAY ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan', 'jit'] LOOP
        EXECUTE format('ALTER DATABASE %I SET %I = off', current_database(), setting);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END
$$;

-- In a cluster the procedure writes few rows one by one: Citus copies the rows of INSERT ... SELECT to the shard, and that
-- needs a two-phase commit. For more rows this costs less than a statement each. All else is as in the first migration.
CREATE OR REPLACE PROCEDURE wablock_write_lists_1(
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
                reason TEXT, note TEXT, expires_at BIGINT
            ) LOOP
                INSERT INTO blocked_user (
                    list_id, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at
                )
                VALUES (
                    this_list, kept.identity, kept.seq, kept.wa_id, kept.user_id, kept.input, kept.blocked_at,
                    kept.blocked_by, kept.reason, kept.note, kept.expires_at
                )
                ON CONFLICT (list_id, identity) DO UPDATE SET
                    seq = excluded.seq, wa_id = excluded.wa_id, user_id = excluded.user_id, input = excluded.input,
                    blocked_at = excluded.blocked_at, blocked_by = excluded.blocked_by, reason = excluded.reason,
                    note = excluded.note, expires_at = excluded.expires_at;
            END LOOP;
        ELSIF is_as_expected AND change ? 'rows' THEN
            INSERT INTO blocked_user (
                list_id, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at
            )
            SELECT this_list, identity, seq, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at
            FROM jsonb_to_recordset(change -> 'rows') AS entry (
                identity TEXT, seq BIGINT, wa_id TEXT, user_id TEXT, input TEXT, blocked_at BIGINT, blocked_by TEXT,
                reason TEXT, note TEXT, expires_at BIGINT
            )
            ON CONFLICT (list_id, identity) DO UPDATE SET
                seq = excluded.seq, wa_id = excluded.wa_id, user_id = excluded.user_id, input = excluded.input,
                blocked_at = excluded.blocked_at, blocked_by = excluded.blocked_by, reason = excluded.reason,
                note = excluded.note, expires_at = excluded.expires_at;
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
