"""Two recordings side by side, and the same strategy on less data: look-ahead and warm-up."""

from __future__ import annotations

from capture.analysis.comparison.differing import diff
from capture.analysis.comparison.result import Diff, Divergence

__all__ = ["Diff", "Divergence", "diff"]
