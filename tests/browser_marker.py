"""Tests marked `browser` drive Chromium: left out, and said so, where there is none.

`-m browser` asks for them; without a Chromium they then fail, saying what to install.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.chromium import binary

MARKER = "browser"
LEFT_OUT = (
    "browser tests left out: no Chromium on this machine; on Debian: apt-get install chromium"
)


def _leaves_out(config: pytest.Config) -> bool:
    asked = MARKER in str(config.option.markexpr).replace(f"not {MARKER}", "")
    return not asked and binary() is None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take them out of the run where they cannot run."""
    if _leaves_out(config):
        gone = [item for item in items if item.get_closest_marker(MARKER)]
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=gone)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say that they were taken out."""
    if _leaves_out(config):
        terminalreporter.write_line(LEFT_OUT)
