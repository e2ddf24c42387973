-- Receivers of list events. The server whose `holder` a subscription names delivers its events. `beat` grows when it begins or
-- goes on; a server that sees it unchanged for some time takes over. `list_ids`: a JSON array; NULL: all lists of the account.

CREATE TABLE subscription (
    subscription_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    url TEXT NOT NULL,
    secret BLOB NOT NULL,
    list_ids TEXT,
    may_be_inside INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    set_by BLOB,
    holder TEXT,
    beat INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX subscription_account ON subscription (account_id);

-- `at`: the last event of the list that the receiver accepted, or that was there when the subscription was made. A list without a
-- row had no event then.
CREATE TABLE subscription_cursor (
    list_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (list_id, subscription_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX subscription_cursor_subscription ON subscription_cursor (subscription_id);
