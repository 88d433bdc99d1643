"""How it is heard that a run of the engine has come to its end.

After the last bar the engine stops its strategies, lets its exchanges carry out what they ordered
while they stopped, and then writes its log. For that it asks its kernel for the cache, and nothing
else of the run is still to come: until then, that one kernel is of a class which hears of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.recorder.adapting import likeness

if TYPE_CHECKING:
    from capture_nautilus.session import Session

__all__ = ["Watch"]

_WATCHED: Final = "_capture_sessions"


class Watch:
    """Lets a session hear of the end."""

    def __init__(self, session: Session, kernel: Any) -> None:
        """Watch a kernel that runs."""
        self._session = session
        self._kernel = kernel
        own = type(kernel)
        if _WATCHED not in vars(own):
            names = {**likeness(own), _WATCHED: [], "cache": property(_asked)}
            kernel.__class__ = type(own.__name__, (own,), names)
        getattr(kernel, _WATCHED).append(session)

    def end(self) -> None:
        """Leave the kernel as it was."""
        own = type(self._kernel)
        sessions = vars(own).get(_WATCHED, [])
        if self._session in sessions:
            sessions.remove(self._session)
            if not sessions:
                self._kernel.__class__ = own.__bases__[0]


def _asked(kernel: Any) -> Any:
    watching = type(kernel)
    for session in list(getattr(watching, _WATCHED)):
        session.over_if_stopped()
    return kernel._cache
