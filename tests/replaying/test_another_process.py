"""A recording is all that a replay needs: the strategy's code need not be there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.adapters import strategies as s
from tests.adapters.runs import Case, captured, eurusd, goog

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.host

_REPLAY = """
import json, sys, warnings
import backtesting.test
from backtesting import Backtest
import capture

store, bars, settings = sys.argv[1:]
warnings.simplefilter("ignore")
replay = capture.replay(capture.open(store).latest()).into("backtesting")
results = Backtest(getattr(backtesting.test, bars), replay, **json.loads(settings)).run()
assert "tests" not in sys.modules
"""

CASES: dict[str, tuple[type, Callable[[], Any], dict[str, Any]]] = {
    "SMA cross": (s.SmaCross, goog, {"cash": 10_000, "commission": 0.002, "spread": 0.0005}),
    "brackets, cancels, edits": (s.Nasty, goog, {"cash": 50_000}),
    "trailing stop": (s.Trailing, eurusd, {"cash": 10_000, "finalize_trades": True}),
    "before the first bar": (s.EarlyBird, goog, {"cash": 10_000, "exclusive_orders": True}),
}


def digest(results: Any) -> str:
    """Return a hash of the bytes of trades and equity."""
    found = hashlib.sha256()
    for table, names in (
        (results._trades, ("Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "PnL")),
        (results._equity_curve, ("Equity",)),
    ):
        for name in names:
            found.update(np.ascontiguousarray(table[name].to_numpy()).tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_a_process_without_the_strategy_gets_the_same_bytes(name: str, tmp_path: Path) -> None:
    strategy, bars, settings = CASES[name]
    original, _ = captured(Case(strategy, bars, settings), tmp_path / "store")
    script = tmp_path / "replay.py"
    hashing = Path(__file__).read_text().split("def digest", 1)[1].split("\n\n\n", 1)[0]
    script.write_text(
        "from typing import Any\nimport hashlib\nimport numpy as np\n"
        f"{_REPLAY}\ndef digest{hashing}\n\nprint(digest(results))\n"
    )
    words = [str(tmp_path / "store"), bars.__name__.upper(), json.dumps(settings)]
    done = subprocess.run(
        [sys.executable, str(script), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [digest(original)]
