"""Why two runs differ: their fills matched one to one, and each difference led to its cause."""
