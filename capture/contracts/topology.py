"""What an adapter offers whose backtester can run topologies, and what their components are.

A component is registered with `register_components`, under its role and the word that a user types:

| role | what `load` returns |
|---|---|
| `feature` | a function of bars and options, to a value per bar, or lines of them by name |
| `strategy` | a class of strategies of the built-in backtester |
| `sizer` | a function or class of options that makes one: from a proposal to units |
| `validator` | the same: from a proposal to None, or why it is refused |
| `slippage` | the same: from price and side to the price that is paid |
| `commission` | the same: from units and price to a cost |

All are stateless: the same arguments give the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["PortfolioPlan", "StrategyPlan", "TopologyAdapter"]


class StrategyPlan(Protocol):
    """A strategy that a topology asks for."""

    @property
    def strategy(self) -> Any:
        """Its class."""
        ...

    @property
    def params(self) -> Mapping[str, Any]:
        """Its parameters."""
        ...

    @property
    def symbols(self) -> Sequence[str] | None:
        """What it sees; None is what it declares."""
        ...

    @property
    def timeframe(self) -> str | None:
        """The bars it is called for; None is what it declares."""
        ...

    @property
    def mode(self) -> str | None:
        """When it is called; None is what it declares."""
        ...

    @property
    def features(self) -> Mapping[str, Any]:
        """Features beside those it declares, each with the keys of its configuration."""
        ...

    @property
    def classifiers(self) -> Mapping[str, Mapping[str, Any]]:
        """Regime classifiers, each with its options."""
        ...


class PortfolioPlan(Protocol):
    """A portfolio that a topology asks for."""

    @property
    def settings(self) -> Any:
        """How it trades: `PortfolioSettings`."""
        ...

    @property
    def stages(self) -> Mapping[str, Any]:
        """Sizer, validators, slippage and commission of its own."""
        ...

    @property
    def strategies(self) -> Sequence[str] | None:
        """Whose signals it trades; None is everybody's."""
        ...


@runtime_checkable
class TopologyAdapter(Protocol):
    """An adapter whose backtester runs topologies."""

    def feed(self, **said: Any) -> Any:
        """Return bars, as the configuration of a feed says them."""
        ...

    def generate(
        self,
        feeds: Sequence[Any],
        strategies: Mapping[str, StrategyPlan],
        config: SignalCaptureConfig,
        *,
        name: str,
        settings: Mapping[str, Any],
    ) -> str:
        """Run strategies without a portfolio, recorded; return the identity of the run."""
        ...

    def trade(
        self,
        sources: Sequence[ReplaySource],
        portfolios: Mapping[str, PortfolioPlan],
        config: SignalCaptureConfig | None = None,
        *,
        name: str = "",
    ) -> Mapping[str, Any]:
        """Replay recorded signals into portfolios; return the results of each by name."""
        ...
