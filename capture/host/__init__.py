"""The plugin host: finds plugins, checks them, and knows by name what they offer."""

from __future__ import annotations

from capture.host.host import Host, get_host, use_host
from capture.host.report import PluginReport, PluginState

__all__ = ["Host", "PluginReport", "PluginState", "get_host", "use_host"]
