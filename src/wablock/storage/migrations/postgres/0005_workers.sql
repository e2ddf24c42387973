-- Nothing changes here: the migration of the same number for Citus has a procedure and settings for clusters.
SELECT 1;
