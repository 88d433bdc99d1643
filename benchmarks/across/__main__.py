"""`python -m benchmarks.across [--check]` makes the table of `docs/across-hosts.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.across.hosts import HOSTS, installed
from benchmarks.across.running import rows
from benchmarks.across.table import put, table

PAGE = Path(__file__).parents[2] / "docs" / "across-hosts.md"


def main(arguments: list[str]) -> int:
    """Write the table, or with --check say whether the page has the one that is made now."""
    missing = HOSTS.keys() - set(installed())
    if missing:
        print(f"error: not installed: {', '.join(sorted(missing))}", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder:
        found = list(rows(list(HOSTS), Path(folder)))
    page = PAGE.read_text(encoding="utf-8")
    made = put(page, table(found))
    if "--check" in arguments:
        return int(made != page)
    PAGE.write_text(made, encoding="utf-8")
    left = sum(len(row.explanation.unexplained) for row in found)
    print(f"{len(found)} replays, {left} differences unexplained; {PAGE.name} is written")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
