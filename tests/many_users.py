"""A SQLite database with any number of users, and a few rows in every other table."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from wablock.storage.sqlite.connection import prepare

NOON: Final = 1_763_985_600_000_000
LISTS: Final = 7
# Half of all users are in the first list. Every 10th has details, every 25th expires, every 20th has a user_id alone.
_FILL: Final = """
INSERT INTO account (account_id, created_at, app_secret, verify_token_sha256)
SELECT 'account' || n, :noon, x'00ff10', CASE WHEN n THEN x'aa00' END
FROM (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2);

WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < :lists)
INSERT INTO phone_number (phone_number_id, account_id, wa_id, country, rules, created_at)
SELECT '10654035224' || n, 'account' || (n % 3), '1650555010' || n, 'US', CASE n % 2 WHEN 0 THEN 'meta' END, :noon + n
FROM counted;

INSERT INTO access_token
  (token_sha256, account_id, label, scopes, phone_number_ids, created_at, expires_at, revoked_at)
VALUES
  (x'0102', 'account0', 'helpdesk', 'read write', '["106540352240","106540352243"]', :noon, :noon + 5, NULL),
  (x'ff02', 'account1', 'no number', 'read', '[]', :noon, NULL, :noon + 7),
  (x'80', 'account1', 'all numbers', 'manage read write', NULL, :noon, NULL, NULL);

WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < :users)
INSERT INTO blocked_user
  (list_id, seq, identity, wa_id, user_id, input, blocked_at, blocked_by, reason, note, expires_at)
SELECT
  '10654035224' || CASE WHEN n % 2 THEN n % :lists ELSE 0 END,
  :noon + n,
  CASE WHEN n % 20 THEN '1650' || (5550000 + n) ELSE 'US.' || n END,
  CASE WHEN n % 20 THEN '1650' || (5550000 + n) END,
  CASE n % 20 WHEN 0 THEN 'US.' || n WHEN 1 THEN 'US.x' || n END,
  '+1 650 ' || (5550000 + n),
  :noon + n,
  'helpdesk',
  CASE n % 10 WHEN 3 THEN 'spam' END,
  CASE n % 10 WHEN 3 THEN 'wrote „hola“ 🙂 and' || char(10) || 'once more' END,
  CASE n % 25 WHEN 4 THEN :noon + 1000000 * n END
FROM counted;

INSERT INTO block_list (list_id, account_id, version, size)
SELECT phone_number_id, account_id,
  coalesce((SELECT max(seq) FROM blocked_user WHERE list_id = phone_number_id), 0) + 3,
  (SELECT count(*) FROM blocked_user WHERE list_id = phone_number_id)
FROM phone_number
UNION ALL SELECT '1', '', 4, 0;

INSERT INTO identity_alias (account_id, alias, identity, wa_id)
SELECT block_list.account_id, user_id, identity, wa_id FROM blocked_user JOIN block_list USING (list_id)
WHERE user_id IS NOT NULL AND wa_id IS NOT NULL;

INSERT INTO last_inbound (phone_number_id, identity, at)
SELECT list_id, identity, blocked_at - 60000000 FROM blocked_user WHERE seq % 5 = 0;

INSERT INTO downstream (phone_number_id, downstream_id, account_id, url, secret, headers, timeout_ms, required,
  may_be_inside, created_at)
SELECT phone_number_id, 'd' || phone_number_id, account_id, 'https://receiver.example/hook', x'0102',
  CASE account_id WHEN 'account0' THEN x'03' END, 5000, account_id = 'account0', 0, created_at
FROM phone_number;

INSERT INTO upstream (phone_number_id, account_id, url, token, timeout_ms, may_be_inside, created_at)
SELECT phone_number_id, account_id, 'https://graph.example', x'0a0b', 30000, account_id = 'account1', created_at
FROM phone_number WHERE account_id <> 'account2';
"""


def with_users(path: Path, users: int) -> None:
    """Fill `path` with this many blocked users on `LISTS` lists; each list gets a number, a token and all else."""
    prepare(path)
    values = {"noon": NOON, "users": users, "lists": LISTS}
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in _FILL.split(";\n"):
            connection.execute(statement, values)
