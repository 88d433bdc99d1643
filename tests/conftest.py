"""What holds for every test; anything more particular stands beside the tests that use it."""

from __future__ import annotations

import os

from hypothesis import settings

# A shared machine is too noisy for a deadline per example. In CI the examples are the same every
# time, so that a red run there is red again at home; elsewhere they are drawn anew.
settings.register_profile("capture", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("capture")
