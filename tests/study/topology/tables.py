"""The tables of `docs/topologies.md`, made from the models: run it to write them anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from capture.study.topology import models

PAGE = Path(__file__).parents[3] / "docs" / "topologies.md"
SECTIONS = {
    "## Every key of a signal generation": (
        ("", models.GenerationModel),
        ("data[]", models.FeedModel),
        ("features.NAME", models.FeatureModel),
        ("strategies.NAME", models.StrategyModel),
        ("alignment", models.AlignmentModel),
        ("record", models.RecordModel),
    ),
    "## Every key of a signal replay": (
        ("", models.ReplayModel),
        ("recording", models.RecordingModel),
    ),
}
AFTER = {
    "## Every key of a signal replay": (
        "A portfolio has the settings of [Sparse replay](sparse-replay.md), and beside them "
        "`strategies` (whose signals it trades; all if not said), and components: `validators`, a "
        "list, and `sizer`, `slippage`, `commission`, each as `use` with its options."
    ),
    "## Every key of a signal generation": (
        "`features.NAME` and `record` take further keys: the options of the feature, and the "
        "[settings of the recorder](recording-by-hand.md#all-settings)."
    ),
}


def rows(prefix: str, model: Any) -> list[str]:
    """The rows of one model: key, default, meaning."""
    found = []
    for name, field in model.model_fields.items():
        if field.default_factory is not None:
            default = ""
        elif field.default is PydanticUndefined:
            default = "needed"
        else:
            default = "" if field.default is None else f"`{str(field.default).lower()}`"
        key = f"{prefix}.{name}" if prefix else name
        found.append(f"| `{key}` | {default} | {field.description} |")
    return found


def section(heading: str) -> str:
    """What stands under a heading."""
    lines = ["| key | default | what it says |", "|---|---|---|"]
    for prefix, model in SECTIONS[heading]:
        lines += rows(prefix, model)
    return "\n".join([*lines, "", *_wrapped(AFTER[heading])])


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)


def written(page: str) -> str:
    """The page with its tables made anew."""
    for heading in SECTIONS:
        pattern = rf"({re.escape(heading)}\n\n).*?(?=\n## |\Z)"
        page = re.sub(pattern, lambda m, h=heading: f"{m[1]}{section(h)}\n", page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
