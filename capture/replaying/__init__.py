"""A recording turned back into what a backtester runs, and the proof that it came out the same."""
