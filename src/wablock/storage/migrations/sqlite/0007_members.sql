-- Who changed a block's reason, note or end last, and when: NULL if no one did. By which way the user came onto the list, and
-- in which batch: NULL in older rows, where it is not known.
ALTER TABLE blocked_user ADD COLUMN updated_at INTEGER;
ALTER TABLE blocked_user ADD COLUMN updated_by TEXT;
ALTER TABLE blocked_user ADD COLUMN source TEXT;
ALTER TABLE blocked_user ADD COLUMN batch_id TEXT;
