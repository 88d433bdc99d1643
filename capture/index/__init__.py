"""Signals and regimes as sparse indices into immutable base data."""
