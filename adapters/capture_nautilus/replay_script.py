"""What a replay does in which callback: the recorded calls, with the arguments that they had.

A call belongs to the callback in which it was made: the so-manieth `on_bar`, the so-manieth ring of
a timer. Callbacks are counted each for itself. So orders given in `on_bar` are given in the same
`on_bar` under other settings, too, however many events of orders come in between.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.model.identifiers import ClientOrderId, PositionId

from capture_nautilus.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from capture.contracts.replay import IntentLike, ReplaySource
    from capture_nautilus.market import Series

__all__ = ["Intents"]

_NEEDED: Final = {
    "submit_order": "order",
    "submit_order_list": "order_list",
    "modify_order": "order",
    "cancel_order": "order",
    "cancel_orders": "orders",
    "close_position": "position",
}
"""What a call cannot do without: if it is left out, so is the call."""


class Intents:
    """Makes the recorded calls."""

    def __init__(
        self, source: ReplaySource, strategy: Any, setup: Iterable[Mapping[str, Any]]
    ) -> None:
        """Sort the calls by callback.

        Args:
            source: the recording.
            strategy: makes the calls.
            setup: what the strategy subscribed to, and its timers.
        """
        self._source = source
        self._strategy = strategy
        self._counts: dict[str, int] = {}
        self._orders: dict[str, Any] = {}
        self._shift = 0
        self._closing = 0
        self._taken = 0
        self._numbered = _numbered(strategy)
        self._setup: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
        for said in setup:
            self._setup.setdefault((said["phase"], said["callback"]), []).append(said)
        self._calls: dict[tuple[str, int], list[IntentLike]] = {}
        self._exits: dict[tuple[str, int], list[IntentLike]] = {}
        for intent in source.intents:
            if intent.callback is None:  # an exit that the strategy never asked for
                place = (self._series(intent.symbol).bar_type, int(intent.bar_index or 0))
                self._exits.setdefault(place, []).append(intent)
            elif intent.call is not None:  # else the host made it to carry out another
                key = (str(intent.phase), intent.callback)
                self._calls.setdefault(key, []).append(intent)

    def _series(self, symbol: str | None) -> Series:
        found: dict[tuple[str, str], Series] = self._strategy.series
        for (name, _), series in found.items():
            if name == symbol:
                return series
        return next(iter(found.values()))

    def play(self, phase: str, data: Any = None) -> None:
        """Do what the strategy did in this callback."""
        number = self._counts.get(phase, 0)
        self._counts[phase] = number + 1
        if self._exits and phase == "on_bar":
            self._leave(data)
        key = (phase, number)
        if key in self._setup:
            for said in self._setup[key]:
                self._set_up(said)
        for intent in self._calls.get(key, ()):
            self._make(intent)

    def _leave(self, bar: Any) -> None:
        """Make the exits that a boundary policy adds."""
        kind = str(bar.bar_type)
        series = self._strategy.market.of_type(kind)
        if series is not None:
            for _ in self._exits.get((kind, series.at(bar.ts_init)), ()):
                self._flatten(series.instrument_id)

    def _flatten(self, instrument_id: Any) -> None:
        self._strategy.close_all_positions(instrument_id)

    def _set_up(self, said: Mapping[str, Any]) -> None:
        given = self._decoded(said["arguments"])
        strategy, verb = self._strategy, said["call"]
        if given.pop("callback", False):
            given["callback"] = strategy.ring
        here = strategy if hasattr(strategy, verb) else strategy.clock
        getattr(here, verb)(**given)

    def _make(self, intent: IntentLike) -> None:
        strategy, verb = self._strategy, str(intent.call)
        series = self._series(intent.symbol) if intent.symbol is not None else None
        if verb == "flatten":
            assert series is not None
            self._flatten(series.instrument_id)
            return
        given = self._decoded(str(intent.arguments or "{}"))
        needed = _NEEDED.get(verb)
        if needed == "orders":
            given["orders"] = [order for order in given["orders"] if order is not None]
        instrument_id = _instrument(given, series)
        strategy.reach(intent.signal_seq if intent.action == "new" else None, intent.bar_index,
                       instrument_id)  # fmt: skip
        if needed is not None and not given.get(needed):
            return
        count, made = given.pop("count", None), given.pop("made", 0)
        if count is not None:
            self._close(verb, given, count, made)
            return
        self._remember(intent, given)
        try:
            getattr(strategy, verb)(**given)
        except Exception:
            # The host refused it then, too, and the strategy went on.
            if intent.action == "new" and intent.signal_seq not in self._source.refused:
                raise

    def _close(self, verb: str, given: Mapping[str, Any], count: int, made: int) -> None:
        """Close positions: the host counts the orders that it makes of it, and names them so.

        Under other settings there may be more of them, or fewer; then the names of all orders
        after them are others, as they would be if the strategy ran.
        """
        factory = self._strategy.order_factory
        begin, around, self._taken = count + self._shift, self._taken, 0
        factory.set_client_order_id_count(begin)
        self._closing += 1
        try:
            getattr(self._strategy, verb)(**given)
        finally:
            self._closing -= 1
            taken = factory.get_client_order_id_count() - begin
            self._shift += taken - self._taken - made
            self._taken = around + taken

    def _take(self, orders: Iterable[Any]) -> None:
        """Let the host go on counting after orders of callbacks that it calls while it closes."""
        factory = self._strategy.order_factory
        for order in orders:
            numbered = self._numbered.fullmatch(order.client_order_id.value)
            before = factory.get_client_order_id_count()
            if numbered is not None and int(numbered[2]) > before:
                factory.set_client_order_id_count(int(numbered[2]))
                self._taken += int(numbered[2]) - before

    def _renamed(self, name: str) -> str:
        """Return what an order is called in this run; one that the user named keeps its name."""
        factory, known = self._strategy.order_factory, self._orders.get(name)
        if known is not None:  # an order of an earlier call, which this one names
            return str(known.client_order_id.value)
        numbered = self._numbered.fullmatch(name) if self._shift else None
        if numbered is None or factory.use_uuid_client_order_ids:
            return name
        return f"{numbered[1]}{int(numbered[2]) + self._shift}"

    def _decoded(self, text: str) -> dict[str, Any]:
        strategy = self._strategy
        owner = {"trader_id": strategy.trader_id.value, "strategy_id": strategy.id.value}
        return decode(text, self._order, self._position, owner, self._renamed)

    def _remember(self, intent: IntentLike, given: Mapping[str, Any]) -> None:
        """Know the orders by the names that they were recorded with."""
        listed = given.get("order_list")
        orders = [given["order"]] if given.get("order") is not None else []
        if listed is not None:
            orders = listed.orders
        if intent.action == "new":
            for order, name in zip(orders, _names(str(intent.arguments)), strict=True):
                self._orders.setdefault(name, order)
            if self._closing:
                self._take(orders)

    def _order(self, name: str) -> Any:
        """Return the order that stands for a recorded one; None where it was left out."""
        known = self._orders.get(name)
        return self._strategy.real_cache.order(ClientOrderId(name)) if known is None else known

    def _position(self, name: str, instrument: str) -> Any:
        """Return the position that stands for a recorded one; None if there is none."""
        cache, mine = self._strategy.real_cache, self._strategy.id
        found = cache.position(PositionId(name))
        if found is not None:
            return found
        held = [p for p in cache.positions_open(strategy_id=mine)
                if str(p.instrument_id) == instrument]  # fmt: skip
        return held[0] if held else None


def _numbered(strategy: Any) -> re.Pattern[str]:
    """Return how the host names the orders of a strategy: what is in front, and the number."""
    tags = (strategy.trader_id.get_tag(), strategy.id.get_tag())
    parts = ("O", r"\d{8}", r"\d{6}", *map(re.escape, tags), "")
    hyphen = "-" if strategy.config.use_hyphens_in_client_order_ids else ""
    return re.compile(rf"({hyphen.join(parts)})(\d+)")


def _instrument(given: Mapping[str, Any], series: Series | None) -> Any:
    if given.get("instrument_id") is not None:
        return given["instrument_id"]
    for name in ("order", "position"):
        if given.get(name) is not None:
            return given[name].instrument_id
    if given.get("order_list") is not None:
        return given["order_list"].instrument_id
    return None if series is None else series.instrument_id


def _names(arguments: str) -> list[str]:
    """Return what the new orders of a call were called when it was recorded."""
    said = json.loads(arguments)
    coded = said["order_list"]["orders"] if "order_list" in said else [said["order"]]
    return [each["new"]["client_order_id"] if "new" in each else each["order"] for each in coded]
