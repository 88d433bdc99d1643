"""A recording on its way back: functions that do what was recorded, and compute nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zipline.errors import SymbolNotFound

from capture.errors import DataMismatch, NotReplayable
from capture_zipline.bars import Market
from capture_zipline.encoding import Lost, decode
from capture_zipline.script import Intents, Script, Targets
from capture_zipline.setting import SETTERS, host_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.contracts.replay import ReplaySource

__all__ = ["Replayed"]


class Replayed:
    """Makes the recorded calls at the moments at which they were made.

    Attributes:
        source: the recording.
    """

    def __init__(
        self,
        source: ReplaySource,
        initialize: Callable[[Any], Any] | None,
        symbols: Mapping[str, str],
        size: float | None,
        percent: float | None,
    ) -> None:
        """Keep what was asked for; refuse what cannot be replayed."""
        self.source = source
        self._own = initialize
        self._symbols = symbols
        self._sizes = (size, percent)
        self._repeated: dict[int, int] = {}
        self._expected: Callable[[], int] | None = None
        self._script: Script
        self._refuse_unkept()
        self._refuse_unsized()

    def functions(self) -> dict[str, Any]:
        """Return what the host takes in the strategy's place."""
        made = {"initialize": self.initialize, "handle_data": self.handle_data}
        if self._prepares:
            made["before_trading_start"] = self.before_trading_start
        return made

    @property
    def _prepares(self) -> bool:
        """Whether the strategy did something before a session that is to be done again."""
        if self.source.mode != "intent":
            return False
        looks = self.source.flags.get("looked_at_portfolio", ())
        calls = (intent.callback for intent in self.source.intents)
        return any(first < 0 for first, _ in looks) or any(c is not None and c < 0 for c in calls)

    def _refuse_unkept(self) -> None:
        """Refuse a run of which something is lost that decided what happened."""
        if self.source.mode != "intent":
            return
        lost = [
            name for name in self.source.flags.get("not_captured", ())
            if name.partition(".")[0] not in SETTERS
        ]  # fmt: skip
        if lost:
            raise NotReplayable(
                self.source.run_id,
                f"{', '.join(lost)} could not be recorded",
                'replay what it wanted instead: capture.replay(recording, mode="target")',
            )

    def _refuse_unsized(self) -> None:
        """Refuse a run of which some order has no size, if none was said for those."""
        if self.source.mode == "intent" or any(one is not None for one in self._sizes):
            return
        unsized = [t for t in self.source.targets if t.direction and t.size is None]
        if unsized:
            raise NotReplayable(
                self.source.run_id,
                f"{len(unsized)} of its signals have no size recorded",
                'say one for them: .into("zipline", size=100), or percent=0.5 of the portfolio',
            )

    # --- the host's callbacks ----------------------------------------------------------------

    def initialize(self, context: Any) -> None:
        """Set what the strategy had set; refuse other data, and other settings where it matters."""
        self._repeated.clear()
        market = Market(context)
        assets = {name: self._asset(context, name) for name in self.source.bars()}
        feeds = {name: market.feed(asset) for name, asset in assets.items()}
        for name, feed in feeds.items():
            self.source.check_bars(feed.table(), symbol=name)
            context.sid(feed.asset.sid)  # as the strategy came across it, if this is recorded
        self._set(context, assets)
        if self._own is not None:
            self._own(context)
        self.source.check_settings(host_settings(context))
        kind = Intents if self.source.mode == "intent" else Targets
        self._script = kind(self.source, feeds, self._expect, *self._sizes)

    def _asset(self, context: Any, name: str) -> Any:
        """Return the asset that an instrument of the recording is in this bundle."""
        finder, wanted = context.asset_finder, self._symbols.get(name)
        if wanted is None:
            number = self.source.flags.get("assets", {}).get(name)
            found = finder.retrieve_asset(number, default_none=True) if number is not None else None
            plain = name.partition(" #")[0]
            if found is not None and found.symbol in {plain, ""}:
                return found
            wanted = plain
        try:
            return finder.lookup_symbol(wanted, as_of_date=context.sim_params.end_session)
        except SymbolNotFound:
            raise DataMismatch(
                self.source.run_id,
                f"the bundle has no asset {wanted!r}; if it is called otherwise there, say so: "
                f'.into("zipline", symbols={{{name!r}: ...}})',
            ) from None

    def _set(self, context: Any, assets: Mapping[str, Any]) -> None:
        """Make the calls by which the strategy set costs and limits."""
        for name, said in self.source.flags.get("settings_made", ()):
            if self.source.host != "zipline":
                return
            try:
                given = decode(said, asset=assets.__getitem__, order=lambda _: None)
            except Lost as exc:
                if self._own is None:
                    raise NotReplayable(
                        self.source.run_id,
                        f"what {name} was given could not be recorded: {exc}",
                        f'set it again: .into("zipline", initialize=lambda context: {name}(...))',
                    ) from None
                continue
            getattr(context, name)(**given)

    def handle_data(self, context: Any, data: Any) -> None:
        """Do what was done at this bar."""
        self._script.bar(context)

    def before_trading_start(self, context: Any, data: Any) -> None:
        """Do what was done before this session."""
        self._script.session(context)

    # --- what is repeated --------------------------------------------------------------------

    def expect(self, coming: Callable[[], int]) -> None:
        """Know how to ask for the number of the next signal of a replay that is recorded."""
        self._expected = coming

    def _expect(self, signal_seq: int) -> None:
        if self._expected is not None:
            self._repeated[self._expected()] = signal_seq

    def source_ids(self, seqs: Any) -> list[str | None]:
        """Return which recorded signals these signals repeat."""
        return [self.source.source_id(self._repeated.get(seq)) for seq in seqs.tolist()]
