-- Lists that are no number's own, and where they are in force. '' as phone_number_id: on every number of the account.
-- kind and name of a list never change, so they are kept with each attachment too: a check reads nothing else. Nodes of the
-- version before do not know these tables: shared lists are in force on all nodes when all nodes are of this version.

CREATE TABLE shared_list (
    list_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (account_id, name_key)
);

CREATE TABLE attachment (
    account_id TEXT COLLATE "C" NOT NULL,
    phone_number_id TEXT COLLATE "C" NOT NULL,
    list_id TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    attached_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, phone_number_id, list_id)
);

-- Grows with each attachment and detachment. In a cluster a check compares it before and after it reads the lists.
SET LOCAL lock_timeout TO '3s';
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';
ALTER TABLE account ADD COLUMN attachments BIGINT NOT NULL DEFAULT 0;
