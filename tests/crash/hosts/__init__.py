"""A run of each backtester that fares badly at some bar: `python -m tests.crash.hosts HOST ...`."""
