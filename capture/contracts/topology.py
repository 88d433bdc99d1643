"""What an adapter offers whose backtester can run topologies, and what their components are.

A component is registered with `register_components`, under its role and the word that a user types:

| role | what `load` returns |
|---|---|
| `feature` | a function of bars (columns by name) and options; it returns a value per bar, or several lines of them by name |
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
    from capture.study.portfolio.settings import PortfolioSettings

__all__ = ["PortfolioPlan", "StrategyPlan", "TopologyAdapter"]


class StrategyPlan(Protocol):
    """A strategy that a topology asks for.

    Attributes:
        strategy: its class.
        params: its parameters.
        symbols: what it sees; None is what it declares.
        timeframe: the bars it is called for; None is what it declares.
        mode: when it is called; None is what it declares.
        features: features beside those it declares, each with the keys of its configuration.
        classifiers: regime classifiers, each with its options.
    """

    strategy: Any
    params: Mapping[str, Any]
    symbols: Sequence[str] | None
    timeframe: str | None
    mode: str | None
    features: Mapping[str, Any]
    classifiers: Mapping[str, Mapping[str, Any]]


class PortfolioPlan(Protocol):
    """A portfolio that a topology asks for.

    Attributes:
        settings: how it trades.
        stages: sizer, validators, slippage and commission of its own.
        strategies: whose signals it trades; None is everybody's.
    """

    settings: PortfolioSettings
    stages: Mapping[str, Any]
    strategies: Sequence[str] | None


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
