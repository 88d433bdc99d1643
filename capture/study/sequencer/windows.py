"""Windows of a walk forward: choose on what is known, and see what comes next.

Each window has a moment of decision. Before it lies the stretch in which settings are chosen, after
it the one in which the chosen are tried.

```text
anchored  |== train ==============|purge| D |embargo|== test ==|
rolling            |== train =====|purge| D |embargo|== test ==|
```

Purging leaves out the end of the training stretch, whose positions may reach into what comes next.
The embargo leaves out the beginning of the test, which features may still know from the training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from capture.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WalkForward", "Window"]


@dataclass(frozen=True)
class Window:
    """One window; each stretch begins with its first moment and ends before its last.

    Attributes:
        number: its place, from 0.
        train_start: beginning of the stretch in which settings are chosen.
        train_end: its end.
        test_start: beginning of the stretch in which the chosen are tried.
        test_end: its end.
    """

    number: int
    train_start: pd.Timestamp
    train_end: pd.Timestamp
    test_start: pd.Timestamp
    test_end: pd.Timestamp

    @property
    def name(self) -> str:
        """What it is called, such as `w03`."""
        return f"w{self.number:02d}"


@dataclass(frozen=True, kw_only=True)
class WalkForward:
    """How time is cut into windows.

    Attributes:
        train: length of the stretch in which settings are chosen, as pandas spells it ("180D");
            where it is anchored, that of the first.
        test: length of the stretch in which the chosen are tried.
        step: how far each decision is after the one before; the length of a test by default.
        anchored: every training stretch begins with the data; else all have one length.
        purge: how much is left out at the end of training.
        embargo: how much is left out at the beginning of the test.

    Example:
        ```python
        WalkForward(train="365D", test="90D", anchored=True, purge="5D").windows(start, end)
        ```
    """

    train: Any
    test: Any
    step: Any = None
    anchored: bool = False
    purge: Any = 0
    embargo: Any = 0

    def __post_init__(self) -> None:
        """Read lengths, and refuse those that leave nothing over."""
        for name in ("train", "test", "step", "purge", "embargo"):
            object.__setattr__(self, name, _length(name, getattr(self, name)))
        if self.step is None:
            object.__setattr__(self, "step", self.test)
        for name in ("train", "test", "step"):
            if getattr(self, name) <= _length("", 0):
                raise ConfigError(name, str(getattr(self, name)), "more than nothing is needed")
        if self.purge >= self.train:
            raise ConfigError("purge", str(self.purge), "it leaves nothing of the training")
        if self.step < self.test:
            raise ConfigError(
                "step", str(self.step), f"tests would overlap; give at least {self.test}"
            )

    def windows(self, start: Any, end: Any) -> tuple[Window, ...]:
        """Return the windows of a stretch of time, all of them whole.

        Args:
            start: its first moment.
            end: the moment after its last.

        Raises:
            ConfigError: not one window fits.
        """
        import pandas as pd

        first, last = pd.Timestamp(start), pd.Timestamp(end)
        found: list[Window] = []
        decision = first + self.train
        while decision + self.embargo + self.test <= last:
            begin = first if self.anchored else decision - self.train
            test = decision + self.embargo
            found.append(Window(len(found), begin, decision - self.purge, test, test + self.test))
            decision += self.step
        if not found:
            needed = self.train + self.embargo + self.test
            raise ConfigError(
                "train",
                str(self.train),
                f"one window takes {needed}, and there are {last - first} of data",
            )
        return tuple(found)


_UNITS: Final = "give a length such as 90D, 12h or 2W"


def _length(name: str, said: Any) -> Any:
    import pandas as pd

    if said is None:
        return None
    if isinstance(said, (int, float)) and said:
        raise ConfigError(name, said, _UNITS)
    try:
        length = pd.Timedelta(said)
    except (ValueError, TypeError) as exc:
        raise ConfigError(name, said, _UNITS) from exc
    if not length >= pd.Timedelta(0):  # what is no length at all compares to nothing
        raise ConfigError(name, said, "it cannot be less than nothing")
    return length
