-- What became of moving this database to another: moving, moved or given up. One that is moving or moved takes no
-- writes; a move that was given up is remembered, so that what it left in the other database is known.

CREATE TABLE move (
    move_id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    target TEXT NOT NULL,
    begun_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
