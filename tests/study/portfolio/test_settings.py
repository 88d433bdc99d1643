"""Settings of a portfolio say what is wrong with them, and what they are called."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from capture.errors import ConfigError
from capture.study.portfolio.settings import PortfolioSettings
from tests.study.portfolio.worlds import portfolios


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cash", 0, "more than 0"),
        ("cash", float("nan"), "a number is needed"),
        ("cash", "100", "a number is needed"),
        ("cash", True, "a number is needed"),
        ("size", -1, "more than 0"),
        ("sizer", "equity_fractoin", 'Did you mean "equity_fraction"'),
        ("fill", "next_close", "choose one of next_open, close"),
        ("allow_short", 1, "true or false"),
        ("pyramiding", 0, "at least 1"),
        ("pyramiding", 1.5, "whole number"),
        ("max_open_positions", 0, "or none"),
        ("slippage_fraction", 1.0, "under 1"),
        ("commission_rate", -0.1, "less than 0"),
        ("max_drawdown", 1.5, "fraction"),
        ("participation", 0, "over 0"),
    ],
)
def test_a_value_that_cannot_work_is_named(name: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        PortfolioSettings(**{name: value})
    assert caught.value.setting == name


def test_an_unknown_setting_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match='Did you mean "slippage_fraction"') as caught:
        PortfolioSettings.from_mapping({"slipage_fraction": 0.001})
    assert caught.value.setting == "slipage_fraction"


def test_numbers_are_kept_as_the_kind_that_they_are() -> None:
    one = PortfolioSettings(cash=10_000, pyramiding=2, size=3)
    assert (type(one.cash), type(one.pyramiding), type(one.size)) == (float, int, float)
    assert one == PortfolioSettings(cash=10_000.0, pyramiding=2, size=3.0)


@given(one=portfolios(), other=portfolios())
def test_settings_survive_a_mapping_and_their_identity_tells_them_apart(
    one: PortfolioSettings, other: PortfolioSettings
) -> None:
    assert PortfolioSettings.from_mapping(one.to_mapping()) == one
    assert PortfolioSettings.from_mapping(one.to_mapping(every=False)) == one
    assert (one.id == other.id) == (one == other)


def test_an_identity_says_what_is_not_usual() -> None:
    one = PortfolioSettings(sizer="equity_fraction", size=0.5, commission_rate=0.001)
    assert one.id == "equity_fraction_0.5_commission_rate_0.001"
