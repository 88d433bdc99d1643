"""The loops of `kernel`, compiled where numba is installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compiled", "is_there"]


def is_there() -> bool:
    """Say whether numba is installed; it is not imported for that."""
    return find_spec("numba") is not None


@cache
def compiled() -> Callable[..., None]:
    """Return `kernel.trade` as machine code, which numba keeps on disk from then on."""
    import numba
    from numba.extending import overload

    from capture.study.portfolio import arithmetic, coding, kernel, verdicts

    def offered(function: Callable[..., Any]) -> None:
        overload(function, strict=False)(lambda *_: function)

    for piece in kernel.PIECES:
        offered(piece)
    # numba forgets what it kept when the file of the compiled function changes, and not when those
    # change that it calls. So their text is part of what the function closes over.
    sources = [
        Path(module.__file__ or "").read_bytes()
        for module in (arithmetic, coding, kernel, verdicts)
    ]
    text = crc32(b"".join(sources))
    trade = kernel.trade

    def run(settings: Any, plan: Any, desk: Any) -> None:
        if text >= 0:
            trade(settings, plan, desk)

    offered(trade)
    made: Callable[..., None] = numba.njit(nogil=True, cache=True, error_model="numpy")(run)
    return made
