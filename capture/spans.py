"""From when to when, as users say it: moments, days, months and years; without a zone in UTC."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from typing import TypeAlias

import pandas as pd

from capture.errors import ConfigError

__all__ = ["Moment", "first_moment", "last_moment"]

Moment: TypeAlias = "datetime | date | str"


def first_moment(said: str, given: Moment) -> pd.Timestamp:
    """Return the moment that is given, or the first one of a day, month or year, in UTC.

    Args:
        said: the word under which it was given.
        given: such as `"2010"`, `"2010-03"`, `"2010-03-31 15:30"`, or a date or time of Python.

    Raises:
        ConfigError: it is no time.
    """
    return _utc(_timestamp(said, given))


def last_moment(said: str, given: Moment) -> pd.Timestamp:
    """Return the moment that is given, or the last one of a day, month or year, in UTC."""
    moment = _timestamp(said, given)
    if isinstance(given, str) and ":" not in given and "T" not in given:
        with suppress(ValueError):  # "now" is a moment, and no period that has an end
            moment = pd.Period(given).end_time
    elif isinstance(given, date) and not isinstance(given, datetime):
        moment += pd.Timedelta(days=1) - pd.Timedelta(1, "ns")
    return _utc(moment)


def _timestamp(said: str, given: Moment) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(given)
        if not pd.isna(moment):
            return moment
    except (TypeError, ValueError):
        pass
    raise ConfigError(said, given, "is no time; write one such as 2024-03-31")


def _utc(moment: pd.Timestamp) -> pd.Timestamp:
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
