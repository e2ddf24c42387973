-- A parent user id is one more alias, and two ids can be linked without a number: then identity is a user_id, and wa_id
-- is NULL. Nodes of the version before never ask for what such a row means, except in a check, which does not read wa_id.

-- Every check waits behind this statement. A backup may read the table for hours, so it gives up before long.
SET LOCAL lock_timeout TO '3s';

ALTER TABLE identity_alias ALTER COLUMN wa_id DROP NOT NULL;
