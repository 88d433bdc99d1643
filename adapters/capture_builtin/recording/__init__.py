"""The built-in backtester as a host: its runs recorded, and recordings replayed in it."""
