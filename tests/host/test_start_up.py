"""Looking for plugins is quick: nothing that is heavy is imported for it."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("pyarrow", "pandas", "numpy", "h5py", "backtesting", "rich", "msgpack", "sqlite3")
PROGRAM = """
import json, sys
from capture.host import Host
host = Host()
offers = [offer for report in host.reports() for offer in report.offers]
host.bind("on_signal", None, None)
print(json.dumps([offers, sorted(sys.modules)]))
"""


def test_listing_all_that_comes_with_capture_imports_nothing_heavy() -> None:
    program = [sys.executable, "-I", "-c", PROGRAM]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    offers, modules = json.loads(done.stdout)
    assert {"backend parquet", "adapter backtesting", "command plugins"} <= set(offers)
    assert [name for name in HEAVY if name in modules] == []
