"""The page on topologies lists every key that a configuration may have, as the models say it."""

from __future__ import annotations

from tests.study.topology.tables import PAGE, written


def test_the_tables_of_the_page_are_those_of_the_models():
    page = PAGE.read_text()
    assert page == written(page), "run python -m tests.study.topology.tables"
