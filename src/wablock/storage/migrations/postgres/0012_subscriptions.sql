-- Receivers of list events. The node whose `holder` a subscription names delivers its events. `beat` grows when it begins or goes
-- on; a node that sees it unchanged for some time takes over. `list_ids` NULL: all lists of the account. Nodes of the version
-- before do not know these tables: they deliver nothing, and when they remove a number, its rows in subscription_cursor stay.

CREATE TABLE subscription (
    subscription_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL,
    url TEXT NOT NULL,
    secret BYTEA NOT NULL,
    list_ids TEXT[],
    may_be_inside BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    set_by BYTEA,
    holder TEXT,
    beat BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX subscription_account ON subscription (account_id);

-- `at`: the last event of the list that the receiver accepted, or that was there when the subscription was made. A list without a
-- row had no event then.
CREATE TABLE subscription_cursor (
    list_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (list_id, subscription_id)
);
