-- A user of Ivory Coast, Benin or Argentina has the key that today's rules give. The patterns are those of all keys that
-- may have changed; wablock_key is the rule itself. Where both keys are on a list this leaves both: see rekeying.py.

UPDATE OR IGNORE blocked_user SET identity = wablock_key(identity)
WHERE (identity GLOB '22[59]????????' OR identity GLOB '54????????????') AND identity <> wablock_key(identity);

UPDATE identity_alias SET identity = wablock_key(identity)
WHERE (identity GLOB '22[59]????????' OR identity GLOB '54????????????') AND identity <> wablock_key(identity);

INSERT INTO last_inbound (phone_number_id, identity, at)
SELECT phone_number_id, wablock_key(identity), at FROM last_inbound
WHERE (identity GLOB '22[59]????????' OR identity GLOB '54????????????') AND identity <> wablock_key(identity)
ON CONFLICT (phone_number_id, identity) DO UPDATE SET at = max(at, excluded.at);

DELETE FROM last_inbound
WHERE (identity GLOB '22[59]????????' OR identity GLOB '54????????????') AND identity <> wablock_key(identity);
