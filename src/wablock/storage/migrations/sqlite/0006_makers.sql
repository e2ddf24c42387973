-- Which token made a token, and which one set a receiver or an upstream: NULL for the operator, and where it is not known.
ALTER TABLE access_token ADD COLUMN made_by BLOB;
ALTER TABLE downstream ADD COLUMN set_by BLOB;
ALTER TABLE upstream ADD COLUMN set_by BLOB;

-- Whether a receiver gets the account's own events. A receiver that may be inside was set by the operator and gets them
-- in any case; one that a token set keeps them only where no token of a few numbers can have set it.
ALTER TABLE downstream ADD COLUMN account_events INTEGER NOT NULL DEFAULT 0;

UPDATE downstream SET account_events = 1 WHERE may_be_inside = 1 OR NOT EXISTS (
  SELECT 1 FROM access_token
  WHERE access_token.account_id = downstream.account_id AND phone_number_ids IS NOT NULL AND scopes LIKE '%manage%'
);
