"""The Block API as Meta has published it, in pure code: no I/O and no policy here."""
