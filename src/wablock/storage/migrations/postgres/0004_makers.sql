-- Which token made a token, and which one set a receiver or an upstream: NULL for the operator, and where it is not known. A node of
-- the version before does not name these columns: what it sets gets the defaults.

-- Every request waits behind this. A backup may read the tables for hours, so it gives up before long.
SET LOCAL lock_timeout TO '3s';
-- Without Citus this setting has no meaning, and PostgreSQL accepts it.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

ALTER TABLE access_token ADD COLUMN made_by BYTEA;
ALTER TABLE downstream ADD COLUMN set_by BYTEA;
ALTER TABLE upstream ADD COLUMN set_by BYTEA;

-- Whether a receiver gets the account's own events. A receiver that may be inside was set by the operator and gets them
-- in any case; one that a token set keeps them only where no token of a few numbers can have set it.
ALTER TABLE downstream ADD COLUMN account_events BOOLEAN NOT NULL DEFAULT false;

UPDATE downstream SET account_events = true WHERE may_be_inside OR NOT EXISTS (
  SELECT 1 FROM access_token
  WHERE access_token.account_id = downstream.account_id AND phone_number_ids IS NOT NULL AND scopes LIKE '%manage%'
);
