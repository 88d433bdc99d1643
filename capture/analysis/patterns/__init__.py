"""Patterns: circumstances in which signals did better, or worse, than chance lets them."""

from __future__ import annotations

from capture.analysis.patterns.finding import find
from capture.analysis.patterns.report import PatternReport, SignalPattern
from capture.analysis.patterns.search import Search

__all__ = ["PatternReport", "Search", "SignalPattern", "find"]
