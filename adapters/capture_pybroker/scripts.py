"""What a replay does on each bar: recorded calls as they were, or targets brought about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from pybroker.common import StopType

from capture_pybroker.encoding import FIELDS, decoded
from capture_pybroker.hearing import real
from capture_pybroker.ledger import signed_position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from capture.contracts.replay import IntentLike, Target

    Step: TypeAlias = tuple[int | None, Callable[[Any], None]]
    Script: TypeAlias = dict[str | None, dict[int, list[Step]]]

__all__ = ["Step", "intent_steps", "target_steps"]

_NONE: Final = -1
"""Number of an exit that a boundary policy adds: no signal was recorded."""


def intent_steps(intents: Iterable[IntentLike]) -> Script:
    """Return the recorded calls by symbol and bar.

    A step has the number of its signal where it is an order; what has none is done at once.
    """
    script: Script = {}
    for intent in intents:
        if intent.bar_index is None:
            continue
        new = intent.action == "new" or intent.call == "set_target_shares"
        step = _order(intent) if new else _aside(intent)
        seq = _NONE if intent.signal_seq is None else intent.signal_seq
        script.setdefault(intent.symbol, {}).setdefault(intent.bar_index, []).append(
            (seq if new else None, step)
        )
    return script


# --- orders --------------------------------------------------------------------------------------


def _order(intent: IntentLike) -> Callable[[Any], None]:
    said = decoded(intent.arguments)
    fields = {name: said[name] for name in FIELDS if name in said}
    shares, exits = _shares(intent, said), said.get("exits")

    def place(ctx: Any) -> None:
        if exits is not None:
            _leave(ctx, exits)
        if shares(ctx):
            for name, value in fields.items():
                setattr(ctx, name, value)

    return place


def _leave(ctx: Any, side: str) -> None:
    """Mark the order as one that leaves a position, if there is one on this side."""
    held = _sides(ctx, side)[0].get(ctx.symbol)
    if held is not None:
        ctx._exit_stop_pos, ctx._exiting_pos = held, True


def _shares(intent: IntentLike, said: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Return what sets the shares of an order, and says whether there are any."""
    call, name = intent.call, str(intent.call)
    if call in ("flatten", "sell_all_shares", "cover_all_shares"):
        wanted = {"sell_all_shares": 1, "cover_all_shares": -1}.get(name)
        return lambda ctx: _flatten(ctx, wanted)
    if call == "set_target_shares":
        target, way = said["target"], said["dir"]

        def aim(ctx: Any) -> bool:
            ctx.set_target_shares(target, dir=way)
            return ctx.buy_shares is not None or ctx.sell_shares is not None

        return aim
    if intent.size_kind == "fraction":
        given = [said.get("target", intent.size), said.get("price"), said.get("cash")]

        def size(ctx: Any) -> bool:
            setattr(ctx, name, ctx.calc_target_shares(*given))
            return True

        return size
    exact = said.get("shares", _whole(intent.size or 0.0))

    def put(ctx: Any) -> bool:
        setattr(ctx, name, exact)
        return True

    return put


def _whole(size: float) -> int | float:
    return int(size) if size.is_integer() else size


def _flatten(ctx: Any, side: int | None = None) -> bool:
    """Close what is held, if it is held on this side; say whether there is anything."""
    held = signed_position(real(ctx._portfolio), ctx.symbol)
    if not held or (side is not None and held * side < 0):
        return False
    if held > 0:
        ctx.sell_all_shares()
    else:
        ctx.cover_all_shares()
    return True


# --- what is no order ----------------------------------------------------------------------------


def _aside(intent: IntentLike) -> Callable[[Any], None]:
    said = decoded(intent.arguments)
    if intent.call == "score":
        return lambda ctx: _score(ctx, said)
    if intent.call == "cancel_all_pending_orders":
        return lambda ctx: ctx.cancel_all_pending_orders(said["symbol"])
    if intent.call == "cancel_pending_order":
        return lambda ctx: _cancel(ctx, said["symbol"], np.datetime64(said["created"]))
    if intent.call == "cancel_stop":
        return lambda ctx: _cancel_stop(ctx, said)
    return lambda ctx: _cancel_stops(ctx, said)


def _score(ctx: Any, said: Mapping[str, Any]) -> None:
    if ctx.rotation_enabled:
        for name, value in said.items():
            setattr(ctx, name, value)


def _cancel(ctx: Any, symbol: str, label: Any) -> None:
    """Cancel the order that was made on the bar with this label."""
    for order in list(real(ctx._pending_order_scope).orders(symbol)):
        if np.datetime64(order.created) == label:
            ctx.cancel_pending_order(order.id)


def _cancel_stop(ctx: Any, said: Mapping[str, Any]) -> None:
    for lot in _lots(ctx, said["symbol"], None):
        if str(lot.date) == said["lot"]:
            for stop in list(lot.stops):
                if stop.stop_type is StopType[said["stop_type"]]:
                    ctx.cancel_stop(stop.id)
                    return


def _cancel_stops(ctx: Any, said: Mapping[str, Any]) -> None:
    kind = StopType[said["stop_type"]] if "stop_type" in said else None
    if "lot" in said:
        for lot in _lots(ctx, said["symbol"], said["side"]):
            if str(lot.date) == said["lot"]:
                ctx.cancel_stops(lot, kind)
    elif "side" in said:
        held = _sides(ctx, said["side"])[0].get(said["symbol"])
        if held is not None:
            ctx.cancel_stops(held, kind)
    else:
        ctx.cancel_stops(said["symbol"], kind)


def _sides(ctx: Any, side: str | None) -> list[Any]:
    portfolio = real(ctx._portfolio)
    both = {"long": portfolio.long_positions, "short": portfolio.short_positions}
    return [both[side]] if side else list(both.values())


def _lots(ctx: Any, symbol: str, side: str | None) -> list[Any]:
    held = (positions.get(symbol) for positions in _sides(ctx, side))
    return [lot for position in held if position is not None for lot in position.entries]


# --- targets -------------------------------------------------------------------------------------


def target_steps(targets: Iterable[Target], size: float | None) -> Script:
    """Return what brings the position to each target, by symbol and bar.

    Args:
        targets: the positions that are wanted.
        size: which fraction of the capital an order takes that has no size.
    """
    script: Script = {}
    for target in targets:
        if target.bar_index is not None:
            bars = script.setdefault(target.symbol, {})
            seq = _NONE if target.signal_seq is None else target.signal_seq
            bars.setdefault(target.bar_index, []).append((seq, _bring(target, size)))
    return script


def _bring(target: Target, size: float | None) -> Callable[[Any], None]:
    def bring(ctx: Any) -> None:
        held = signed_position(real(ctx._portfolio), ctx.symbol)
        name = "buy_shares" if target.direction > 0 else "sell_shares"
        if target.direction and not held and _is_share(target):
            setattr(ctx, name, ctx.calc_target_shares(_share(target, size)))
            return
        wanted = _units(ctx, target, size, abs(held))
        if not target.direction or not wanted:
            _flatten(ctx)
            return
        if held * target.direction > 0:
            if target.size_kind not in ("target", "target_fraction", "value", "portion"):
                return
            change = wanted - abs(held)
        else:
            change = wanted + abs(held)
        buys = change * target.direction > 0
        if change:
            setattr(ctx, "buy_shares" if buys else "sell_shares", _whole(float(abs(change))))

    return bring


def _units(ctx: Any, target: Target, size: float | None, held: float) -> float:
    """Return how many shares a target is."""
    wanted, kind = target.size, target.size_kind
    if kind == "portion":
        return held * (wanted or 0.0)
    if wanted is None or _is_share(target):
        return float(ctx.calc_target_shares(_share(target, size)))
    if kind in ("units", "target"):
        return abs(wanted)
    return abs(wanted) / float(ctx.close_price)


def _is_share(target: Target) -> bool:
    """Say whether a target is a part of the capital."""
    kinds = ("portion", "units", "target", "value")
    return target.size_kind not in kinds or (target.size is None and target.size_kind != "portion")


def _share(target: Target, size: float | None) -> float:
    if target.size is None or target.size_kind == "sizer":
        return 1.0 if size is None else size
    return min(abs(target.size), 1.0)
