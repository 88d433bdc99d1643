"""`CaptureAwareStrategy` around anything that has `generate_signal`."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import capture
from capture import CaptureAwareStrategy
from capture.errors import CaptureWarning, UnsupportedStrategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture import Recording, SignalCaptureEngine

START = pd.Timestamp("2024-01-01", tz="UTC")


def bar(n: int, **words: Any) -> dict[str, Any]:
    return {
        "symbol": "GOOG",
        "timestamp": START + pd.Timedelta(days=n),
        "open": 1.0 + n,
        "close": 2.0 + n,
        "bid": 1.9,
        "ask": 2.1,
        "bar_index": n,
        **words,
    }


def run(wrapped: CaptureAwareStrategy, bars: int) -> list[Any]:
    return [wrapped.generate_signal(bar(n)) for n in range(bars)]


class Full:
    """A strategy with every getter; its state changes inside of generate_signal."""

    strategy_id = "full"

    def __init__(self) -> None:
        self.position = 0.0
        self.indicators = {"sma": 0.0}

    def generate_signal(self, market_data: Any) -> Any:
        self.indicators["sma"] += 1
        self.position += 10
        return {"direction": 1, "strength": 0.5}

    def get_indicators(self) -> dict[str, float]:
        return self.indicators

    def get_indicator_metadata(self) -> dict[str, Any]:
        return {"sma": {"class": "SMA", "period": 10}}

    def get_params(self) -> dict[str, Any]:
        return {"fast": 10}

    def get_portfolio(self) -> Any:
        return SimpleNamespace(cash=100.0)

    def get_position(self, symbol: str) -> float:
        assert symbol == "GOOG"
        return self.position

    def get_capital(self) -> float:
        return 5_000.0

    def get_risk(self) -> dict[str, float]:
        return {"var": 0.1}

    def get_limits(self) -> dict[str, float]:
        return {"max_position": 100.0}

    def get_regime(self) -> str:
        return "bull"

    def get_regime_confidence(self) -> float:
        return 0.8


def test_the_context_is_taken_before_the_strategy_acts(
    engine: Callable[..., SignalCaptureEngine], latest: Callable[[], Recording]
) -> None:
    with engine() as recorder:
        wrapped = CaptureAwareStrategy(Full(), recorder)
        assert wrapped.generate_signal(bar(0)) == {"direction": 1, "strength": 0.5}
        wrapped.generate_signal(bar(1))
    found = latest().signals()
    assert list(found["indicator_sma"]) == [0.0, 1.0]
    assert list(found["position_before"]) == [0.0, 10.0]
    first = found.iloc[0]
    assert (first["strategy_id"], first["symbol"], first["bar_index"]) == ("full", "GOOG", 0)
    assert (first["market_open"], first["market_close"], first["market_mid"]) == (1.0, 2.0, 2.0)
    assert first["timestamp"] == START
    assert (first["capital_available"], first["portfolio_cash"]) == (5000.0, 100.0)
    assert (first["risk_var"], first["limit_max_position"], first["param_fast"]) == (0.1, 100, 10)
    assert (first["regime"], first["regime_confidence"]) == ("bull", 0.8)
    assert latest().parts[0].segments[0]["indicators"] == {"sma": {"class": "SMA", "period": 10}}


class Bare:
    """A strategy with nothing but generate_signal, which returns what it is told to."""

    def __init__(self, *results: Any) -> None:
        self.results = list(results)

    def generate_signal(self, market_data: Any) -> Any:
        return self.results.pop(0)


def said(**words: Any) -> dict[str, Any]:
    return {"symbol": "GOOG", "direction": 1, **words}


@pytest.mark.parametrize(
    ("result", "strengths"),
    [
        (None, []),
        ([], []),
        (said(strength=0.1), [0.1]),
        ([said(strength=0.1), None, said(strength=0.2)], [0.1, 0.2]),
        ((said(strength=0.3), said(strength=0.4)), [0.3, 0.4]),
        (SimpleNamespace(symbol="GOOG", direction="long", strength=0.5), [0.5]),
        (pd.Series({"symbol": "GOOG", "direction": 1, "strength": 0.6}), [0.6]),
    ],
)
def test_what_a_strategy_returns_is_recorded_and_handed_on(
    engine: Callable[..., SignalCaptureEngine],
    latest: Callable[[], Recording],
    result: Any,
    strengths: list[float],
) -> None:
    with engine() as recorder:
        assert CaptureAwareStrategy(Bare(result), recorder).generate_signal(bar(0)) is result
    assert list(latest().signals()["strength"]) == strengths


def test_every_getter_is_optional(
    engine: Callable[..., SignalCaptureEngine], latest: Callable[[], Recording]
) -> None:
    getters = [name for name in vars(Full) if name.startswith("get_")]
    with engine() as recorder:
        for n, left_out in enumerate(getters):
            kept = {k: v for k, v in vars(Full).items() if k != left_out}
            CaptureAwareStrategy(type(f"Without{n}", (), kept)(), recorder).generate_signal(bar(n))
        CaptureAwareStrategy(Bare(said()), recorder).generate_signal({})
    found = latest().signals()
    assert len(found) == len(getters) + 1
    assert found["position_before"].isna().tolist() == [
        *(name == "get_position" for name in getters),
        True,
    ]


@pytest.mark.parametrize("name", [name for name in vars(Full) if name.startswith("get_")])
@pytest.mark.parametrize("failure", ["raises", "nonsense"])
def test_a_getter_that_fails_breaks_nothing(
    engine: Callable[..., SignalCaptureEngine],
    latest: Callable[[], Recording],
    name: str,
    failure: str,
) -> None:
    def fail(*_: Any) -> Any:
        if failure == "raises":
            raise RuntimeError("not now")
        return [object()]

    with engine() as recorder:
        strategy = Full()
        setattr(strategy, name, fail)
        wrapped = CaptureAwareStrategy(strategy, recorder)
        with pytest.warns(CaptureWarning, match="could not be read") as heard:
            run(wrapped, 3)
    assert len(heard) == 1, "told once"
    assert len(latest().signals()) == 3


def test_a_bad_signal_is_put_aside_and_the_run_goes_on(
    engine: Callable[..., SignalCaptureEngine], latest: Callable[[], Recording]
) -> None:
    bad = said(strength=math.nan)
    with engine() as recorder:
        wrapped = CaptureAwareStrategy(Bare(bad, bad, said(), "buy", 3, said()), recorder)
        with pytest.warns(CaptureWarning) as heard:
            results = [wrapped.generate_signal(bar(n)) for n in range(6)]
    assert results[3:5] == ["buy", 3]
    first, second = (str(warning.message) for warning in heard)
    assert "quarantined: strength=nan" in first
    assert "quarantined: signal='buy'" in second, "once for each kind of defect"
    assert len(latest().signals()) == 2
    assert list(latest().quarantine()["field"]) == ["strength", "strength", "signal", "signal"]


def test_market_data_that_cannot_be_read_break_nothing(
    engine: Callable[..., SignalCaptureEngine], latest: Callable[[], Recording]
) -> None:
    class Locked:
        def get(self, name: str) -> Any:
            raise PermissionError(name)

    with engine() as recorder:
        wrapped = CaptureAwareStrategy(Bare(said(), said(), said()), recorder)
        with pytest.warns(CaptureWarning, match="market data could not be read"):
            wrapped.generate_signal(Locked())
        wrapped.generate_signal(None)
        wrapped.generate_signal(object())
    assert len(latest().signals()) == 3


def test_a_row_or_a_whole_frame_is_market_data_too(
    engine: Callable[..., SignalCaptureEngine], latest: Callable[[], Recording]
) -> None:
    index = pd.date_range(START, periods=3, freq="D")
    frame = pd.DataFrame({"Open": [1.0, 2.0, 3.0], "Close": [1.5, 2.5, 3.5]}, index=index)
    with engine() as recorder:
        wrapped = CaptureAwareStrategy(Bare(said(), said(), said()), recorder)
        wrapped.generate_signal(frame.iloc[0])
        wrapped.generate_signal(frame.iloc[:2])
        wrapped.generate_signal(SimpleNamespace(timestamp=index[2], close=3.5))
    found = latest().signals()
    assert list(found["timestamp"]) == list(index)
    assert list(found["market_close"]) == [1.5, 2.5, 3.5]


def test_everything_else_is_the_strategys_own(engine: Callable[..., SignalCaptureEngine]) -> None:
    strategy = Full()
    wrapped = CaptureAwareStrategy(strategy, engine())
    assert wrapped.get_capital() == 5000.0
    wrapped.position = 7.0
    assert strategy.position == 7.0
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = wrapped.no_such_thing


def test_what_the_strategy_raises_gets_through(engine: Callable[..., SignalCaptureEngine]) -> None:
    wrapped = CaptureAwareStrategy(Bare(), engine())
    with pytest.raises(IndexError):
        wrapped.generate_signal(bar(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        capture.note("outside of a recording", 1)


def test_something_without_generate_signal_is_refused(
    engine: Callable[..., SignalCaptureEngine],
) -> None:
    with pytest.raises(UnsupportedStrategy, match=r"generate_signal\(market_data\)"):
        CaptureAwareStrategy(object(), engine())


class Noting:
    """Notes why, and returns what it is told to; `refuse` notes a signal that it held back."""

    def __init__(self, *results: Any, refuse: bool = False) -> None:
        self.results = list(results)
        self.refuse = refuse

    def generate_signal(self, market_data: Any) -> Any:
        if self.refuse:
            capture.note("volume filter", direction=-1, reason="too thin")
            return None
        result = self.results.pop(0)
        capture.note("why", "cross", signal=result[-1] if isinstance(result, list) else None)
        return result


def test_a_note_belongs_to_the_signal_that_is_returned(
    engine: Callable[..., SignalCaptureEngine], latest: Callable[[], Recording]
) -> None:
    with engine() as recorder:
        wrapped = CaptureAwareStrategy(Noting(said(), None, [said(), said()]), recorder)
        for n in range(3):
            wrapped.generate_signal(bar(n))
    notes = latest().notes()
    assert list(notes["value"]) == ["cross"] * 3
    assert list(notes["bar_index"]) == [0, 1, 2]
    assert set(notes["strategy_id"]) == {"Noting"}
    found = latest().signals()
    assert notes["signal_id"].isna().tolist() == [False, True, False]
    assert found["note_why"].fillna("").tolist() == ["cross", "", "cross"], "the one it named"


def test_a_signal_that_the_strategys_filter_held_back_is_recorded_as_refused(
    engine: Callable[..., SignalCaptureEngine], latest: Callable[[], Recording]
) -> None:
    with engine() as recorder:
        CaptureAwareStrategy(Noting(refuse=True), recorder).generate_signal(bar(0))
    found = latest().signals().iloc[0]
    assert (found["direction"], found["disposition"]) == (-1, "rejected")
    assert found["reason"] == "filtered_by_strategy"
    status = latest().statuses().iloc[0]
    assert (status["actor"], status["detail"]) == ("strategy", "volume filter: too thin")


def test_a_backend_that_fails_does_not_break_the_run(
    engine: Callable[..., SignalCaptureEngine], gate: Any, latest: Callable[[], Recording]
) -> None:
    recorder = engine(backend="gated", buffer_size=2, durability="memory")
    wrapped = CaptureAwareStrategy(Bare(*[said()] * 6), recorder)
    gate.broken = OSError("gone")
    with pytest.warns(CaptureWarning, match="not recorded"):
        run(wrapped, 6)
    gate.broken = None
    recorder.close()
    assert len(latest().signals()) == 2
