"""How it is heard that a run of the host is over: its results are made, or an exception ends it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from pybroker.scope import StaticScope

from capture.recorder.lifetimes import Runs
from capture_pybroker.hearing import CAPTURE
from capture_pybroker.window import LOOP

if TYPE_CHECKING:
    from capture_pybroker.session import Session

__all__ = ["SESSIONS", "of_strategy", "watch", "watch_no_more"]

SESSIONS: Final[Runs[Session]] = Runs()
"""Those that go on."""

_RESULTS: Final = "_to_test_result"
_CLEAN_UP: Final = "unfreeze_data_cols"


def watch(strategy: Any) -> None:
    """Hear of the ends of a strategy's runs."""
    # Not by its __dict__: who has asked for that of an object is slower to be used ever after.
    setattr(strategy, _RESULTS, _results)
    setattr(StaticScope.instance(), _CLEAN_UP, _clean_up)


def watch_no_more(strategy: Any) -> None:
    """Give back what no session that goes on needs; the strategy may be gone, or None."""
    others = [each.strategy for each in list(SESSIONS)]
    if strategy is not None and not any(other is strategy for other in others):
        strategy.__dict__.pop(_RESULTS, None)
    if not others:
        StaticScope.instance().__dict__.pop(_CLEAN_UP, None)


def _results(start: Any, end: Any, portfolio: Any, *args: Any, **kwargs: Any) -> Any:
    """Let the session of a portfolio know that the host makes its results of it.

    It stands in a strategy's place of that name while runs go on; the host's own makes the results.
    """
    host = sys._getframe(1).f_locals["self"]
    session: Session | None = portfolio.__dict__.get(CAPTURE)
    made = type(host)._to_test_result(host, start, end, portfolio, *args, **kwargs)
    if session is not None:
        session.finish(portfolio)
    return made


def _clean_up() -> None:
    """Let the session of a run know of the exception that ends it.

    It stands in the place of what the host calls at last, however a run ends, while runs go on.
    """
    scope: Any = StaticScope.instance()
    type(scope).unfreeze_data_cols(scope)
    portfolio, exc = sys._getframe(1).f_locals.get("portfolio"), sys.exc_info()[1]
    session: Session | None = getattr(portfolio, "__dict__", {}).get(CAPTURE)
    if session is not None and exc is not None:
        session.raised(exc)


def of_strategy(exc: BaseException) -> bool:
    """Say whether what the host's loop called of the user's raised it, and not the host itself."""
    step = exc.__traceback__
    while step is not None and step.tb_frame.f_code is not LOOP:
        step = step.tb_next
    if step is None:
        return False
    inner = step.tb_next
    name = "" if inner is None else inner.tb_frame.f_globals.get("__name__", "")
    return name.partition(".")[0] != "pybroker"
