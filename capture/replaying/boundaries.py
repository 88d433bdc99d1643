"""What becomes of positions where a regime begins or ends, as an explicit policy."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from capture.index.events import END

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd

    from capture.index.intervals import Intervals

__all__ = [
    "POLICIES",
    "BoundaryPlan",
    "BoundaryTrade",
    "Flatten",
    "Policy",
    "Regimes",
    "Step",
    "by_symbol",
    "plan",
    "united",
]

Policy = Literal["honour_exit", "force_flat", "carry", "block_reentry"]
POLICIES: Final = get_args(Policy)


Opposite = Literal["reverse", "close", "ignore"]
"""What an entry of the other side is to a host: it turns the position, closes it, or is nothing."""


class Step(NamedTuple):
    """One signal, as far as boundaries are concerned.

    Attributes:
        seq: its sequence number.
        bar: its bar.
        direction: 1 or -1 for the change it wants, 0 for "go flat".
        kind: entry, exit or adjustment.
        closes: of a signal that closes one trade of several: the signal that opened it.
        side: of an exit that closes positions of one side alone: 1 if it buys, -1 if it sells.
        opposite: what it is to the host where it is an entry against the position.
    """

    seq: int
    bar: int
    direction: int
    kind: str
    closes: int | None = None
    side: int = 0
    opposite: Opposite = "reverse"

    def against(self, position: int) -> Step | None:
        """Return what the step is to the host while this is held; None if it is nothing."""
        turns = self.kind == "entry" and self.direction == -position != 0
        if not turns or self.opposite == "reverse":
            return self
        return self._replace(kind="exit") if self.opposite == "close" else None


class Flatten(NamedTuple):
    """An exit that no signal asked for: everything of a symbol is closed on this bar.

    Where the recording holds several strategies, it is what this strategy has of the symbol.
    """

    symbol: str | None
    bar: int
    strategy_id: str | None = None


@dataclass(frozen=True)
class BoundaryTrade:
    """A position that was open when its regime ended.

    Attributes:
        symbol: instrument.
        direction: 1 long, -1 short.
        entry_bar: bar of the signal that opened it.
        entry_regime: regime there.
        boundary_bar: first bar outside the regimes that are replayed.
        boundary_regime: regime there.
        exit_bar: bar of the signal, or of the boundary, that closed it; None if nothing did.
        exit_regime: regime there.
        ended: how: "exit" (its own exit was honoured), "reversal" (the closing half of one),
            "forced" (flat at the boundary), "inside" (carried back into the regime, and closed
            there), "open" (still open at the end).
        strategy_id: the strategy that held it.
    """

    symbol: str | None
    direction: int
    entry_bar: int
    entry_regime: str | None
    boundary_bar: int
    boundary_regime: str | None
    exit_bar: int | None
    exit_regime: str | None
    ended: str
    strategy_id: str | None = None


@dataclass(frozen=True)
class BoundaryPlan:
    """What is replayed of a recording's signals.

    Attributes:
        kept: signals that are replayed as they are, by sequence number.
        closed: reversals of which only the closing half is replayed.
        flattened: exits that the policy adds.
        trades: positions that were open across a boundary, in order of their boundary.
    """

    kept: frozenset[int]
    closed: frozenset[int]
    flattened: tuple[Flatten, ...]
    trades: tuple[BoundaryTrade, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per boundary trade."""
        import pandas as pd

        columns = list(BoundaryTrade.__annotations__)
        frame = pd.DataFrame([asdict(trade) for trade in self.trades], columns=columns)
        whole = [name for name in columns if name.endswith("_bar")]
        return frame.astype(dict.fromkeys(whole, "Int64"))  # an exit may be missing


class Regimes(NamedTuple):
    """What is known of the regimes of one symbol.

    Attributes:
        inside: the bars that are replayed.
        state: names the regime at a bar.
    """

    inside: Intervals
    state: Callable[[int], str | None]


def plan(
    steps: Mapping[str | None, Iterable[Step]],
    regimes: Mapping[str | None, Regimes],
    policy: Policy,
    *,
    strategy_id: str | None = None,
) -> BoundaryPlan:
    """Return what is replayed of these signals, each symbol by itself.

    Inside the regimes every signal is replayed that makes sense for the position that the replay
    holds: what would reduce a position that was never opened is left out. Outside nothing opens
    and nothing is added to. What closes, closes as the policy says:

    - `honour_exit`: exits of positions that were opened inside are replayed, and of a reversal
      its closing half.
    - `force_flat`: the position is closed on the first bar outside.
    - `carry`: the position is kept as it is until the regime is back.
    - `block_reentry`: as `honour_exit`; and inside, a signal that only re-affirms what the
      strategy wanted already, while the replay is flat, does not open.

    Args:
        steps: the signals by symbol, in order.
        regimes: the regimes by symbol.
        policy: what happens at a boundary.
        strategy_id: the strategy that gave the signals.
    """
    made = _Made(strategy_id)
    for symbol, signals in steps.items():
        _Position(symbol, regimes[symbol], policy, made).run(signals)
    return BoundaryPlan(
        frozenset(made.kept),
        frozenset(made.closed),
        tuple(sorted(made.flattened, key=lambda one: one.bar)),
        tuple(sorted(made.trades, key=lambda one: (one.boundary_bar, one.entry_bar))),
    )


def united(plans: Iterable[BoundaryPlan]) -> BoundaryPlan:
    """Return the plans of several strategies as one."""
    every = tuple(plans)
    return BoundaryPlan(
        frozenset().union(*(one.kept for one in every)),
        frozenset().union(*(one.closed for one in every)),
        tuple(flat for one in every for flat in one.flattened),
        tuple(trade for one in every for trade in one.trades),
    )


class _Made:
    """What the plans of all symbols come to."""

    def __init__(self, strategy_id: str | None) -> None:
        self.strategy_id: Final = strategy_id
        self.kept: set[int] = set()
        self.closed: set[int] = set()
        self.flattened: list[Flatten] = []
        self.trades: list[BoundaryTrade] = []


class _Position:
    """The position in one symbol: what the strategy wants, and what the replay holds."""

    def __init__(self, symbol: str | None, regimes: Regimes, policy: Policy, made: _Made) -> None:
        self._symbol = symbol
        self._stretches = list(regimes.inside)
        self._state = regimes.state
        self._policy = policy
        self._made = made
        self._wanted = 0
        self._held = 0
        self._entry_bar = 0
        self._opened: set[int] = set()  # the signals that the position is made of
        self._boundary: int | None = None  # where the position left the regime

    def run(self, signals: Iterable[Step]) -> None:
        """Decide on every signal, in order."""
        for step in signals:
            inside = self._advance(step.bar)
            mine = step.against(self._held)
            if mine is not None and (not mine.side or mine.side != self._held):
                if inside:
                    self._inside(mine)
                else:
                    self._outside(mine)
            wanted = step.against(self._wanted)
            if wanted is not None:
                self._want(wanted)
        self._advance(None)
        self._crossed(None, "open")

    def _advance(self, bar: int | None) -> bool:
        """Go to a bar, or to the end; say whether it lies inside."""
        stretches = self._stretches
        while stretches and (bar is None or stretches[0][1] <= bar):
            self._leave(stretches.pop(0)[1])
        return bar is not None and bool(stretches) and stretches[0][0] <= bar

    def _leave(self, bar: int) -> None:
        """Come to a boundary; one that lies after all bars is none."""
        if not self._held or bar >= END:
            return
        if self._boundary is None:
            self._boundary = bar
        if self._policy == "force_flat":
            self._made.flattened.append(Flatten(self._symbol, bar, self._made.strategy_id))
            self._close(bar, "forced")

    def _inside(self, step: Step) -> None:
        direction = step.direction
        if step.closes is not None:
            self._close_trade(step, "inside")
        elif not self._held:
            affirmed = direction == self._wanted
            blocked = self._policy == "block_reentry" and affirmed
            if direction and step.kind == "entry" and not blocked:
                self._open(step)
        elif direction == self._held:
            self._keep(step)
            self._opened.add(step.seq)
        else:
            self._keep(step)
            self._reduce(step, "inside", reopen=True)

    def _outside(self, step: Step) -> None:
        if not self._held or self._policy == "carry":
            return
        if step.closes is not None:
            self._close_trade(step, "exit")
        elif step.direction == self._held:
            return  # re-affirmed: neither an exit nor a further entry
        elif step.direction and step.kind == "entry":
            self._made.closed.add(step.seq)
            self._close(step.bar, "reversal")
        else:
            self._keep(step)
            self._reduce(step, "exit", reopen=False)

    def _reduce(self, step: Step, ended: str, *, reopen: bool) -> None:
        """Follow a kept signal that goes against the position."""
        if step.kind == "adjustment":
            return
        self._close(step.bar, ended)
        if reopen and step.direction and step.kind == "entry":
            self._begin(step)

    def _close_trade(self, step: Step, ended: str) -> None:
        """Follow a signal that closes one trade, if the replay has that trade."""
        if step.closes not in self._opened:
            return
        self._keep(step)
        if step.kind != "adjustment":
            self._opened.discard(step.closes)
            if not self._opened:
                self._close(step.bar, ended)

    def _open(self, step: Step) -> None:
        self._keep(step)
        self._begin(step)

    def _begin(self, step: Step) -> None:
        self._held, self._entry_bar, self._opened = step.direction, step.bar, {step.seq}

    def _keep(self, step: Step) -> None:
        self._made.kept.add(step.seq)

    def _close(self, bar: int, ended: str) -> None:
        self._crossed(bar, ended)
        self._held, self._opened, self._boundary = 0, set(), None

    def _crossed(self, bar: int | None, ended: str) -> None:
        """List the position if it was open across a boundary."""
        if not self._held or self._boundary is None:
            return
        self._made.trades.append(
            BoundaryTrade(
                self._symbol,
                self._held,
                self._entry_bar,
                self._state(self._entry_bar),
                self._boundary,
                self._state(self._boundary),
                bar,
                None if bar is None else self._state(bar),
                ended,
                self._made.strategy_id,
            )
        )

    def _want(self, step: Step) -> None:
        """Follow what the strategy itself wants, whatever is replayed of it."""
        if step.closes is not None or step.kind == "adjustment":
            return
        if step.side and step.side == self._wanted:
            return  # an exit of the other side
        self._wanted = 0 if step.kind == "exit" else step.direction


def by_symbol(steps: Iterable[tuple[str | None, Step]]) -> dict[str | None, list[Step]]:
    """Return signals by symbol, in order."""
    found: dict[str | None, list[Step]] = defaultdict(list)
    for symbol, step in steps:
        found[symbol].append(step)
    return dict(found)
