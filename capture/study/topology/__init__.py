"""Topologies: feeds, features, strategies, portfolios, put together by one configuration."""
