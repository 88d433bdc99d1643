"""Analyses of recordings: tables in, typed results out; nothing here draws or prints."""
