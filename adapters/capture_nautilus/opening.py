"""How a strategy begins to be recorded: the run's start record, and the strategy's channels."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import nautilus_trader
import numpy as np
import pyarrow as pa

from capture.journal import Field
from capture.recorder.adapting import same_columns, slippage_of, source_of, start_record
from capture.recorder.channel import Share
from capture.recorder.facts import StrategyFacts
from capture.store.run import RunStart
from capture_nautilus import rows
from capture_nautilus.deferring import Later
from capture_nautilus.encoding import encode
from capture_nautilus.facts import parameters
from capture_nautilus.indicators import Indicators
from capture_nautilus.writing import Channels, Take, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.config import SignalCaptureConfig
    from capture.journal.appending import Append
    from capture.recorder.channel import Channel
    from capture_nautilus.ear import Ear
    from capture_nautilus.market import Series
    from capture_nautilus.session import Session

__all__ = ["Opened", "params_of", "start_of"]


def start_of(original: type, config: SignalCaptureConfig, **said: Any) -> RunStart:
    """Return the start record of a run, or of a replay of one.

    Args:
        original: the user's strategy.
        config: how it is recorded.
        **said: parameters and settings.
    """
    return start_record(
        config,
        getattr(original, "replay_source", None),
        partial(source_of, original),
        host="nautilus",
        host_version=nautilus_trader.__version__,
        strategy=original.__name__,
        libraries=("nautilus_trader", "numpy", "pandas"),
        **said,
    )


def params_of(strategy: Any) -> dict[str, Any]:
    """Return the strategy's parameters, as this run has them; of a replay, the recorded ones."""
    replayed = getattr(type(strategy), "replay_source", None)
    return parameters(strategy.config) if replayed is None else dict(replayed.params)


class Opened:
    """What one strategy of a run writes through, and what is gathered late for it.

    Attributes:
        indicators: the strategy's.
        known: the channels that are declared, by the bars of their instrument.
        said: by sequence number of an order, the call and its arguments as they were given.
        saying: those of the order that is being written, which has no number yet.
    """

    def __init__(self, session: Session, ear: Ear) -> None:
        """Declare a strategy; its indicators are looked at when it gives its first signal."""
        self._session = session
        self._ear = ear
        self.said: dict[int, tuple[str, Any]] = {}
        self.saying: tuple[str, Any] = ("", None)
        self._sources = getattr(ear.strategy, "source_ids", None)
        self._begin()

    def forget(self) -> None:
        """Have no channels yet."""
        self.known: dict[Series | None, Channels] = {}
        self._later: list[Later] = []

    def _begin(self) -> None:
        ear = self._ear
        self.indicators = Indicators(ear.strategy)
        self.forget()
        facts = StrategyFacts(ear.strategy_id, params_of(ear.strategy), self.indicators.metadata)
        self._segment = self._session.engine.segment(facts)

    def writer(self) -> Writer:
        """Return what writes the strategy's intents."""
        return Writer(self._ear, self, self._session.engine)

    def renew(self) -> None:
        """Open another segment, with the indicators that there are now."""
        self._begin()

    # --- channels ----------------------------------------------------------------------------

    def channels(self, series: Series | None) -> Channels:
        """Return the channels of an instrument, which are declared when they are first used."""
        known = self.known.get(series)
        if known is None:
            known = self.known[series] = self._declare(series)
        return known

    def declare(self) -> None:
        """Declare the channels that are likely to be used, so that no signal waits for it."""
        session = self._session
        for series in session.subscribed(self._ear) or session.market.series[:1]:
            self.channels(series)

    def write(self) -> None:
        """Write the rows that were taken to be written later."""
        for later in self._later:
            later.write()

    def _told(self, channel: Channel) -> Take:
        """Return what takes rows of what the host tells: at once, or to be written later."""
        if not self._ear.deferring.most:
            return _at_once(channel.append)
        later = Later(channel)
        self._later.append(later)
        return later.take

    def _declare(self, series: Series | None) -> Channels:
        labels = {} if series is None else {"symbol": series.symbol, "timeframe": series.timeframe}
        own = {**labels, "strategy_id": self._ear.strategy_id}
        engine, late = self._session.engine, _Late(self, series)
        said = {**own, "segment": self._segment}
        values = tuple(Field(name, "float") for name in self.indicators.columns)
        signal = {**rows.SIGNAL_COLUMNS, **same_columns(values)}
        joint = engine.joint_channel(
            (*rows.SIGNAL, *values, *rows.TAIL),
            (
                Share("signals", signal, said, late=late.of_signals),
                Share("orders", rows.INTENT_ORDER, {**own, "action": "new"}, late=late.of_intents),
            ),
        )
        alone = engine.joint_channel(
            (*rows.SIGNAL, *values), (Share("signals", signal, said, late=late.of_signals),)
        )
        fills = Share("fills", same_columns(rows.FILL), own, late=late.of_fills)
        done = {**own, "status": "executed", "reason": "filled", "actor": "broker"}
        executed = Share("statuses", rows.EXECUTED, done)
        return Channels(
            joint.append,
            alone.append,
            engine.channel("orders", rows.ORDER, constants=own, late=late.of_orders).append,
            self._told(engine.channel("fills", rows.FILL, constants=own, late=late.of_fills)),
            _at_once(engine.joint_channel(rows.FILL, (fills, executed)).append),
            self._told(engine.channel("statuses", rows.STATUS, constants=own)),
        )

    # --- what is gathered late ---------------------------------------------------------------

    def texts(self, seqs: list[int]) -> dict[str, Any]:
        """Return what an order says in words: arguments, validity, tags, other orders."""
        found: dict[str, list[Any]] = {
            name: []
            for name in (
                "arguments", "valid", "tag", "parent_id", "oco_id", "extra_client_order_id"
            )
        }  # fmt: skip
        for seq in seqs:
            verb, given = self.said.get(seq, self.saying)
            row = {} if given is None else self._texts(seq, verb, given)
            for name, values in found.items():
                values.append(row.get(name))
        return {name: pa.array(values, pa.string()) for name, values in found.items()}

    def _texts(self, seq: int, verb: str, given: Mapping[str, Any]) -> dict[str, str | None]:
        ear = self._ear
        placed = ear.outcomes.placed

        def again(order: Any) -> bool:
            known = placed.get(order.client_order_id)
            if known is None or seq - 1 <= known.signal_seq <= seq:
                return False
            # One that is submitted may be another of the same name, which the host denies.
            return known.order is order or not verb.startswith("submit_")

        lost: set[str] = set()
        arguments = encode(given, again, lost) if verb else None
        ear.missing.update(f"{verb}.{name}" for name in lost)
        order = given.get("order")
        if order is None and "order_list" in given:
            order = given["order_list"].first
        return {"arguments": arguments, **({} if order is None else self._of_order(order))}

    def _of_order(self, order: Any) -> dict[str, str | None]:
        placed = self._ear.outcomes.placed
        parent = None if order.parent_order_id is None else placed.get(order.parent_order_id)
        linked = [placed.get(other) for other in order.linked_order_ids or ()]
        beside = next((p for p in linked if p is not None and p.order is not order), None)
        contingent = order.contingency_type.name if order.contingency_type else ""
        expires = getattr(order, "expire_time", None)
        valid = order.time_in_force.name
        return {
            "valid": valid if expires is None else f"{valid} {expires.isoformat()}",
            "tag": ",".join(order.tags) if order.tags else None,
            "parent_id": None if parent is None else f"o{parent.order_seq}",
            "oco_id": f"o{beside.order_seq}" if beside and contingent in {"OCO", "OUO"} else None,
            "extra_client_order_id": order.client_order_id.value,
        }

    def references(self, moments: list[int], series: Series | None) -> list[str | None]:
        """Return where the other bars that the strategy subscribed to stood at these moments."""
        others = [s for s in self._session.subscribed(self._ear) if s is not series]
        texts = []
        for moment in moments:
            seen = [[s.symbol, s.timeframe, bar] for s in others if (bar := s.at(moment)) >= 0]
            texts.append(json.dumps(seen) if seen else None)
        return texts

    def repeated(self, seqs: Any) -> dict[str, Any]:
        """Return, of a replay, which recorded signals these signals repeat."""
        if self._sources is None:
            return {}
        return {"source_signal_id": pa.array(self._sources(seqs), pa.string())}

    @property
    def several(self) -> bool:
        """Whether the strategy may have seen other bars than an instrument's own."""
        return len(self._session.market.series) > 1

    @property
    def self_contained(self) -> bool:
        """Whether signals carry their market data themselves."""
        return self._session.config.self_contained


def _at_once(append: Append) -> Take:
    """Return what writes a row as soon as it is there."""

    def take(row: tuple[Any, ...]) -> None:
        append(*row)

    return take


class _Late:
    """Gathers by bar what the host keeps for the whole run, and what an order says in words."""

    def __init__(self, opened: Opened, series: Series | None) -> None:
        self._opened = opened
        self._series = series

    def of_signals(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return what else a signal saw."""
        opened, series = self._opened, self._series
        found: dict[str, Any] = opened.repeated(columns["seq"])
        if opened.several:
            moments = np.asarray(columns["timestamp"]).astype("datetime64[ns]").astype(np.int64)
            found["references"] = pa.array(opened.references(moments.tolist(), series), pa.string())
        if opened.self_contained and series is not None:
            at = columns["bar_index"]
            found |= {f"market_{name}": values[at] for name, values in series.columns.items()}
        return found

    def of_intents(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the order of a signal says in words."""
        return self._opened.texts([seq + 1 for seq in columns["signal_seq"].tolist()])

    def of_orders(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an order, an edit or a cancel says in words."""
        return self._opened.texts(columns["seq"].tolist())

    def of_fills(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return slippage against the close that the decision saw."""
        series = self._series
        if series is None:
            return {}
        return slippage_of(columns, series.columns["close"].__getitem__)
