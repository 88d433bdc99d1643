"""Captured functions: what the host calls in place of the user's."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from capture_zipline.perturbing import perturb_costs, perturb_start
from capture_zipline.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.config import SignalCaptureConfig
    from capture_zipline.replaying import Replayed

    Function = Callable[[Any, Any], Any]

__all__ = ["captured"]


def captured(
    functions: Mapping[str, Any], config: SignalCaptureConfig, replayed: Replayed | None = None
) -> dict[str, Any]:
    """Return functions whose runs are recorded.

    Args:
        functions: the user's, by the names under which the host takes them.
        config: how to record.
        replayed: of a replay, what makes the recorded calls.
    """
    given = {name: _original(function) for name, function in functions.items()}
    sessions: dict[int, Session] = {}
    named = _Named(given, config, replayed, sessions)
    return {
        **dict.fromkeys(given),
        "initialize": named.initialize,
        "handle_data": named.handle_data,  # counts the bars
        **({"before_trading_start": named.before_trading_start} if named.prepares else {}),
        **{name: given[name] for name in ("analyze",) if name in given},
    }


def _original(function: Any) -> Any:
    """Return the user's function of one that is captured already: once is enough."""
    own = getattr(function, "__self__", None)
    return own.given.get(function.__name__) if isinstance(own, _Named) else function


class _Named:
    """The functions of a captured strategy; each run has a session of its own.

    Attributes:
        given: the user's functions by name.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        config: SignalCaptureConfig,
        replayed: Replayed | None,
        sessions: dict[int, Session],
    ) -> None:
        self.given = given
        self._on_bar: Function | None = given.get("handle_data")
        self._before_session: Function | None = given.get("before_trading_start")
        self._config = config
        self._replayed = replayed
        self._sessions = sessions

    def initialize(self, context: Any, **arguments: Any) -> None:
        """Begin a run."""
        if self._replayed is None:
            perturb_start(context)
        session = Session(self._config, self.given, context, self._replayed)
        self._sessions[id(context)] = session
        session.at_end(functools.partial(self._sessions.pop, id(context), None))
        try:
            session.speaks("initialize", self.given["initialize"], context, **arguments)
            if self._replayed is None:
                perturb_costs(context)
            session.begin(arguments)
        except BaseException:
            session.forget()
            raise

    def handle_data(self, context: Any, data: Any) -> Any:
        """Let the strategy act on a bar."""
        session = self._sessions.get(id(context))
        if session is not None:
            session.next_bar()
        own = self._on_bar
        if session is None or own is None:
            return None if own is None else own(context, data)
        return session.speaks("handle_data", own, context, data)

    @property
    def prepares(self) -> bool:
        """Whether the strategy acts before a session."""
        return self._before_session is not None

    def before_trading_start(self, context: Any, data: Any) -> Any:
        """Let the strategy act before a session."""
        assert self._before_session is not None
        session = self._sessions.get(id(context))
        if session is None:
            return self._before_session(context, data)
        session.moment = ~session.bars
        return session.speaks("before_trading_start", self._before_session, context, data)
