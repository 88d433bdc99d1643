"""Measurements of the recorder, as ratios against named baselines: `python -m benchmarks`."""
