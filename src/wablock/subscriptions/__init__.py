"""Subscriptions to list events: who gets them, and their delivery, at least once and in order per list. No I/O here."""
