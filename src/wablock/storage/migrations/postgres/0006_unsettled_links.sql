-- The links that are not settled are few. Each sweep looks for them.

-- Every new link waits behind this. A backup may read the table for hours, so it gives up before long.
SET LOCAL lock_timeout TO '3s';
-- Without Citus this setting has no meaning, and PostgreSQL accepts it.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

CREATE INDEX identity_alias_unsettled ON identity_alias (account_id, identity, alias) WHERE NOT settled;
