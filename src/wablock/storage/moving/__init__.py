"""The move of a whole database from SQLite to PostgreSQL: read the source, write the target, compare both."""
