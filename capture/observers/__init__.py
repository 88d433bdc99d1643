"""Observers of a run: resolved once when it starts, and disabled when they fail.

A call through pluggy costs about a microsecond even if nobody listens, which is a large part of
what a fast backtester spends on a bar. So each hook is bound once per run: to nothing, to the one
function that listens, or to a loop over several.
"""

from __future__ import annotations

from capture.observers.binding import HasPlugins, bind
from capture.observers.failures import PluginFailures, is_let_through

__all__ = ["HasPlugins", "PluginFailures", "bind", "is_let_through"]
