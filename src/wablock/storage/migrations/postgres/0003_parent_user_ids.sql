-- A parent user id is one more alias, and two ids can be linked without a number: then identity is a user_id, and wa_id
-- is NULL. Nodes of the version before never ask for what such a row means, except in a check, which does not read wa_id.

ALTER TABLE identity_alias ALTER COLUMN wa_id DROP NOT NULL;
