"""Where a block holds: pure rules over ports, no I/O."""
