"""The same strategies in every backtester, and each recording replayed in every other one."""
