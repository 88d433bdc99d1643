"""The report on one run: what it comes to, computed first and then drawn as one HTML page."""

from __future__ import annotations

from capture.report.computing import compute
from capture.report.page import page
from capture.report.writing import write_page, write_report

__all__ = ["compute", "page", "write_page", "write_report"]
