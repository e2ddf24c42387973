-- Citus adds a local table to its metadata only if the coordinator is in there, too. A cluster can work without that.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_dist_node) AND NOT EXISTS (SELECT 1 FROM pg_dist_node WHERE groupid = 0) THEN
        RAISE EXCEPTION 'Citus does not know the address of its coordinator: execute there SELECT citus_set_coordinator_host(''…'') '
            'with a host name that the workers can reach, and start again';
    END IF;
END
$$;

-- Links are on the coordinator alone: a copy on each worker would need a two-phase commit for each new user, and fail while a
-- worker is dead. A node that is connected to a worker reaches them, too.
SELECT undistribute_table('identity_alias');
SELECT citus_add_local_table_to_metadata('identity_alias');
