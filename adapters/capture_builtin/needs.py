"""What a strategy declares that it needs: symbols, timeframes, features, regimes, lookback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Feature", "Needs"]


@dataclass(frozen=True)
class Feature:
    """A feature that is wanted: which one, of what, and with which options.

    Example:
        ```python
        Feature("sma", window=10)
        Feature("correlation", of=("GOOG", "MSFT"), window=50)
        ```

    Attributes:
        use: the word of a registered feature, or a function.
        symbols: of which symbols; None is each symbol that the strategy sees.
        timeframe: of which bars; None is the strategy's own.
        of: the symbols of a feature across them; its values go by the bars of the first.
        options: its options.
    """

    use: str | Callable[..., Any]
    symbols: tuple[str, ...] | None = None
    timeframe: str | None = None
    of: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __init__(
        self,
        use: str | Callable[..., Any],
        *,
        symbols: Iterable[str] | None = None,
        timeframe: str | None = None,
        of: Iterable[str] | None = None,
        **options: Any,
    ) -> None:
        """Say what is wanted; further words are the feature's options."""
        if not (isinstance(use, str) or callable(use)):
            raise ConfigError("use", use, "name a feature, or hand over a function")
        across = None if of is None else tuple(of)
        if across is not None and len(across) < 2:
            raise ConfigError("of", of, "a feature across symbols is of two or more")
        for name, value in (
            ("use", use),
            ("symbols", None if symbols is None else tuple(symbols)),
            ("timeframe", timeframe),
            ("of", across),
            ("options", dict(options)),
        ):
            object.__setattr__(self, name, value)

    @property
    def word(self) -> str:
        """What it is called."""
        return self.use if isinstance(self.use, str) else getattr(self.use, "__qualname__", "?")

    def record(self) -> dict[str, Any]:
        """Return it as a recording keeps it."""
        more = {"timeframe": self.timeframe, "of": self.of}
        said = {name: value for name, value in more.items() if value is not None}
        return {"function": self.word, "params": dict(self.options), **said}


@dataclass(frozen=True)
class Needs:
    """What a strategy sees; nothing else can be asked for while it runs.

    Attributes:
        symbols: symbols, the first of which is the one that is meant where none is named; None is
            every symbol that there is, in order of name.
        timeframe: the bars it is called for; None is the finest of each symbol.
        timeframes: further timeframes that it looks at.
        features: features by the name that it knows them by.
        classifiers: regime classifiers by name, each with its options.
        lookback: so many bars of every series must have closed before it is first called, and so
            many it can look back.
        mode: "any": it is called when a bar of any of its symbols closed; "all": when one of each.
    """

    symbols: tuple[str, ...] | None = None
    timeframe: str | None = None
    timeframes: tuple[str, ...] = ()
    features: Mapping[str, Feature] = field(default_factory=dict)
    classifiers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lookback: int = 1
    mode: str = "any"

    def __post_init__(self) -> None:
        """Refuse what cannot be met."""
        if isinstance(self.symbols, str) or self.symbols == ():
            raise ConfigError("symbols", self.symbols, 'name symbols, such as ("GOOG",)')
        lookback = self.lookback
        if isinstance(lookback, bool) or not isinstance(lookback, int) or lookback < 1:
            raise ConfigError("lookback", lookback, "a whole number of at least 1 is needed")
        if self.mode not in {"any", "all"}:
            raise ConfigError("mode", self.mode, "choose one of any, all")
        for name, feature in self.features.items():
            if not isinstance(feature, Feature):
                raise ConfigError("features", name, 'say it so: Feature("sma", window=10)')
        if self.symbols is not None:
            object.__setattr__(self, "symbols", tuple(self.symbols))
        object.__setattr__(self, "timeframes", tuple(self.timeframes))

    def with_(self, **changes: Any) -> Needs:
        """Return the same with some of it changed."""
        return replace(self, **changes)
