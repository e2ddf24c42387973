"""Moving a whole wablock from SQLite to PostgreSQL: reading the one, writing the other, comparing both."""
