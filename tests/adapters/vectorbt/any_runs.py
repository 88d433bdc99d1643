"""Portfolios of vectorbt that nobody thought of."""

from __future__ import annotations

from copy import deepcopy
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import vectorbt as vbt
from hypothesis import strategies as st
from vectorbt.portfolio import enums, nb
from vectorbt.utils.enum_ import map_enum_fields

from tests.adapters.vectorbt import prices as p
from tests.adapters.vectorbt.cases import Case, MyPortfolio

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["any_run"]

BARS = 50


class Shape(NamedTuple):
    """What a call trades: closes, and the columns of what is wanted of them."""

    close: Any
    columns: pd.Index | None

    @property
    def width(self) -> int:
        """The number of the portfolio's columns."""
        return 1 if self.columns is None else len(self.columns)

    def given(self, values: NDArray[Any], bare: bool) -> Any:
        """Return values of every bar and column as a user has them."""
        if self.columns is None:
            return values[:, 0].copy() if bare else pd.Series(values[:, 0], self.close.index)
        return values if bare else pd.DataFrame(values, self.close.index, self.columns)


# --- prices --------------------------------------------------------------------------------------


@cache
def _table(kind: str, start: int) -> pd.DataFrame:
    frame: pd.DataFrame = getattr(p, kind)()
    columns = {name: frame[name.title()].to_numpy()[start:][:BARS] for name in ("close", "open")}
    return pd.DataFrame(columns, index=frame.index[start : start + BARS], dtype=float)


@st.composite
def _shapes(draw: st.DrawFn) -> Shape:
    kind = draw(st.sampled_from(["goog", "zoned", "numbered", "gappy"]))
    table = _table(kind, draw(st.sampled_from([0, 217, 400])))
    form = draw(st.sampled_from(["one", "named", "assets", "grid", "grid of assets"]))
    close = table["close"].rename("X" if form == "named" else None)
    if form in {"one", "named"}:
        return Shape(close, None)
    if form == "grid":
        return Shape(close, pd.Index([5, 10, 20], name="window"))
    count = draw(st.integers(1, 3))
    every = (table["close"].to_numpy(), table["open"].to_numpy() * 2, np.full(BARS, 3.0))
    values = np.stack(every[:count], axis=1)
    symbols = pd.Index(["AAA", "BBB", "CCC"][:count], name="symbol")
    assets = pd.DataFrame(values, table.index, symbols)
    if form == "assets":
        return Shape(assets, symbols)
    return Shape(assets, pd.MultiIndex.from_product([[5, 20], symbols], names=["window", "symbol"]))


# --- what is wanted ------------------------------------------------------------------------------


def _plans(what: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    column = st.integers(0, 5)
    return st.dictionaries(
        st.integers(0, BARS - 1), st.lists(st.tuples(column, what), min_size=1, max_size=3)
    )


_BARE = st.booleans()
_SIZES = st.sampled_from([1.0, -1.0, 2.5, 0.3, -0.7, 0.0, np.inf, -np.inf, 40.0, -1e5, 1e-9])


@st.composite
def _signals(draw: st.DrawFn, shape: Shape) -> dict[str, Any]:
    names = ["entries", "exits", "short_entries", "short_exits"]
    names = draw(st.sampled_from([names[:2], names]))
    arrays = {name: np.zeros((BARS, shape.width), dtype=bool) for name in names}
    for bar, wanted in draw(_plans(st.sampled_from(names))).items():
        for column, name in wanted:
            arrays[name][bar, column % shape.width] = True
    bare = draw(_BARE)
    return {name: shape.given(array, bare) for name, array in arrays.items()}


@st.composite
def _orders(draw: st.DrawFn, shape: Shape) -> dict[str, Any]:
    sizes = np.full((BARS, shape.width), np.nan)
    for bar, wanted in draw(_plans(_SIZES)).items():
        for column, size in wanted:
            sizes[bar, column % shape.width] = size
    return {"size": shape.given(sizes, draw(_BARE))}


# --- settings ------------------------------------------------------------------------------------

# vectorbt compiles its simulation anew for every combination of types: so a setting has always the
# same type, and is one number in all cells or else a table, for all settings of a call alike.
_ALL: dict[str, tuple[Any, ...]] = {
    "fees": (0.0, 0.001, 0.02),
    "fixed_fees": (0.0, 1.5),
    "slippage": (0.0, 0.002),
    "min_size": (1e-8, 0.5),
    "max_size": (np.inf, 3.0),
    "size_granularity": (np.nan, 1.0),
    "lock_cash": (False, True),
    "allow_partial": (True, False),
    "log": (False, True),
    "val_price": (np.inf, -np.inf),
    "price": (np.inf, -np.inf),
    "reject_prob": (0.0, 0.3),
    "raise_reject": (False, False, False, True),
}
_OF_SIGNALS: dict[str, tuple[Any, ...]] = {
    "size": (np.inf, 1.0, 0.3, 40.0, 0.0),
    "size_type": ("amount", "value"),
    "accumulate": enums.AccumulationMode._fields,
    "upon_long_conflict": enums.ConflictMode._fields,
    "upon_short_conflict": enums.ConflictMode._fields,
    "upon_dir_conflict": enums.DirectionConflictMode._fields,
    "upon_opposite_entry": enums.OppositeEntryMode._fields,
    "direction": enums.Direction._fields,
    "sl_stop": (np.nan, 0.01, 0.05),
    "sl_trail": (False, True),
    "tp_stop": (np.nan, 0.02),
    "stop_entry_price": enums.StopEntryPrice._fields,
    "stop_exit_price": enums.StopExitPrice._fields,
    "upon_stop_exit": enums.StopExitMode._fields,
    "upon_stop_update": enums.StopUpdateMode._fields,
}
_OF_ORDERS: dict[str, tuple[Any, ...]] = {
    "size_type": enums.SizeType._fields,
    "direction": enums.Direction._fields,
}
_ENUMS = {
    "size_type": enums.SizeType,
    "accumulate": enums.AccumulationMode,
    "upon_long_conflict": enums.ConflictMode,
    "upon_short_conflict": enums.ConflictMode,
    "upon_dir_conflict": enums.DirectionConflictMode,
    "upon_opposite_entry": enums.OppositeEntryMode,
    "direction": enums.Direction,
    "stop_entry_price": enums.StopEntryPrice,
    "stop_exit_price": enums.StopExitPrice,
    "upon_stop_exit": enums.StopExitMode,
    "upon_stop_update": enums.StopUpdateMode,
}


def _code(name: str, value: Any) -> Any:
    return map_enum_fields(value, _ENUMS[name]) if name in _ENUMS else value


@st.composite
def _table_of(draw: st.DrawFn, name: str, values: tuple[Any, ...], width: int) -> Any:
    shape = draw(st.sampled_from([(1, 1), (1, 1), (1, width), (BARS, 1)]))
    count = min(shape[0] * shape[1], 7)
    codes = [_code(name, draw(st.sampled_from(values))) for _ in range(count)]
    return np.resize(np.array(codes), shape)


@st.composite
def _cells(
    draw: st.DrawFn, known: dict[str, tuple[Any, ...]], shape: Shape, wide: bool
) -> dict[str, Any]:
    if wide:
        usual = {name: np.full((1, 1), _code(name, values[0])) for name, values in known.items()}
        optional = {name: _table_of(name, values, shape.width) for name, values in known.items()}
    else:
        usual = {name: values[0] for name, values in known.items()}
        optional = {name: st.sampled_from(values) for name, values in known.items()}
    return usual | draw(st.fixed_dictionaries({}, optional=optional))


@st.composite
def _wholes(draw: st.DrawFn, shape: Shape) -> dict[str, Any]:
    optional: dict[str, Any] = {
        "freq": st.just("1D"),
        "ffill_val_price": st.booleans(),
        "update_value": st.booleans(),
        "attach_call_seq": st.booleans(),
        "call_seq": st.sampled_from(["default", "reversed", "random"]),
    }
    words: dict[str, Any] = draw(
        st.fixed_dictionaries({"seed": st.integers(0, 3)}, optional=optional)
    )
    cash: list[Any] = [100.0, 1_000, 50_000.0, "auto", "autoalign", 7]
    if shape.width > 1:
        words["group_by"] = draw(st.sampled_from([None, False, True, _halves(shape.width)]))
        words["cash_sharing"] = draw(st.booleans())
        if words["group_by"] is not False and words["cash_sharing"]:
            words["call_seq"] = draw(st.sampled_from(["default", "reversed", "random", "auto"]))
        elif not words["cash_sharing"]:
            cash.append([10.0 * 3**i for i in range(shape.width)])
    return words | {"init_cash": draw(st.sampled_from(cash))}


def _halves(width: int) -> list[str]:
    return ["x" if 2 * column < width else "y" for column in range(width)]


@st.composite
def _settings(
    draw: st.DrawFn, known: dict[str, tuple[Any, ...]], shape: Shape, wide: bool
) -> dict[str, Any]:
    return draw(_cells(known, shape, wide)) | draw(_wholes(shape))


# --- calls ---------------------------------------------------------------------------------------


def _planned(context: Any, sizes: Any, fees: float) -> Any:
    return nb.order_nb(
        size=sizes[context.i, context.col],
        price=context.close[context.i, context.col],
        fees=fees,
    )


_CALLS = st.sampled_from(
    ["from_signals"] * 4
    + ["from_orders"] * 3
    + ["from_holding", "from_random_signals", "from_order_func"]
)


@st.composite
def any_run(draw: st.DrawFn) -> tuple[Case, Case]:
    """Draw a call of a constructor, and the same under other settings."""
    shape = draw(_shapes())
    call = draw(_CALLS)
    # Tables as wide as the closes, or one width for all: so that every call is one of vectorbt's.
    wide = shape.columns is not None and draw(st.booleans())
    host = draw(st.sampled_from([vbt.Portfolio, vbt.Portfolio, MyPortfolio]))
    words, known = _arguments(draw, call, shape)
    settings = draw(_settings(known, shape, wide))
    others = draw(_settings(known, shape, wide))
    # Under other settings an order may be refused that was not, and then a fresh run raises.
    if "raise_reject" in known:
        others["raise_reject"] = np.full((1, 1), fill_value=False) if wide else False
    # Of random signals the seed is no setting: another one draws others.
    if call == "from_random_signals":
        others["seed"] = settings["seed"]
    handed = {"order_func_nb": _planned} if call == "from_order_func" else {}
    case = Case(
        call, partial(deepcopy, words), settings, host, replayable=not handed, handed=handed
    )
    return case, case.under(**others)


def _arguments(
    draw: st.DrawFn, call: str, shape: Shape
) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """Return what a constructor is called with, and the settings that it has."""
    words: dict[str, Any] = {"close": shape.close}
    if call == "from_orders":
        return words | draw(_orders(shape)), _ALL | _OF_ORDERS
    if call == "from_order_func":
        sizes = np.asarray(draw(_orders(shape))["size"]).reshape(BARS, -1)
        return words | {"args": (_planned, sizes, 0.001), "use_numba": False}, {}
    if call == "from_signals":
        words |= draw(_signals(shape))
    elif call == "from_random_signals":
        words |= draw(st.sampled_from([{"n": 3}, {"n": [2, 5]}, {"prob": 0.2}]))
    return words, _ALL | _OF_SIGNALS
