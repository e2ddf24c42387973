"""The decisions of wablock: who is blocked, under which rules. No I/O here: the store is a port."""
