"""What Meta published about the Block API, as pure code: nothing here does I/O or decides policy."""
