"""One captured run of an engine: its beginning, its end, and what all its strategies share."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.accounting.error import AccountError

from capture.errors import CaptureError
from capture.events import Bar, RunState
from capture.recorder.current import enter, leave
from capture.recorder.ending import OUT_OF_MONEY, Stopping, end_run, why_stopped
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.lifetimes import Runs
from capture_nautilus import notes
from capture_nautilus.ending import equity_table, strategy_facts, trade_table
from capture_nautilus.facts import host_settings
from capture_nautilus.market import Market, Series, engine_of
from capture_nautilus.opening import Opened, params_of, start_of
from capture_nautilus.running import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.config import SignalCaptureConfig
    from capture.recorder.current import Note
    from capture_nautilus.ear import Account, Ear

__all__ = ["Session", "join"]


def join(ear: Ear, config: SignalCaptureConfig) -> Session:
    """Return the session of the run that a strategy is part of; the first one begins it."""
    msgbus = ear.strategy.msgbus
    for session in list(_SESSIONS):
        if session.msgbus is msgbus and session.config == config:
            session.add(ear)
            return session
    session = Session(config, ear)
    session.add(ear)
    return session


class Session(Stopping):
    """Writes the recording of one run, of one captured strategy or of several.

    Attributes:
        config: how it is recorded.
        msgbus: the host's message bus, of which each engine has one.
        backtest: the host's engine; None of a live node.
        engine: the recorder.
        market: the bars of the run.
        ears: hear the strategies.
        observe: tells observers of a bar; None if nobody listens.
    """

    def __init__(self, config: SignalCaptureConfig, ear: Ear) -> None:
        """Begin the recording of a run whose first captured strategy is about to start."""
        strategy = ear.strategy
        self.config = config
        self.msgbus = strategy.msgbus
        self.backtest = engine_of(self.msgbus)
        self.market = Market(self.backtest)
        self._name_data()
        self.ears: list[Ear] = []
        self._stopped: set[str] = set()
        self._over = False
        self._problem: str | None = None
        self._trades = 0
        self._untold = False  # whether there were fills of which the host did not tell
        self._accounts: dict[Any, Account] = {}
        start = start_of(
            ear.original,
            config,
            params=params_of(strategy),
            settings=host_settings(self.backtest),
        )
        self.engine = SignalCaptureEngine(config, run=start)
        for series in self.market.series:
            self.engine.add_base_data(
                series.table(), symbol=series.symbol, timeframe=series.timeframe
            )
        tell = self.engine.observer("bars")
        self.observe = None if tell is None else self._observer(tell)
        self._opened: dict[str, Opened] = {}
        self._watch = None if self.backtest is None else Watch(self, self.backtest.kernel)
        enter(self)
        _SESSIONS.add(self)

    def _name_data(self) -> None:
        if self.market.series:
            first = self.market.series[0]
            first.symbol = self.config.symbol or first.symbol
            first.timeframe = self.config.timeframe or first.timeframe

    def add(self, ear: Ear) -> None:
        """Hear one more strategy of the run."""
        for other in self.ears:  # trades are numbered over all of them, as they begin
            other.deferring.attend()
        ear.session, ear.observe = self, self.observe
        self.ears.append(ear)
        opened = self._opened[ear.strategy_id] = Opened(self, ear)
        ear.writer = opened.writer()
        ear.deferring.listen(self._deferred())

    def _deferred(self) -> int:
        """Return how much is noted of orders until it is recorded; 0 if all is at once."""
        at_once = len(self.ears) > 1 or self.backtest is None or not self.engine.fills_may_follow
        # An order is told of some six times, and is two rows itself.
        return 0 if at_once else 3 * self.config.buffer_size

    def _observer(self, tell: Callable[[Any], None]) -> Callable[[Any], None]:
        def observe(bar: Any) -> None:
            series = self.market.of_type(str(bar.bar_type))
            if series is None:
                return
            at, mine = series.at(bar.ts_init), series

            def read() -> dict[str, Any]:
                row = {name: float(values[at]) for name, values in mine.columns.items()}
                times = mine.table().slice(at, 1)
                moments = {n: times.column(n)[0].as_py() for n in ("timestamp", "available_time")}
                return {"symbol": mine.symbol, "timeframe": mine.timeframe, **moments, **row}

            tell(Bar.lazy({"bar_index": at}, read))

        return observe

    # --- in between --------------------------------------------------------------------------

    def next_trade(self) -> int:
        """Return the number of a trade that begins."""
        self._trades += 1
        return self._trades - 1

    def account(self, instrument_id: Any) -> Account | None:
        """Return what tells the free balance of the account that trades an instrument."""
        known = self._accounts.get(instrument_id) or self._account_of(instrument_id)
        if known is not None:
            self._accounts[instrument_id] = known
        return known

    def _account_of(self, instrument_id: Any) -> Account | None:
        ear = self.ears[0]
        account = ear.portfolio.account(instrument_id.venue)
        instrument = ear.cache.instrument(instrument_id)
        if account is None or instrument is None:
            return None
        currency = account.base_currency
        if currency is None:
            currency = instrument.quote_currency
        return account.balance_free, currency

    def subscribed(self, ear: Ear) -> list[Series]:
        """Return the bars that a strategy subscribed to."""
        texts = [said["arguments"] for said in ear.setup if said["call"] == "subscribe_bars"]
        return [s for s in self.market.series if any(f'"{s.bar_type}"' in text for text in texts)]

    def note(self, note: Note) -> None:
        """Keep what a strategy notes."""
        if not self._over:
            notes.keep(self, note)

    def speaking(self) -> Ear:
        """Return the ear of the strategy that is in one of its callbacks."""
        return next((ear for ear in self.ears if ear.phase), self.ears[0])

    def broken(self, exc: CaptureError) -> None:
        """Say once that recording stopped; the run goes on unless the user chose that it halts."""
        self._problem = f"recording stopped: {exc}"
        for ear in self.ears:
            ear.writer = None
        name = self.ears[0].original.__name__ if self.ears else "capture"
        self.say_stopped(exc, name)

    # --- the end -----------------------------------------------------------------------------

    def stopped(self, ear: Ear) -> None:
        """Take note that a strategy has stopped; the host may still carry out its orders."""
        self._stopped.add(ear.strategy_id)
        if self.backtest is None:  # of a live node, nothing tells when all has settled
            self.over_if_stopped()

    def over_if_stopped(self) -> None:
        """Seal the recording if all its strategies have stopped."""
        if self.ears and len(self._stopped) == len(self.ears):
            self.finish()

    def finish(self) -> None:
        """Seal the recording of a run that came to its end."""
        if not self._stop():
            return
        try:
            if self._problem is None:
                self._finish_fills()
        except Exception as exc:  # the user wants to hear of it
            self._flags()
            self._close(RunState.FAILED, self._problem or str(exc))
            raise
        if self._is_cut_short:
            # The strategies are asked no more: what they would have done later, nobody knows.
            self.ears[0].reads.add(OUT_OF_MONEY)
        self._flags()
        self._close(RunState.ENDED, self._problem)

    def _finish_fills(self) -> None:
        for ear in self.ears:
            ear.deferring.settle()
            if ear.writer is None:  # what it told could not be read
                continue
            try:
                self._untold |= ear.outcomes.catch_up()
                ear.outcomes.end_of_data(ear.clock.timestamp_ns())
                ear.deferring.finish()
            except Exception as exc:
                self.broken(why_stopped(exc, self.config))

    def raised(self, exc: BaseException) -> None:
        """Close the recording of a run that an exception ended.

        An account that is at an end is told of by one, after which the host ends the run itself.
        """
        if self.backtest is None or not isinstance(exc, AccountError):
            super().raised(exc)

    def fail(self, problem: str) -> None:
        """Close the recording of a run that did not come to its end."""
        if not self._stop():
            return
        for ear in self.ears:
            with suppress(Exception):  # the run has a problem of its own to tell of
                ear.deferring.finish()
        self._flags()
        self._close(RunState.FAILED, problem)

    def _tables(self) -> None:
        for name, table in (("equity", equity_table(self)), ("trades", trade_table(self))):
            if table is not None and table.num_rows:
                self.engine.append_table(name, table)

    def _flags(self) -> None:
        with suppress(CaptureError):
            self.engine.hand_over()  # what could not be kept is noticed when arguments are written
        reads = set().union(*(ear.reads for ear in self.ears))
        missing = set().union(*(ear.missing for ear in self.ears))
        unheard = sum(len(ear.outcomes.unheard) for ear in self.ears)
        if unheard:
            missing.add("orders of which no call told")
        facts = {
            "closed_loop": sorted(reads),
            "not_captured": sorted(missing),
            "unheard_orders": unheard,
            "series": [[s.symbol, s.timeframe, s.bar_type] for s in self.market.series],
            "strategies": {ear.strategy_id: strategy_facts(ear) for ear in self.ears},
        }
        for name, value in facts.items():
            if value:
                self.engine.flag(name, value)

    @property
    def _is_cut_short(self) -> bool:
        """Whether the host stopped within its data, which it does when an account is at an end."""
        if self.backtest is None:
            return False
        data, place = self.backtest.data, self.backtest.iteration
        now = max(ear.clock.timestamp_ns() for ear in self.ears)
        # It may also be at an end between two bars, by an order that a timer gave.
        return bool(place < len(data) and (data[place].ts_init <= now or self._untold))

    def _close(self, state: RunState, problem: str | None) -> None:
        trouble = end_run(self.engine, self._tables, state, problem)
        if trouble is not None:
            self.broken(trouble)

    def _stop(self) -> bool:
        """Hear nothing more; False if it is over already."""
        if self._over:
            return False
        self._over = True
        leave(self)
        _SESSIONS.discard(self)
        if self._watch is not None:
            self._watch.end()
        for ear in self.ears:
            ear.deferring.end()
            ear.strategy.__dict__.pop("_capture", None)
            ear.strategy.__dict__.pop("_capture_restore", lambda: None)()
        return True


_SESSIONS: Final[Runs[Session]] = Runs()
