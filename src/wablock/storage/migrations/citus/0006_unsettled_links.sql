-- Links are on the coordinator alone: a copy on each worker would need a two-phase commit for each new user, and fail while a
-- worker is dead. A node that is connected to a worker reaches them, too.
SELECT undistribute_table('identity_alias');
SELECT citus_add_local_table_to_metadata('identity_alias');
