"""Frequent itemsets: the same as mlxtend's, whatever the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import fpgrowth

from capture.analysis.patterns import mining
from capture.analysis.patterns.mining import frequent_itemsets, packed, unpacked
from capture.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def of_mlxtend(table: NDArray[np.bool_], support: float, longest: int | None) -> dict[Any, int]:
    frame = fpgrowth(pd.DataFrame(table), min_support=support, max_len=longest)
    counts = (frame["support"] * len(table)).round().astype(int)
    return {frozenset(one): n for one, n in zip(frame["itemsets"], counts, strict=True)}


def ours(table: NDArray[np.bool_], support: float, longest: int | None, **more: Any) -> Any:
    found = frequent_itemsets(table, support, max_length=longest, **more)
    sets = {frozenset(one): n for one, n in zip(found.items, found.counts.tolist(), strict=True)}
    assert len(sets) == len(found), "an itemset came twice"
    return sets


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 150),
    columns=st.integers(1, 9),
    density=st.floats(0.05, 0.95),
    support=st.sampled_from([0.0401, 0.1003, 0.2507, 0.4999, 0.9001]),
    longest=st.sampled_from([None, 1, 2, 3]),
    seed=st.integers(0, 10_000),
)
def test_the_itemsets_are_those_of_fpgrowth(rows, columns, density, support, longest, seed):
    table = np.random.default_rng(seed).random((rows, columns)) < density
    assert ours(table, support, longest) == of_mlxtend(table, support, longest)


def test_bins_of_one_quantity_need_not_be_tried_together():
    random = np.random.default_rng(5)
    levels = random.integers(0, 3, (3000, 6))
    levels[:, 1] = np.where(random.random(3000) < 0.7, levels[:, 0], levels[:, 1])
    table = np.stack([levels[:, a] == v for a in range(6) for v in range(3)], axis=1)
    groups = np.repeat(np.arange(6), 3)
    found = ours(table, 0.03, 4, groups=groups)
    assert found == of_mlxtend(table, 0.03, 4)
    assert any(len(one) == 4 for one in found)


def test_bits_are_counted_alike_with_an_old_numpy(monkeypatch):
    table = np.random.default_rng(1).random((333, 7)) < 0.5
    new = ours(table, 0.1, None)
    monkeypatch.setattr(mining, "_COUNTER", None)
    assert ours(table, 0.1, None) == new


@pytest.mark.parametrize("rows", [1, 7, 8, 63, 64, 65, 200])
def test_packing_keeps_every_bit(rows):
    table = np.random.default_rng(rows).random((rows, 3)) < 0.5
    assert (unpacked(packed(table), rows) == table.T).all()


def test_a_support_that_is_exactly_reached_is_enough():
    table = np.zeros((100, 1), bool)
    table[:5] = True
    assert ours(table, 0.05, None) == {frozenset({0}): 5}
    assert ours(table, 0.0501, None) == {}


@pytest.mark.parametrize("support", [0.0, -0.1, 1.1])
def test_a_support_that_is_no_share_is_refused(support):
    with pytest.raises(ConfigError, match="min_support"):
        frequent_itemsets(np.ones((3, 1), bool), support)
