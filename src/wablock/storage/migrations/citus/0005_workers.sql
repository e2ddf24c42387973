-- Which worker has a list. Each worker has its own connections in a node, so one that fails does not stop the others. The
-- function reads only tables that all machines of a cluster have.
CREATE FUNCTION wablock_worker_of(list_id TEXT) RETURNS INTEGER LANGUAGE sql STABLE AS $$
    SELECT groupid FROM pg_dist_placement
    WHERE shardid = get_shard_id_for_distribution_column('block_list', list_id)
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
