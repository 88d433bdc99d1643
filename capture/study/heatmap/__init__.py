"""Heat maps: an objective over two settings, computed first and then drawn."""

from __future__ import annotations

from capture.study.heatmap.mapping import HeatMap, heat_map
from capture.study.heatmap.writing import write_heat_map

__all__ = ["HeatMap", "heat_map", "write_heat_map"]
