"""The host legs of the tests: `python tests/hosts.py EXTRA [words for pytest]`.

It runs every test that is marked `host` in the environment that it is called in, and remembers
which backtester was met in which version, and how many of the tests named after it passed. A
backtester of the extra that is not installed is an error, before any test runs. Without an extra it
prints what was remembered of all environments.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[1]
_NOT_HOSTS: Final = {"plotly", "pandas", "numpy", "signal-capture"}


def declared(extra: str, text: str | None = None) -> dict[str, str]:
    """Return the distribution of each backtester that an extra brings."""
    content = (ROOT / "pyproject.toml").read_text(encoding="utf-8") if text is None else text
    extras = tomllib.loads(content)["project"]["optional-dependencies"]
    if extra not in extras:
        raise SystemExit(f"error: there is no extra {extra!r}; there are {', '.join(extras)}")
    found = {}
    for requirement in map(Requirement, extras[extra]):
        for host in sorted(requirement.extras):
            first, *_ = (Requirement(one).name for one in extras[host])
            found[host] = first
    return found


@cache
def left_out() -> frozenset[str]:
    """Return the backtesters that do not allow the pandas that is installed."""
    if int(version("pandas").split(".")[0]) < 3:
        return frozenset()
    return frozenset(declared("hosts").keys() - declared("hosts-pandas3").keys())


def names_one_left_out(name: str) -> bool:
    """Say whether a file or a title has the name of a backtester that is left out as a word."""
    return not left_out().isdisjoint(_words(name))


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", name.lower())


def installed(hosts: dict[str, str]) -> dict[str, str]:
    """Return the version of each backtester; one that is missing ends the run."""
    found, missing = {}, []
    for host, distribution in hosts.items():
        try:
            found[host] = version(distribution)
        except PackageNotFoundError:
            missing.append(f"{host} ({distribution})")
    if missing:
        raise SystemExit(f"error: not installed: {', '.join(missing)}; a missing backtester fails")
    return found


def passed(report: Path, hosts: dict[str, str]) -> dict[str, int]:
    """Return how many tests in files that are named after each backtester passed."""
    counts: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):
        if {child.tag for child in case}.isdisjoint({"failure", "error", "skipped"}):
            counts.update(set(_words(case.get("classname", ""))))
    return {host: counts[host] for host in hosts}


def table(legs: list[dict[str, Any]]) -> str:
    """Return which backtester was tested with which pandas, as lines."""
    hosts = sorted({host for leg in legs for host in leg["hosts"]})
    titles = ["backtester", *(f"pandas {leg['pandas']}" for leg in legs)]
    rows = [[host, *(_cell(leg, host) for leg in legs)] for host in hosts]
    rows.append(["result", *(("passed" if leg["status"] == 0 else "failed") for leg in legs)])
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (titles, *rows)
    )


def _cell(leg: dict[str, Any], host: str) -> str:
    return f"{leg['hosts'][host]}, {leg['passed'][host]} tests" if host in leg["hosts"] else "-"


def main(arguments: list[str]) -> int:
    """Run a leg, or print what the legs came to."""
    if not arguments:
        legs = [json.loads(path.read_text(encoding="utf-8")) for path in ROOT.glob(".hosts-*.json")]
        legs.sort(key=lambda leg: str(leg["pandas"]))
        sys.stdout.write(f"{table(legs)}\n" if legs else "no leg was run\n")
        return max((leg["status"] for leg in legs), default=1)
    extra, *words = arguments
    hosts = installed(declared(extra))
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        pytest = [sys.executable, "-m", "pytest", "-m", "host", f"--junit-xml={report}", *words]
        status = subprocess.run(pytest, cwd=ROOT, check=False).returncode
        counts = passed(report, hosts) if report.exists() else dict.fromkeys(hosts, 0)
    said = {"python": platform.python_version(), "pandas": version("pandas"), "hosts": hosts}
    leg = {**said, "extra": extra, "passed": counts, "status": status}
    (ROOT / f".hosts-{extra}.json").write_text(json.dumps(leg), encoding="utf-8")
    sys.stdout.write(f"\nPython {leg['python']}\n{table([leg])}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
