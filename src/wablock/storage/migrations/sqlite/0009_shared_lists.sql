-- Lists that are no number's own, and where they are in force. '' as phone_number_id: on every number of the account.
-- kind and name of a list never change, so they are kept with each attachment too: a check reads nothing else.

CREATE TABLE shared_list (
    list_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX shared_list_name ON shared_list (account_id, name_key);

CREATE TABLE attachment (
    account_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,
    list_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    attached_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, phone_number_id, list_id)
) STRICT, WITHOUT ROWID;
